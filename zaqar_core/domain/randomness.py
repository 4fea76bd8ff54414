"""Random numbers from the operating system, for jitter, load balancing, ids and leases.

The shared generator of the module ``random`` is not used: a program or test may seed it, and our threads would then
change the numbers that it gets. A generator with its own state is not used either: it would repeat in forked processes.
"""

from __future__ import annotations

import os
from random import SystemRandom

randomness = SystemRandom()


def random_bytes() -> bytes:
    """Return 8 random bytes of the operating system, which are read ahead for many calls. Thread-safe."""
    try:
        return _ahead.pop()
    except IndexError:
        read = os.urandom(8 * _READ_AHEAD)
        _ahead.extend(read[start : start + 8] for start in range(8, len(read), 8))
        return read[:8]


#: How many calls of ``random_bytes`` one read serves: it saves a system call of 4 µs in each.
_READ_AHEAD = 256
_ahead: list[bytes] = []
if hasattr(os, "register_at_fork"):  # a forked process must not have the numbers of its parent
    os.register_at_fork(after_in_child=_ahead.clear)

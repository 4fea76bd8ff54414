"""Jitter and the spreading of load, drawn from the system.

Not from the shared generator of the module ``random``, which a program or a test seeds for itself: what it draws is not
to depend on when a thread of ours runs. Nor from a generator with a state, which would repeat in forked processes.
"""

from __future__ import annotations

from random import SystemRandom

randomness = SystemRandom()

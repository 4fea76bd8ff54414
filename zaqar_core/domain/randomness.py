"""Random numbers for jitter and load balancing, from the operating system.

The shared generator of the module ``random`` is not used: a program or test may seed it, and our threads would then
change the numbers that it gets. A generator with its own state is not used either: it would repeat in forked processes.
"""

from __future__ import annotations

from random import SystemRandom

randomness = SystemRandom()

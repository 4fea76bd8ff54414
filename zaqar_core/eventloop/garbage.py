"""Keeps collections of the garbage collector short in a worker.

A collection of all generations visits every container object of the process, and a waiting receive has about 40 of
them. CPython starts one whenever the number of old objects has grown by a quarter: while 10,000 receives wait, every
few seconds, and each blocks the loop for 100 ms and more. Only objects in reference cycles need it, and requests leave
hardly any. So only the young generations are collected automatically, and all of them at long intervals.

The middle generation blocks the loop for 10 ms when it is collected after ten young ones, as by default, since the
objects of waiting receives are not in the caches of the processor. So it is collected after every second one.
"""

from __future__ import annotations

import asyncio
import gc

#: Between two collections of all generations.
_INTERVAL_SECONDS = 600.0
#: Collections of the young generation that may pass before one of the middle generation.
_YOUNG_FOR_A_MIDDLE = 1
#: Collections of the middle generation after which CPython would begin one of all generations: never.
_NEVER = 1 << 30


def collect_rarely(loop: asyncio.AbstractEventLoop, interval_seconds: float = _INTERVAL_SECONDS) -> None:
    """Collect old objects only at this interval, on the loop, and leave out those that exist now."""
    gc.collect()
    gc.freeze()
    young, _, _ = gc.get_threshold()
    gc.set_threshold(young, _YOUNG_FOR_A_MIDDLE, _NEVER)

    def collect() -> None:
        gc.collect()
        loop.call_later(interval_seconds, collect)

    loop.call_later(interval_seconds, collect)

"""Pauses in long work, so that requests meet little of it."""

from __future__ import annotations

import time

from zaqar_core.eventloop.tasks import sleep

#: Work that is shorter is not interrupted: a pause of the event loop takes a millisecond.
_PIECE_SECONDS = 0.00025
#: Length of a pause, as a multiple of the work before it.
_PAUSE = 3.0
#: A pause takes no more than this part of the time that is left for pauses, so that there are some until the end.
_PART = 1 / 40


class Pauses:
    """Leaves the event loop, and the store, to others between the steps of one long work: it gets a quarter of them.

    On a busy machine each step takes longer. So all pauses together have a limit.
    """

    def __init__(self, pauses_seconds: float) -> None:
        """``pauses_seconds`` is the limit of all pauses together."""
        self._left = pauses_seconds
        self._began = time.monotonic()

    def step(self) -> None:
        """Pause, if the work since the last pause was long enough."""
        worked = time.monotonic() - self._began
        if worked < _PIECE_SECONDS:
            return
        seconds = min(_PAUSE * worked, _PART * self._left)
        self._left -= seconds
        sleep(seconds)
        self._began = time.monotonic()

"""The turn of one look at a queue (peek), while its response is sent in parts."""

from __future__ import annotations

from collections.abc import Iterator

from zaqar_core.eventloop import Semaphore


class Look:
    """A place of ``looks`` that was taken, and the parts of the response that it is for.

    The end of the parts gives the place back, as do ``close`` and the end of this object.
    """

    def __init__(self, looks: Semaphore) -> None:
        self._looks: Semaphore | None = looks
        self.parts: Iterator[bytes] = iter(())

    def __iter__(self) -> Look:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self.parts)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the look, also one that was never begun; safe to call twice."""
        looks, self._looks = self._looks, None
        if looks is not None:
            self.parts = iter(())
            looks.release()

    __del__ = close

"""Waiting for what other processes and threads do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

#: Until a test gives up. Long, so that no load of the machine fails a test; a test that passes does not wait for it.
PATIENCE_SECONDS = 30.0
#: A wait that a test must not sit out is at least as long as this: longer than any load delays a request.
LONG_POLL_SECONDS = 20
#: A poll that a test waits for ends after the test has given up.
ENDLESS_POLL_SECONDS = 2 * int(PATIENCE_SECONDS)
_LOOK_SECONDS = 0.005


def until(happened: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until ``happened()`` is true. If it takes too long, the test fails with ``what``, the thing waited for."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {what}")
        time.sleep(_LOOK_SECONDS)


@contextmanager
def sooner_than(seconds: float, what: str) -> Iterator[None]:
    """Fail if the block takes as long as ``what``, which takes ``seconds``: it should not have waited for that.

    The seconds are those of a wait in the product, and many times what the block needs.
    """
    began = time.monotonic()
    yield
    if time.monotonic() - began >= seconds:
        pytest.fail(f"took {time.monotonic() - began:.1f} s, as long as {what}")

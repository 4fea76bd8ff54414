"""The service that all tests of a process share. Its first use starts it; it is stopped at the end."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..service import Facade, Server

_mutex = threading.Lock()
_server: Server | None = None

#: Callbacks that run after the data of the service was deleted during a test.
after_reset: list[Callable[[], object]] = []


def _unlock() -> None:
    global _mutex
    _mutex = threading.Lock()


# Another thread of the parent may hold the lock at the time of the fork.
os.register_at_fork(after_in_child=_unlock)


def facade() -> Facade:
    """Return the running service; start it if necessary."""
    global _server
    with _mutex:
        if _server is None:
            from ..service import Server

            _server = Server()
        return _server.facade


def is_running() -> bool:
    """Return whether the service was started."""
    return _server is not None


def stop() -> None:
    """Stop the service if it runs."""
    global _server
    with _mutex:
        server, _server = _server, None
    if server is not None:
        server.stop()

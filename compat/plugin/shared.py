"""The service that all tests of one process share: started when first wanted, stopped at the end."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..embedded import Facade, Server

_mutex = threading.Lock()
_server: Server | None = None

#: Called after the service was emptied in the middle of a test.
after_reset: list[Callable[[], object]] = []


def _unlock() -> None:
    global _mutex
    _mutex = threading.Lock()


# Another thread of the parent may have held it.
os.register_at_fork(after_in_child=_unlock)


def facade() -> Facade:
    """The running service."""
    global _server
    with _mutex:
        if _server is None:
            from ..embedded import Server

            _server = Server()
        return _server.facade


def is_running() -> bool:
    return _server is not None


def stop() -> None:
    """Nothing runs."""
    global _server
    with _mutex:
        server, _server = _server, None
    if server is not None:
        server.stop()

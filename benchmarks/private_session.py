"""A session without HTTP, on a Valkey in memory, for the time of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.private_valkey import private_valkey
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session


@contextmanager
def private_session() -> Iterator[tuple[Session, psutil.Process]]:
    """Yield the session, and the process of the Valkey that it is on."""
    with private_valkey() as server:
        core = Core(Settings(redis=server.url, durability="memory", store_connections=1), server.url)
        yield core.session(), psutil.Process(server.process.pid)
        core.close()

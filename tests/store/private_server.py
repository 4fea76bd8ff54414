"""A server that the tests of one module share, and whose settings they change, with a core on it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.private_valkey import PrivateValkey, private_valkey
from tests.store.traffic import core_on
from zaqar_core.core.process import Core


def private_server() -> Iterator[PrivateValkey]:
    with private_valkey() as server:
        yield server


def core_on_server(server: PrivateValkey) -> Iterator[Core]:
    with core_on(server.url) as core:
        yield core

"""Three Valkeys: a main store and two pools; a process's share of them, or several."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.private_valkey import PrivateValkey
from tests.zaqar.conftest import Zaqar
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Creator, QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.pools.routing import PooledCore
from zaqar_core.rest.face import ZaqarFace

SETTINGS = Settings(durability="memory", store_connections=4, pooling=True, admin_mode=True)
PROJECT, REGION = "000000000000", "us-east-1"


class Server(PrivateValkey):
    """The store of a deployment."""

    def queues(self) -> set[str]:
        """Names of the queues that live here."""
        with self.client() as client:
            keys = [key.decode() for key in client.scan_iter("sf1:{*:0}") if key.endswith(b":0}")]
        return {key.split(":")[-2] for key in keys}


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Server]]:
    """The main store, then two for pools."""
    with tempfile.TemporaryDirectory(prefix="sf", ignore_cleanup_errors=True) as folder:
        made = []
        for name in ("m", "a", "b"):
            place = Path(folder) / name
            place.mkdir()
            made.append(Server(place))
        yield made
        for server in made:
            server.kill()


@pytest.fixture
def main(servers: list[Server]) -> Server:
    """All three are empty."""
    for server in servers:
        if not server.responds():
            server.start()
        with server.client() as client:
            client.flushall()
    return servers[0]


@pytest.fixture
def processes(main: Server) -> Iterator[Callable[[], PooledCore]]:
    """Makes one process's share after the other."""
    made: list[PooledCore] = []

    def make() -> PooledCore:
        made.append(PooledCore(SETTINGS, main.url))
        return made[-1]

    yield make
    for core in made:
        core.close()


@pytest.fixture
def core(processes: Callable[[], PooledCore]) -> PooledCore:
    return processes()


@pytest.fixture
def zaqar(session: Session) -> Zaqar:
    return Zaqar(session, ZaqarFace(SETTINGS), PROJECT)


@pytest.fixture
def pools(zaqar: Zaqar, servers: list[Server]) -> Zaqar:
    """Pools "a" and "b", of equal weight."""
    for name, server in (("a", servers[1]), ("b", servers[2])):
        answer = zaqar.call("PUT", f"/v2/pools/{name}", {"uri": server.url, "weight": 10})
        assert answer.status == 201, answer
    return zaqar


def new_ref(name: str | None = None) -> QueueRef:
    return QueueRef(PROJECT, REGION, name or f"q-{uuid.uuid4().hex[:12]}")


def made(session: Session, pool: str, name: str | None = None, *, creator: Creator = "sqs") -> QueueRef:
    """A new queue in that pool."""
    ref = new_ref(name)
    created = queues.create(session, ref, QueueSettings(), creator=creator, pool=pool)
    assert created.is_new
    return ref

"""A WebSocket service as a process, and a client that speaks either encoding."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.conftest import Service, serving
from tests.patience import PATIENCE_SECONDS
from tests.zaqar.conftest import Zaqar
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.session import Session
from zaqar_core.rest.face import ZaqarFace

ANSWER_SECONDS = PATIENCE_SECONDS


@pytest.fixture(scope="session")
def sockets(store_url: str) -> Iterator[Service]:
    """A service shared by all tests, on the store of the fixture ``core``."""
    with serving("websocket", redis=store_url, durability="memory", signed_url_key="a secret") as service:
        yield service


@dataclass
class Client:
    """One connection of a project. ``is_binary`` is the encoding of its frames."""

    connection: ClientConnection
    is_binary: bool
    project: str = field(default_factory=lambda: uuid.uuid4().hex)
    client_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def send(self, document: Any) -> None:
        self.connection.send(msgspec.msgpack.encode(document) if self.is_binary else json.dumps(document))

    def receive(self, seconds: float = ANSWER_SECONDS) -> Any:
        """The next frame, which is in the encoding of the client's own."""
        data = self.connection.recv(timeout=seconds)
        assert isinstance(data, bytes) == self.is_binary
        return msgspec.msgpack.decode(data) if isinstance(data, bytes) else json.loads(data)

    @property
    def headers(self) -> dict[str, Any]:
        return {"Client-ID": self.client_id, "X-Project-ID": self.project}

    def ask(self, action: str, body: Any = None, **headers: Any) -> Any:
        """The whole answer."""
        self.send({"action": action, "headers": {**self.headers, **headers}, "body": {} if body is None else body})
        return self.receive()

    def call(self, action: str, **fields: Any) -> tuple[int, Any]:
        """Status and body of the answer."""
        answer = self.ask(action, fields)
        return answer["headers"]["status"], answer["body"]


@pytest.fixture(params=[False, True], ids=["text", "binary"])
def client(request: Any, sockets: Service) -> Iterator[Client]:
    """A connection of a project of its own, in each encoding."""
    with connect(sockets.url) as connection:
        yield Client(connection, request.param)


@pytest.fixture
def open_client(sockets: Service) -> Iterator[Callable[..., Client]]:
    """Opens further connections."""
    with ExitStack() as opened:

        def opening(*, is_binary: bool = False, **parts: Any) -> Client:
            return Client(opened.enter_context(connect(sockets.url)), is_binary, **parts)

        yield opening


@pytest.fixture
def zaqar_over_core(session: Session) -> Callable[[str], Zaqar]:
    """A client of the HTTP face for a project, on the same store."""
    return lambda project: Zaqar(session, ZaqarFace(Settings()), project)

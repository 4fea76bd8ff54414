"""Client certificates at the WebSocket server: a connection is that of the user for whom its certificate stands."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException

from tests.credentials.conftest import written
from tests.credentials.signing import ACCOUNT
from tests.patience import PATIENCE_SECONDS
from tests.tls.conftest import Certificates, certificates_in
from tests.tls.test_client_certificates import subject_of_leaf
from zaqar_core.access.reloading import Credentials
from zaqar_core.access.users import Users
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.web.tls import Tls
from zaqar_core.websocket import server
from zaqar_core.websocket.conversation import Service

_TOKEN = "a static token of the other user"
_CLIENT_ID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
T = TypeVar("T")


@dataclass
class Sockets:
    """A WebSocket server in this process that asks for client certificates, and its credentials file.

    Clients run on the server's event loop. The synchronous client of websockets reads and writes in two threads at
    once, which OpenSSL does not allow: with TLS 1.3 one request of a thousand was lost.
    """

    loop: asyncio.AbstractEventLoop
    port: int
    folder: Path
    text: str
    certificates: Certificates
    shown: dict[str, str]
    known: Credentials

    @contextlib.contextmanager
    def connect(self, shown: str | None, **more: Any) -> Iterator[ClientConnection]:
        context = self.certificates.client_context()
        context.check_hostname = False
        if shown is not None:
            context.load_cert_chain(self.shown[shown])

        async def connected() -> ClientConnection:
            return await connect(f"wss://127.0.0.1:{self.port}", ssl=context, **more)

        connection = self.on_loop(connected())
        try:
            yield connection
        finally:
            self.on_loop(connection.close())

    def ask(self, connection: ClientConnection, action: str, **headers: str) -> tuple[int, Any]:
        request = {"action": action, "headers": {"Client-ID": _CLIENT_ID, **headers}, "body": {}}
        self.on_loop(connection.send(json.dumps(request)))
        answer = json.loads(self.on_loop(connection.recv()))
        return answer["headers"]["status"], answer["body"]

    def on_loop(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(PATIENCE_SECONDS)

    def write(self, text: str) -> None:
        written(self.folder, text)
        assert self.known.newer(self.known.directory)


@pytest.fixture(scope="module")
def sockets(core: Core, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sockets]:
    folder = tmp_path_factory.mktemp("sockets")
    found, shown, text = certificates_in(folder), {}, ""
    for name in ("orders", "gone", "nobody"):
        issued = found.authority.issue_cert(f"{name}@example.org", common_name=name)
        shown[name] = str(folder / f"{name}.pem")
        issued.private_key_and_cert_chain_pem.write_to_path(shown[name])
        if name != "nobody":
            text += (
                f'[[users]]\nname = "{name}"\naccount = "{ACCOUNT}"\npolicies = ["admin"]\n'
                f"enabled = {'true' if name == 'orders' else 'false'}\n"
                f"certificate_subjects = ['{subject_of_leaf(issued)}']\n"
            )
    text += '[[users]]\nname = "other"\naccount = "210987654321"\npolicies = ["admin"]\n'
    text += f'tokens = [{{ token = "{_TOKEN}" }}]\n'
    known = Credentials(written(folder, text))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings = Settings(
        tls_certificate=found.certificate, tls_key=found.key, tls_client_ca=found.trusted,
        tls_client_certificates="optional", redis=core.settings.redis, durability="memory",
    )  # fmt: skip
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    service = Service(core, ZaqarFace(settings), Users(known))
    running = server.serving(settings, service, port, ready.set, stop, tls=Tls(settings))
    thread = threading.Thread(target=loop.run_until_complete, args=(running,))
    thread.start()
    assert ready.wait(10)
    yield Sockets(loop, port, folder, text, found, shown, known)
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


def test_a_connection_is_that_of_the_user_of_its_certificate(sockets: Sockets) -> None:
    with sockets.connect("orders") as connection:
        assert sockets.ask(connection, "queue_list")[0] == 200
        assert sockets.ask(connection, "queue_list", **{"X-Project-ID": ACCOUNT})[0] == 200
        assert sockets.ask(connection, "queue_list", **{"X-Project-ID": "210987654321"})[0] == 403


@pytest.mark.parametrize("shown", ["nobody", "gone", None])
def test_a_certificate_without_an_active_user_proves_nothing(sockets: Sockets, shown: str | None) -> None:
    with sockets.connect(shown) as connection:
        code, body = sockets.ask(connection, "queue_list", **{"X-Project-ID": ACCOUNT})
    assert (code, "send the action authenticate first" in body["error"]) == (403, True)


def test_a_token_counts_more_than_a_certificate_also_if_it_is_wrong(sockets: Sockets) -> None:
    with sockets.connect("orders") as connection:
        assert sockets.ask(connection, "authenticate", **{"X-Auth-Token": _TOKEN})[0] == 200
        assert sockets.ask(connection, "queue_list", **{"X-Project-ID": "210987654321"})[0] == 200
        assert sockets.ask(connection, "authenticate", **{"X-Auth-Token": "wrong"})[0] == 401
        assert sockets.ask(connection, "queue_list")[0] == 403


def test_disabling_the_user_ends_what_the_certificate_proves_on_open_connections(sockets: Sockets) -> None:
    with sockets.connect("orders") as connection:
        assert sockets.ask(connection, "queue_list")[0] == 200
        sockets.write(sockets.text.replace("enabled = true", "enabled = false"))
        try:
            assert sockets.ask(connection, "queue_list")[0] == 403
        finally:
            sockets.write(sockets.text)
        assert sockets.ask(connection, "queue_list")[0] == 200


def test_a_page_of_another_site_cannot_use_the_certificate_of_a_browser(sockets: Sockets) -> None:
    with pytest.raises(InvalidStatus), sockets.connect("orders", origin="https://pages.example.org"):
        pass


def test_a_certificate_of_another_authority_opens_no_connection(sockets: Sockets, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.pem"
    trustme.CA().issue_cert("x@example.org", common_name="orders").private_key_and_cert_chain_pem.write_to_path(foreign)
    sockets.shown["foreign"] = str(foreign)
    with pytest.raises((OSError, WebSocketException)), sockets.connect("foreign") as connection:
        sockets.ask(connection, "queue_list")

"""Many connections, slow and interrupted ones; which pages may connect; start and stop."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.conftest import Service, serving
from tests.patience import PATIENCE_SECONDS
from tests.private_valkey import private_valkey
from tests.websocket.conftest import Client

CONNECTIONS = 200
#: A project that all connections of a test share.
PROJECT = "p" * 32


def test_a_connection_whose_subscriptions_the_store_has_lost_is_closed(queue_name: str) -> None:
    """Its client subscribes again. One without subscriptions stays."""
    with ExitStack() as stack:
        server = stack.enter_context(private_valkey())
        service = stack.enter_context(serving("websocket", redis=server.url, durability="memory"))
        subscribed, other = (stack.enter_context(connect(service.url)) for _ in range(2))
        client = Client(subscribed, is_binary=False)
        client.call("queue_create", queue_name=queue_name)
        assert client.call("subscription_create", queue_name=queue_name, ttl=600)[0] == 201
        with server.client() as store:
            store.flushall()
        with pytest.raises(ConnectionClosed) as closed:
            subscribed.recv(timeout=PATIENCE_SECONDS)
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 1013
        assert Client(other, is_binary=False).call("queue_create", queue_name=queue_name)[0] == 201


def test_two_hundred_connections_lose_and_duplicate_nothing(sockets: Service, queue_name: str) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(32) as threads:
        clients = [
            Client(stack.enter_context(connect(sockets.url)), number % 2 == 1, PROJECT) for number in range(CONNECTIONS)
        ]

        def post(number: int) -> int:
            status, _ = clients[number].call("message_post", queue_name=queue_name, messages=[{"body": number}])
            return int(status)

        assert list(threads.map(post, range(CONNECTIONS))) == [201] * CONNECTIONS

        def pop(client: Client) -> list[int]:
            _, body = client.call("message_delete_many", queue_name=queue_name, pop=1)
            return [message["body"] for message in body["messages"]]

        popped = [body for found in threads.map(pop, clients) for body in found]
    assert sorted(popped) == list(range(CONNECTIONS))


def test_frames_of_one_connection_are_answered_in_their_order(client: Client, queue_name: str) -> None:
    for number in range(50):
        client.send({"action": "message_post", "headers": client.headers,
                     "body": {"queue_name": queue_name, "messages": [{"body": number}]}})  # fmt: skip
    answers = [client.receive() for _ in range(50)]
    assert [answer["request"]["body"]["messages"][0]["body"] for answer in answers] == list(range(50))
    client.client_id = "11111111-1111-4111-8111-111111111111"
    _, page = client.call("message_list", queue_name=queue_name, limit=20)
    assert [message["body"] for message in page["messages"]] == list(range(20))


def test_the_server_stops_reading_from_a_client_that_does_not_read(
    sockets: Service, open_client: Callable[..., Client], queue_name: str
) -> None:
    """Replies do not accumulate: further frames of the client are not read."""
    filler, process = open_client(project=PROJECT), psutil.Process(sockets.process.pid)
    filler.call("message_post", queue_name=queue_name, messages=[{"body": "x" * 200_000}])
    where = urlsplit(sockets.url)
    before = process.memory_info().rss
    with socket.create_connection((where.hostname or "", where.port or 0), 5) as raw:
        raw.sendall(
            f"GET / HTTP/1.1\r\nHost: {where.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert raw.recv(4096).startswith(b"HTTP/1.1 101")
        ask = (
            '{"action":"message_list","headers":{"Client-ID":"22222222-2222-4222-8222-222222222222",'
            f'"X-Project-ID":"{PROJECT}"}},"body":{{"queue_name":"{queue_name}"}}}}'
        ).encode()
        frame = b"\x81\xfe" + len(ask).to_bytes(2) + b"\0\0\0\0" + ask
        raw.settimeout(1)
        with pytest.raises(TimeoutError):
            raw.sendall(frame * 200_000)  # 40 GB of answers
        assert process.memory_info().rss - before < 30_000_000
        assert filler.call("queue_get_stats", queue_name=queue_name)[0] == 200


def test_a_client_that_disconnects_does_not_affect_others(sockets: Service, open_client: Callable[..., Client]) -> None:
    other = open_client()
    for cut in (b"", b"GET / HTTP/1.1\r\n", b"\0" * 100):
        where = urlsplit(sockets.url)
        with socket.create_connection((where.hostname or "", where.port or 0), 5) as raw:
            raw.sendall(cut)
    broken = open_client()
    broken.send({"action": "queue_list", "headers": broken.headers})
    broken.connection.socket.shutdown(socket.SHUT_RDWR)
    assert other.call("queue_list")[0] == 200


@pytest.fixture(scope="module")
def listing(store_url: str) -> Iterator[Service]:
    """A service that admits the pages of one other origin."""
    with serving("websocket", redis=store_url, durability="memory", allowed_origins="http://listed.example") as service:
        yield service


@pytest.mark.parametrize(
    ("headers", "is_allowed"),
    [
        ({}, True), ({"Origin": "http://{host}"}, True), ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False), ({"Origin": "http://evil.example", "Host": "evil.example"}, False),
        ({"Origin": "http://listed.example"}, True), ({"Sec-Fetch-Site": "cross-site"}, False),
    ],
)  # fmt: skip
def test_web_pages_of_other_origins_are_refused(listing: Service, headers: dict[str, str], is_allowed: bool) -> None:
    where = urlsplit(listing.url)
    shown = {"Host": where.netloc, **{name: value.format(host=where.netloc) for name, value in headers.items()}}
    with socket.create_connection((where.hostname or "", where.port or 0), 5) as raw:
        lines = "".join(f"{name}: {value}\r\n" for name, value in shown.items())
        raw.sendall(
            f"GET / HTTP/1.1\r\n{lines}Upgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        status = raw.recv(4096).split()[1]
    assert status == (b"101" if is_allowed else b"403")


def test_the_wildcard_admits_web_pages_of_every_origin(store_url: str) -> None:
    with (
        serving("websocket", redis=store_url, durability="memory", allowed_origins="*") as service,
        connect(service.url, additional_headers={"Origin": "http://any.example"}) as connection,
    ):
        assert Client(connection, False).call("queue_list")[0] == 200


def test_health_is_served_over_http(sockets: Service) -> None:
    with urllib.request.urlopen(sockets.url.replace("ws:", "http:") + "/health", timeout=PATIENCE_SECONDS) as answer:
        assert answer.status == 200


def test_beyond_the_limit_of_connections_a_handshake_is_503(store_url: str) -> None:
    with (
        serving("websocket", redis=store_url, durability="memory", max_connections="2") as service,
        ExitStack() as stack,
    ):
        first = Client(stack.enter_context(connect(service.url)), False)
        stack.enter_context(connect(service.url))
        with pytest.raises(InvalidStatus, match="503"), connect(service.url):
            pass
        assert first.call("queue_list")[0] == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_every_connection(store_url: str, number: signal.Signals) -> None:
    with serving("websocket", redis=store_url, durability="memory") as service, ExitStack() as stack:
        clients = [Client(stack.enter_context(connect(service.url)), False) for _ in range(50)]
        assert clients[0].call("queue_list")[0] == 200
        service.process.send_signal(number)
        for client in clients:
            with pytest.raises(ConnectionClosed) as closed:
                client.connection.recv(timeout=PATIENCE_SECONDS)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
        assert service.process.wait(PATIENCE_SECONDS) == 0


def test_it_runs_beside_serve_on_one_data_directory(tmp_path: Path, queue_name: str) -> None:
    data = str(tmp_path / "data")
    with serving(data_dir=data) as http, serving("websocket", data_dir=data) as service:
        with connect(service.url) as connection:
            client = Client(connection, True)
            client.call("message_post", queue_name=queue_name, messages=[{"body": {"n": 1}}])
        request = urllib.request.Request(
            f"{http.url}/v2/queues/{queue_name}/messages?echo=true",
            headers={"Client-ID": client.client_id, "X-Project-Id": client.project},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            assert b'{"n":1}' in answer.read()


def test_acknowledged_messages_survive_a_kill(tmp_path: Path, queue_name: str) -> None:
    data = str(tmp_path / "data")
    ids: list[Any] = []
    with serving(data_dir=data):
        with serving("websocket", data_dir=data) as service, connect(service.url) as connection:
            client = Client(connection, False, PROJECT)
            for number in range(20):
                ids += client.call("message_post", queue_name=queue_name, messages=[{"body": number}])[1]["message_ids"]
            service.process.kill()
            service.process.wait(PATIENCE_SECONDS)
        with serving("websocket", data_dir=data) as service, connect(service.url) as connection:
            again = Client(connection, False, PROJECT)
            _, found = again.call("message_get_many", queue_name=queue_name, message_ids=ids)
    assert [message["body"] for message in found["messages"]] == list(range(20))


def test_a_port_in_use_and_a_missing_store_are_one_line(sockets: Service, tmp_path: Path) -> None:
    port = str(urlsplit(sockets.url).port)
    for flags in (["--redis", "redis://127.0.0.1:1"], ["--port", port, "--data-dir", str(tmp_path)]):
        ran = subprocess.run(
            [sys.executable, "-m", "sqs_facade", "websocket", "--port", "0", *flags],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert (ran.returncode, ran.stderr.count("\n")) == (1, 1), ran.stderr

"""Bodies that break off or do not arrive, under WSGI servers that run the service in threads or one at a time."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from tests.patience import PATIENCE_SECONDS, sooner_than, until
from zaqar_core.web.server.limits import Limits

_WSGIREF = (
    "from wsgiref.simple_server import make_server as m; from sqs_facade.wsgi import app; m('127.0.0.1', {port}, app)"
)
_COMMANDS = {
    "gunicorn": ["gunicorn", "--threads", "12", "--bind", "127.0.0.1:{port}", "sqs_facade.wsgi:app"],
    "gunicorn sync": ["gunicorn", "--bind", "127.0.0.1:{port}", "sqs_facade.wsgi:app"],
    "flask": ["flask", "--app", "sqs_facade.wsgi", "run", "--port", "{port}"],
    "waitress": ["waitress-serve", "--listen", "127.0.0.1:{port}", "sqs_facade.wsgi:app"],
    "wsgiref": ["python", "-c", f"{_WSGIREF}.serve_forever()"],
}  # fmt: skip
#: The input of this one hides where a chunked body ends.
HIDES_THE_END = "wsgiref"
ZAQAR_HEADERS = {"Client-ID": str(uuid.uuid4()), "X-Project-ID": "p"}


class Other:
    """The service under another server."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.url = f"http://127.0.0.1:{port}"

    def connect(self) -> socket.socket:
        parts = urlsplit(self.url)
        return socket.create_connection((parts.hostname or "", parts.port or 0), PATIENCE_SECONDS)

    def exchange(self, data: bytes) -> bytes:
        """All that is answered when the client stops sending after ``data``."""
        found = b""
        with self.connect() as client, contextlib.suppress(ConnectionResetError):
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            while part := client.recv(65536):
                found += part
        return found

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/health/ready", timeout=PATIENCE_SECONDS).status_code == 200
        except requests.RequestException:
            return False


@contextlib.contextmanager
def running(name: str, store: str, folder: Path) -> Iterator[Other]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        other = Other(name, probe.getsockname()[1])
    program, *arguments = [word.replace("{port}", other.url.rpartition(":")[2]) for word in _COMMANDS[name]]
    settings = {"REDIS": store, "DURABILITY": "memory", "TEST_HOOKS": "true", "MAX_WAITS": "8"}
    process = subprocess.Popen(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=folder,
        env={**os.environ, **{f"SQS_FACADE_{key}": value for key, value in settings.items()}},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: other.is_ready() or process.poll() is not None, "the service is ready")
        assert process.poll() is None
        yield other
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


@pytest.fixture(scope="module", params=_COMMANDS)
def other(request: pytest.FixtureRequest, valkey: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Other]:
    with running(request.param, valkey, tmp_path_factory.mktemp("cwd")) as found:
        yield found


@pytest.fixture(scope="module")
def threaded(valkey: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Other]:
    with running("gunicorn", valkey, tmp_path_factory.mktemp("cwd")) as found:
        yield found


@pytest.fixture(params=["json", "query", "zaqar"])
def protocol(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


class Post:
    """A request that stores one message, by a protocol and a lane."""

    def __init__(self, other: Other, protocol: str, lane: str) -> None:
        self._url = other.url
        self._queue = f"q-{uuid.uuid4().hex[:12]}"
        self._is_zaqar = protocol == "zaqar"
        self._call("CreateQueue", QueueName=self._queue)
        text = "x" * 300
        head = {"Host": urlsplit(other.url).netloc, "X-SQS-Facade-Lane": lane, "Connection": "close"}
        path = "/"
        if protocol == "json":
            head |= {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0"}
            self.body = json.dumps({"QueueUrl": self._queue, "MessageBody": text}).encode()
        elif protocol == "query":
            head["Content-Type"] = "application/x-www-form-urlencoded"
            self.body = urlencode({"Action": "SendMessage", "QueueUrl": self._queue, "MessageBody": text}).encode()
        else:
            requests.put(f"{self._url}/v2/queues/{self._queue}", headers=ZAQAR_HEADERS, timeout=10).raise_for_status()
            head |= {**ZAQAR_HEADERS, "Content-Type": "application/json"}
            path = f"/v2/queues/{self._queue}/messages"
            self.body = json.dumps({"messages": [{"body": text, "ttl": 300}]}).encode()
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items())]
        self.head = "".join(f"{line}\r\n" for line in lines).encode()

    def _call(self, operation: str, **members: object) -> dict[str, dict[str, str]]:
        headers = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"}
        answer = requests.post(self._url, json.dumps(members), headers=headers, timeout=10)
        answer.raise_for_status()
        found: dict[str, dict[str, str]] = answer.json()
        return found

    def stored(self) -> int:
        """The number of messages in the queue."""
        if self._is_zaqar:
            answer = requests.get(f"{self._url}/v2/queues/{self._queue}/stats", headers=ZAQAR_HEADERS, timeout=10)
            return int(answer.json()["messages"]["total"])
        found = self._call("GetQueueAttributes", QueueUrl=self._queue, AttributeNames=["All"])
        return int(found["Attributes"]["ApproximateNumberOfMessages"])


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


#: From the whole body, what is sent of it. A form is readable wherever it ends.
BREAKS: dict[str, Callable[[bytes], bytes]] = {
    "before the first chunk": lambda body: b"",
    "in a chunk": lambda body: b"%x\r\n%b" % (len(body), body[:-50]),
    "in a chunk of more than a read": lambda body: b"%x\r\n%b" % (1 << 22, body),
    "in the end of a chunk": lambda body: chunk(body)[:-1],
    "after a chunk": lambda body: chunk(body[:-50]),
    "after all chunks but the last": chunk,
    "in the size of a chunk": lambda body: chunk(body) + b"1",
    "in a wrong size": lambda body: chunk(body) + b"zz\r\n",
    "in a wrong extension": lambda body: chunk(body) + b"0;\x00\r\n\r\n",
}


def test_a_body_that_breaks_off_is_not_run(other: Other, protocol: str, lane: str) -> None:
    post = Post(other, protocol, lane)
    sent = {place: b"Transfer-Encoding: chunked\r\n\r\n" + cut(post.body) for place, cut in BREAKS.items()}
    sent["before its declared end"] = b"Content-Length: %d\r\n\r\n%b" % (len(post.body), post.body[:-50])
    for place, rest in sent.items():
        assert other.exchange(post.head + rest)[:10] in (b"", b"HTTP/1.1 4", b"HTTP/1.0 4"), place
        assert post.stored() == 0, place


def test_a_whole_chunked_body_is_run_or_refused_for_want_of_a_length(other: Other, protocol: str, lane: str) -> None:
    post = Post(other, protocol, lane)
    coded = chunk(post.body[:100]) + chunk(post.body[100:]) + b"0\r\n\r\n"
    answer = other.exchange(post.head + b"Transfer-Encoding: chunked\r\n\r\n" + coded)
    if other.name == HIDES_THE_END:
        assert answer[9:12] == b"411"
        assert post.stored() == 0
    else:
        assert answer[9:11] == b"20"
        assert post.stored() == 1


def test_bodies_that_do_not_arrive_leave_threads_for_others(threaded: Other, protocol: str) -> None:
    """Sixty clients announce a body and send nothing, or the first byte of it, to twelve threads."""
    post = Post(threaded, protocol, "fast")
    with contextlib.ExitStack() as stalled, sooner_than(Limits().body_idle_seconds, "a body may stall"):
        framings = (
            b"Content-Length: 999\r\n\r\n",
            b"Content-Length: 999\r\n\r\nx",
            b"Transfer-Encoding: chunked\r\n\r\n",
        )
        for framing in framings * 20:
            stalled.enter_context(threaded.connect()).sendall(post.head + framing)
        answer = threaded.exchange(post.head + b"Content-Length: %d\r\n\r\n%b" % (len(post.body), post.body))
        assert answer[9:11] == b"20"
    assert post.stored() == 1


def test_a_body_that_does_not_arrive_is_refused_in_the_form_of_its_face(threaded: Other, protocol: str) -> None:
    post = Post(threaded, protocol, "fast")
    with contextlib.ExitStack() as clients:
        stalled = [clients.enter_context(threaded.connect()) for _ in range(3)]  # one more than two are a crowd
        for client in stalled:
            client.sendall(post.head + b"Content-Length: 999\r\n\r\n{")
        until(lambda: any(_is_answered(client) for client in stalled), "one is refused")
        [refused] = [client for client in stalled if _is_answered(client)]
        answer = refused.recv(65536)
    assert answer[9:12] == b"408"
    assert b"did not arrive in time" in answer


def test_a_header_with_an_underscore_does_not_pose_as_another(other: Other) -> None:
    if other.name == "wsgiref":
        pytest.skip("it passes both on under one name; only a server can tell them apart")
    where = f"{other.url}/v2/queues/q-{uuid.uuid4().hex[:12]}/messages?echo=true"
    post = {"messages": [{"body": "x", "ttl": 300}]}
    requests.post(where, json=post, headers={**ZAQAR_HEADERS, "X_Project_Id": "other"}, timeout=10).raise_for_status()
    found = {}
    for project in ("p", "other"):
        headers = {**ZAQAR_HEADERS, "X-Project-ID": project, "X_Project_Id": "p"}
        found[project] = len(requests.get(where, headers=headers, timeout=10).json()["messages"])
    assert found == {"p": 1, "other": 0}


def _is_answered(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return bool(client.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        client.settimeout(PATIENCE_SECONDS)

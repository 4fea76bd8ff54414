"""Count the instructions that a worker executes for a request, and compare them with a server that does only HTTP.

    python -m benchmarks.front_instructions [--requests 320] [--connections 32]

The worker and ``benchmarks.bare_http`` run under callgrind, a tool of valgrind, which must be installed. The counts
hardly depend on the load of the machine. They leave out the kernel, since sockets cost both servers the same, and the
threads beside the event loop. The messages have 200 bytes, the protocol is JSON, and the store is in memory. Requests
have few headers and no signature, but those that are called signed. The output is instructions for each request, and
multiples of the bare server's.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import orjson
import psutil

from benchmarks import load
from benchmarks.processes import free_port, running
from tests.private_valkey import private_valkey

#: Requests of each kind before the counted ones, so that caches are full and the interpreter has specialized its code.
_FIRST = 96
#: What the worker's process runs: a worker without a main process. It listens before it loads its modules.
_WORKER = """
import socket
listener = socket.create_server(("127.0.0.1", {port}))
from sqs_facade import worker
worker.main([listener], [])
"""
#: Headers that boto3 sends beside those of ``load.json_request``.
_BOTO3 = """\r
Accept-Encoding: identity\r
x-amzn-query-mode: true\r
User-Agent: Boto3/1.43.117 md/Botocore#1.43.117 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11.7\r
X-Amz-Date: 20261127T{number:06}Z\r
Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261127/us-east-1/sqs/aws4_request, \
SignedHeaders=content-type;host;x-amz-date;x-amz-target;x-amzn-query-mode, Signature={number:064}\r
amz-sdk-invocation-id: 63fa91a3-9548-4d68-88da-{number:012}\r
amz-sdk-request: attempt=1\r
\r
"""
_TEN = [str(number) for number in range(10)]


class Counted:
    """A server under callgrind."""

    def __init__(self, process: psutil.Process, folder: Path, port: int, connections: int) -> None:
        self._pid, self._folder, self._connections = str(process.pid), folder, connections
        self._address = ("127.0.0.1", port)
        self.host = f"localhost:{port}"
        self.run([load.json_request(self.host, "ListQueues", b"{}")])  # has started
        self._control("-i", "on")

    def run(self, requests: Sequence[bytes], on_reply: Callable[[bytes], None] = lambda _: None) -> None:
        """Send requests without counting."""
        load.run(self._address, iter(requests), self._connections, on_reply)

    def count(self, requests: Sequence[bytes], on_reply: Callable[[bytes], None] = lambda _: None) -> float:
        """Send requests; return the number of instructions for each."""
        self._control("-z")
        self.run(requests, on_reply)
        known = set(self._folder.glob("out*-01"))  # of the first thread, which has the event loop
        self._control("-d")
        [written] = set(self._folder.glob("out*-01")) - known
        total = re.search(r"^(?:summary|totals): (\d+)", written.read_text(), re.MULTILINE)
        assert total is not None
        return int(total[1]) / len(requests)

    def _control(self, *options: str) -> None:
        subprocess.run(["callgrind_control", *options, self._pid], check=True, capture_output=True)


@contextmanager
def _counted(command: Sequence[str], port: int, connections: int, variables: Mapping[str, str]) -> Iterator[Counted]:
    with tempfile.TemporaryDirectory(prefix="sf") as name:
        folder = Path(name)
        under = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--separate-threads=yes"]
        under.append(f"--callgrind-out-file={folder}/out")
        environment = {**variables, "PYTHONHASHSEED": "0", "SQS_FACADE_METRICS_DIR": name}
        with running([*under, *command], port=port, environment=environment, log=folder / "log") as process:
            yield Counted(process, folder, port, connections)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=320)
    parser.add_argument("--connections", type=int, default=32)
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not installed")
    port = free_port()
    with _counted([sys.executable, "-m", "benchmarks.bare_http", str(port)], port, options.connections, {}) as server:
        request = _call(server.host, "SendMessage", MessageBody="x" * 200)
        server.run([request] * _FIRST)
        bare = server.count([request] * options.requests)
    print(f"{'bare server':24}{bare:10,.0f} instructions")
    port = free_port()
    with private_valkey() as store:
        variables = {
            "SQS_FACADE_REDIS": store.url,
            "SQS_FACADE_DURABILITY": "memory",
            "SQS_FACADE_STORE_TIMEOUT_SECONDS": "60",  # under callgrind everything is fifty times slower
        }
        command = [sys.executable, "-c", _WORKER.format(port=port)]
        with _counted(command, port, options.connections, variables) as server:
            for title, found in _worker(server, options.requests):
                print(f"{title:24}{found:10,.0f} instructions {found / bare:6.2f}", flush=True)
    return 0


def _worker(server: Counted, count: int) -> Iterator[tuple[str, float]]:
    """Yield the title and the instructions of each kind of request."""
    host, few = server.host, count // 4
    handles: list[str] = []

    def keep(body: bytes) -> None:
        handles.extend(one["ReceiptHandle"] for one in orjson.loads(body).get("Messages", ()))

    def deletions(number: int) -> list[bytes]:
        return [_call(host, "DeleteMessage", ReceiptHandle=handles.pop()) for _ in range(number)]

    def deletions_of_ten(number: int) -> list[bytes]:
        batches = [[{"Id": one, "ReceiptHandle": handles.pop()} for one in _TEN] for _ in range(number)]
        return [_call(host, "DeleteMessageBatch", Entries=entries) for entries in batches]

    for name in ("bench", "none"):
        server.run([load.json_request(host, "CreateQueue", orjson.dumps({"QueueName": name}))])
    send = _call(host, "SendMessage", MessageBody="x" * 200)
    send_ten = _call(host, "SendMessageBatch", Entries=[{"Id": one, "MessageBody": "x" * 200} for one in _TEN])
    receive, receive_ten = _call(host, "ReceiveMessage"), _call(host, "ReceiveMessage", MaxNumberOfMessages=10)
    empty = load.json_request(host, "ReceiveMessage", b'{"QueueUrl":"none"}')
    server.run([send, send_ten, empty] * _FIRST)
    server.run([receive, receive_ten] * _FIRST, keep)
    server.run(deletions(_FIRST) + deletions_of_ten(_FIRST))
    yield "SendMessage", server.count([send] * count)
    server.run([_signed(send, number) for number in range(_FIRST)])
    yield "SendMessage, signed", server.count([_signed(send, number) for number in range(count)])
    yield "ReceiveMessage", server.count([receive] * count, keep)
    yield "DeleteMessage", server.count(deletions(count))
    yield "ReceiveMessage, empty", server.count([empty] * count)
    yield "SendMessageBatch", server.count([send_ten] * (few + few))
    yield "ReceiveMessage of ten", server.count([receive_ten] * few, keep)
    yield "DeleteMessageBatch", server.count(deletions_of_ten(few))


def _signed(request: bytes, number: int) -> bytes:
    """Return a request with the headers of boto3, of which those that differ in each request have the number.

    The worker has no credentials file, so it does not check the signature.
    """
    head, _, body = request.partition(b"\r\n\r\n")
    return head + _BOTO3.format(number=number).encode() + body


def _call(host: str, operation: str, **members: object) -> bytes:
    return load.json_request(host, operation, orjson.dumps({"QueueUrl": "bench", **members}))


if __name__ == "__main__":
    sys.exit(main())

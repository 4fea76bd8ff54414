"""Five hundred long polls are answered at once when the service is told to stop."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.trees import Client, Start, Tree, runs, until

WAITS = 500


def wait_on(port: int, queue: str) -> socket.socket:
    """A connection on which a long poll of 20 s has been asked for."""
    body = json.dumps({"QueueUrl": queue, "WaitTimeSeconds": 20}).encode()
    head = (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\n"
        f"Content-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    client = socket.create_connection(("127.0.0.1", port), 5)
    client.sendall(head.encode() + body)
    return client


def answers(clients: list[socket.socket], seconds: float) -> list[bytes]:
    """What each has got, once all have something or the time is over."""
    found: list[bytes] = []
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client, selectors.EVENT_READ, client.recv)
        while len(found) < len(clients) and time.monotonic() < deadline:
            for key, _ in selector.select(0.1):
                try:
                    found.append(key.data(4096))
                except OSError as problem:
                    found.append(repr(problem).encode())
                selector.unregister(key.fileobj)
    return found


def interrupt(tree: Tree) -> None:
    """Ctrl-C: the signal goes to the whole foreground group."""
    os.killpg(tree.process.pid, signal.SIGINT)


@pytest.mark.parametrize("tell", [lambda tree: tree.process.terminate(), interrupt], ids=["SIGTERM", "Ctrl-C"])
def test_all_get_an_empty_answer_and_the_service_is_gone_within_two_seconds(
    start: Start, tmp_path: Path, tell: Callable[[Tree], None]
):
    tree = start("--data-dir", tmp_path / "data")
    client = Client(tree.port)
    assert client.call("CreateQueue", QueueName="quiet")[0] == 200
    client.close()
    clients = [wait_on(tree.port, "quiet") for _ in range(WAITS)]
    worker, valkey = tree.worker(), tree.valkey()
    until(lambda: worker.num_threads() >= WAITS, "every poll has its thread")

    began = time.monotonic()
    tell(tree)
    got = answers(clients, 5)
    _, errors = tree.process.communicate(timeout=10)
    took = time.monotonic() - began

    for waiting in clients:
        waiting.close()
    assert [answer.split(b"\r\n", 1)[0] for answer in got] == [b"HTTP/1.1 200 OK"] * WAITS
    assert not any(b"ReceiptHandle" in answer for answer in got)
    assert took < 2.0
    assert (tree.process.returncode, errors) == (0, "")
    assert not runs(valkey)

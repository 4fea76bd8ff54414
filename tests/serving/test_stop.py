"""The service stops at once, leaves nothing behind, and responds to every waiting receive."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.patience import LONG_POLL_SECONDS, until
from tests.serving.conftest import Serve, client_of, is_running, valkey_pid, wait_on, waiting_polls

Start = Callable[..., Serve]
WAITS = 500


def answers(clients: list[socket.socket], seconds: float) -> list[bytes]:
    """Return the responses, after all have arrived or the time is over."""
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


@pytest.mark.parametrize("how", ["SIGTERM", "Ctrl-C"])
def test_a_stop_ends_waiting_polls_without_messages(serve: Start, data: Path, how: str) -> None:
    service = serve("--data-dir", data).wait_ready()
    with client_of(service) as client:
        client.call("CreateQueue", QueueName="quiet")
    clients = [wait_on(service, "quiet") for _ in range(WAITS)]
    pid = valkey_pid(data)
    until(lambda: waiting_polls(data) == WAITS, "every poll waits")

    began = time.monotonic()
    if how == "SIGTERM":
        service.process.send_signal(signal.SIGTERM)
    else:
        os.killpg(service.process.pid, signal.SIGINT)
    got = answers(clients, LONG_POLL_SECONDS / 2)
    service.process.wait(LONG_POLL_SECONDS)
    took = time.monotonic() - began

    for waiting in clients:
        waiting.close()
    assert len(got) == WAITS
    assert {answer.split(b"\r\n", 1)[0] for answer in got} == {b"HTTP/1.1 200 OK"}
    assert not [answer for answer in got if b"ReceiptHandle" in answer]
    assert took < LONG_POLL_SECONDS
    assert service.process.returncode == 0
    assert not is_running(pid)
    assert service.errors.read_text() == ""


def test_nothing_of_an_ephemeral_service_is_left(serve: Start, runtime: Path) -> None:
    service = serve("--ephemeral").wait_ready()
    assert list(runtime.iterdir()) != []
    service.stop()
    assert list(runtime.iterdir()) == []


def test_nothing_of_an_ephemeral_service_is_left_after_kill_9_of_its_main_process(serve: Start, runtime: Path) -> None:
    service = serve("--ephemeral").wait_ready()
    workers = service.workers()
    service.process.kill()
    service.process.wait()
    until(lambda: not any(is_running(worker.pid) for worker in workers), "workers end with their parent")
    until(lambda: list(runtime.iterdir()) == [], "the directory is removed")

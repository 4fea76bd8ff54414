"""What the tests of serving see: a tree of processes, and clients that speak plain HTTP to it."""

from __future__ import annotations

import http.client
import itertools
import json
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

PATIENCE_SECONDS = 20.0


def until(ready: Callable[[], Any], what: str) -> Any:
    """The first true answer of ``ready``; a failed test after PATIENCE_SECONDS."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := ready()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not happen in {PATIENCE_SECONDS} s")
        time.sleep(0.01)
    return found


def runs(process: psutil.Process) -> bool:
    """Whether it still executes; one that waits to be reaped does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Client:
    """One connection, opened again after each failure."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection: http.client.HTTPConnection | None = None

    def call(self, operation: str, **fields: Any) -> tuple[int, dict[str, Any]]:
        """Status and document; status 0 where no whole answer came."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"}
        try:
            self._connection.request("POST", "/", json.dumps(fields), headers)
            answer = self._connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError):
            self.close()
            return 0, {}

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class Tree:
    """One ``sqs-facade serve`` with what it started."""

    def __init__(self, process: subprocess.Popen[str], ready_file: Path) -> None:
        self.process = process
        self.ready_file = ready_file
        self.url = ""

    def wait_ready(self) -> Tree:
        until(lambda: self.ready_file.exists() or self.process.poll() is not None, "readiness")
        assert self.process.poll() is None
        self.url = self.ready_file.read_text().strip()
        return self

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def worker(self) -> psutil.Process:
        return self._find("sqs_facade.cli")

    def valkey(self) -> psutil.Process:
        return self._find("valkey-server")

    def _find(self, word: str) -> psutil.Process:
        def look() -> psutil.Process | None:
            for child in self.children():
                try:
                    if runs(child) and word in " ".join(child.cmdline()):
                        return child
                except psutil.NoSuchProcess:
                    continue
            return None

        found: psutil.Process = until(look, f"{word} running")
        return found

    def stop(self) -> float:
        """SIGTERM; the seconds until its end."""
        started = time.monotonic()
        self.process.terminate()
        self.process.wait(PATIENCE_SECONDS)
        return time.monotonic() - started


Start = Callable[..., Tree]


class Senders:
    """Threads that send numbered messages without pause and remember which were acknowledged."""

    def __init__(self, port: int, queue: str, threads: int = 2) -> None:
        self.acknowledged: set[str] = set()
        self._port, self._queue = port, queue
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(threads)]
        for thread in self._threads:
            thread.start()

    def _send(self, thread: int) -> None:
        client = Client(self._port)
        for number in itertools.count():
            if self._stop.wait(0.002):
                break
            body = f"{thread}-{number}"
            if client.call("SendMessage", QueueUrl=self._queue, MessageBody=body)[0] == 200:
                self.acknowledged.add(body)
        client.close()

    def wait_for_more(self, count: int = 20) -> None:
        goal = len(self.acknowledged) + count
        until(lambda: len(self.acknowledged) >= goal, f"{count} more acknowledged messages")

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def received(port: int, queue: str) -> set[str]:
    """Every message of the queue."""
    client = Client(port)
    found: set[str] = set()
    while True:
        status, document = client.call("ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=600)
        assert status == 200
        if not document.get("Messages"):
            client.close()
            return found
        found.update(message["Body"] for message in document["Messages"])

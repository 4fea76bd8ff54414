"""The service as its users run it: real processes, real HTTP, a data directory of its own per test."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import redis

from tests.conftest import Service
from tests.patience import LONG_POLL_SECONDS, PATIENCE_SECONDS, until
from zaqar_core.embedded import watchdog


class Serve:
    """One ``sqs-facade serve`` on a free port, in a session of its own as from a terminal.

    ``environment`` is added to that of this process.
    """

    def __init__(self, folder: Path, *flags: str, environment: Mapping[str, str] = {}) -> None:
        self.ready_file = folder / f"ready-{time.monotonic_ns()}"
        self.output = self.ready_file.with_suffix(".out")
        self.errors = self.ready_file.with_suffix(".err")
        port = () if "--port" in flags else ("--port", "0")
        with self.output.open("wb") as output, self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sqs_facade", "serve", *port, "--ready-file", str(self.ready_file), *flags],
                stdout=output,
                stderr=errors,
                start_new_session=True,
                env={**os.environ, **environment},
            )
        self.url = ""

    def wait_ready(self) -> Serve:
        until(lambda: self.ready_file.exists() or self.process.poll() is not None, "ready")
        assert self.ready_file.exists(), self.errors.read_text()
        self.url = self.ready_file.read_text().strip()
        return self

    def workers(self) -> list[psutil.Process]:
        """Its processes that answer requests."""
        return [
            child
            for child in psutil.Process(self.process.pid).children()
            if "-m sqs_facade " in " ".join(_command(child)) and child.status() != psutil.STATUS_ZOMBIE
        ]

    def refused(self) -> str:
        """The one line with which it ended."""
        assert self.process.wait(PATIENCE_SECONDS) != 0
        lines = self.errors.read_text().splitlines()
        assert len(lines) == 1, lines
        assert not self.ready_file.exists()
        return lines[0]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send the signal, and wait for the end of the process."""
        self.process.send_signal(number)
        self.process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """End the process and all below it, and wait until they are gone; safe to call twice.

        The main process goes first: it would replace a worker, and the new one would keep the port.
        """
        below: list[psutil.Process] = []
        with contextlib.suppress(psutil.NoSuchProcess):
            below = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)
        if not psutil.pid_exists(self.process.pid):  # else the id belongs to another process by now
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)  # a worker that was started meanwhile
        for process in below:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(below, PATIENCE_SECONDS)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


class Client:
    """One keep-alive connection that speaks AWS JSON."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self._connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE_SECONDS)

    def call(self, operation: str, **body: Any) -> dict[str, Any]:
        """The answer's document. Raises OSError or HTTPException when there is none, AssertionError if not 200."""
        headers = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"}
        self._connection.request("POST", "/", json.dumps(body), headers)
        answer = self._connection.getresponse()
        document = answer.read()
        assert answer.status == 200, document
        found: dict[str, Any] = json.loads(document or b"{}")
        return found

    def close(self) -> None:
        self._connection.close()


@contextlib.contextmanager
def client_of(service: Serve | Service) -> Iterator[Client]:
    client = Client(service.url)
    try:
        yield client
    finally:
        client.close()


def valkey_pid(data: Path) -> int:
    """The process that serves a data directory."""
    return int(json.loads((data / "info.json").read_bytes())["pid"])


def kill_valkey(data: Path) -> None:
    """Kill the process that serves a data directory, unless another one has its id by now."""
    watchdog.signal_valkey(data, signal.SIGKILL)


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests start and stop what removes files: never with the checkout as the working directory."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where services of this test put sockets and ephemeral data: a short path, as sockets need it."""
    with tempfile.TemporaryDirectory(prefix="sf", dir="/tmp", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield Path(folder)


@pytest.fixture
def serve(tmp_path: Path, runtime: Path) -> Iterator[Callable[..., Serve]]:
    """Starts services; whatever still runs at the end of the test is killed."""
    started: list[Serve] = []

    def start(*flags: str | Path) -> Serve:
        started.append(Serve(tmp_path, *map(str, flags)))
        return started[-1]

    yield start
    for service in started:
        service.kill()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def waiting_polls(data: Path) -> int:
    """How many receives wait at the embedded store of a data directory."""
    where = json.loads((data / "info.json").read_bytes())["socket"]
    with redis.Redis(unix_socket_path=where) as store:
        return sum(store.zcard(key) for key in store.scan_iter("sf1:*:w"))


def wait_on(service: Serve, queue: str) -> socket.socket:
    """A connection on which a long poll of 20 s has been asked for."""
    where = urlsplit(service.url)
    body = json.dumps({"QueueUrl": queue, "WaitTimeSeconds": LONG_POLL_SECONDS}).encode()
    head = (
        f"POST / HTTP/1.1\r\nHost: {where.netloc}\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\n"
        f"Content-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    client = socket.create_connection((where.hostname or "", where.port or 0), 5)
    client.sendall(head.encode() + body)
    return client

"""Commands run in this process, against a service over HTTP."""

from __future__ import annotations

import functools
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sqs_facade.cli import main
from sqs_facade.commands import connecting
from sqs_facade.remote.service import Service as RemoteService
from tests.conftest import Service
from tests.sqs.wire import Sqs

Run = Callable[..., Result]


@pytest.fixture(autouse=True, scope="module")
def one_client() -> Iterator[None]:
    """Make one client for each configuration, and not for each command: that is most of the time of a command."""
    real = connecting._service

    @functools.cache
    def client(given: tuple[str | None, ...], _configuration: tuple[tuple[str, str], ...]) -> RemoteService:
        return real(*given)

    def cached(*given: str | None) -> RemoteService:
        return client(given, tuple((name, value) for name, value in os.environ.items() if name.startswith("AWS_")))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connecting, "_service", cached)
        yield
        client.cache_clear()


@pytest.fixture(autouse=True)
def configured(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The endpoint is the service of the tests; nothing else of AWS is configured."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", service.url)


@pytest.fixture
def run() -> Run:
    """Run a command, and check its exit code."""

    def runs(*arguments: str | Path, code: int = 0, given: str | bytes = "") -> Result:
        result = CliRunner().invoke(main, [str(one) for one in arguments], input=given)
        assert result.exit_code == code, (result.output, result.exception)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return runs


@pytest.fixture
def sqs(service: Service) -> Sqs:
    """A client that is not that of the commands."""
    return Sqs(service.url, "json", "fast")


@pytest.fixture
def queue(sqs: Sqs, queue_name: str) -> str:
    """Name of a new standard queue."""
    sqs.queue(queue_name)
    return queue_name


@pytest.fixture
def fifo(sqs: Sqs, queue_name: str) -> str:
    """Name of a new FIFO queue."""
    sqs.queue(f"{queue_name}.fifo", FifoQueue="true")
    return f"{queue_name}.fifo"


def lines(result: Result) -> list[dict[str, Any]]:
    """The JSON documents of the output, one a line."""
    return [json.loads(line) for line in result.stdout.splitlines()]


class Silent(BaseHTTPRequestHandler):
    """A handler that logs nothing."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def endpoint(handler: type[Silent]) -> Iterator[str]:
    """The URL of an endpoint with this handler."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Nothing(Silent):
    def do_GET(self) -> None:
        self.send_error(404)


@pytest.fixture
def service_without_peek() -> Iterator[str]:
    """URL of an endpoint that has no path but its root."""
    with endpoint(_Nothing) as url:
        yield url

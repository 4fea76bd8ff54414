"""A service that pages of one other origin may call, and a browser that opens pages."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import orjson
import pytest
import requests

from tests.conftest import Service, serving

ALLOWED = "https://pages.example:8443"
REFUSED = "https://other.example"

_PATIENCE_SECONDS = 60
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


@pytest.fixture(scope="session")
def sharing() -> Iterator[Service]:
    with serving(allowed_origins=ALLOWED) as service:
        yield service


@dataclass(frozen=True)
class Page:
    """What a page of an origin sends, without a browser that would hold anything back."""

    url: str
    origin: str | None
    lane: str

    def call(self, method: str, path: str, document: Any = None, **headers: str) -> requests.Response:
        shown = {
            "Origin": self.origin,
            "X-SQS-Facade-Lane": self.lane,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return requests.request(
            method,
            self.url + path,
            data=None if document is None else orjson.dumps(document),
            headers={name: value for name, value in shown.items() if value is not None},
            timeout=10,
        )

    def preflight(self, path: str, method: str, headers: str = "") -> requests.Response:
        """What a browser asks before a call with that method and these headers."""
        return self.call("OPTIONS", path, Access_Control_Request_Method=method, Access_Control_Request_Headers=headers)


@dataclass
class Site:
    """A web site under two names, which are two origins. Its page runs ``script``, a function's body."""

    port: int
    script: str = ""
    found: SimpleQueue[Any] = field(default_factory=SimpleQueue)

    def address(self, host: str) -> str:
        return f"http://{host}:{self.port}"


@pytest.fixture
def site() -> Iterator[Site]:
    found: Site

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(
                f"""<!doctype html><link rel="icon" href="data:,"><script>
                (async () => {{ {found.script} }})().catch(problem => ({{failed: String(problem)}}))
                .then(found => fetch("/found", {{method: "POST", body: JSON.stringify(found)}}))
                </script>""".encode()
            )

        def do_POST(self) -> None:
            found.found.put(orjson.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Site(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> str:
    """The program of a Chromium."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        pytest.skip("and all tests with a browser: there is no Chromium")
    return found


def opened(browser: str, site: Site, host: str, folder: Path) -> Any:
    """What the site's script returns in a page of that name."""
    with _running(browser, site.address(host), folder):
        try:
            return site.found.get(timeout=_PATIENCE_SECONDS)
        except Empty:
            pytest.fail("the page did not finish")


@contextmanager
def _running(browser: str, address: str, folder: Path) -> Iterator[None]:
    command = [
        browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--disable-background-networking", f"--user-data-dir={folder}", address,
    ]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)

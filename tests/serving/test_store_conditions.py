"""A running service shows what is wrong with its store, until it is mended: in its readiness, its log and to doctor."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from sqs_facade import cli
from sqs_facade.compat.launching import ServiceProcess
from tests.deployments import ON_DISK, Server, deployed
from tests.faults.proxy import Proxy
from tests.patience import until
from zaqar_core.domain.full_disk import MAXMEMORY

pytestmark = pytest.mark.slow


@dataclass
class Rig:
    """A service, and between it and its server a proxy."""

    url: str
    errors: Path
    server: Server
    proxy: Proxy

    def ready(self) -> dict[str, Any]:
        answer = requests.get(f"{self.url}/health/ready", timeout=30)
        document: dict[str, Any] = answer.json()
        assert answer.status_code == (200 if document["status"] == "ready" else 503)
        return document

    def lines(self) -> list[str]:
        """Return the lines of the log about the condition of the store."""
        lines = self.errors.read_text().splitlines()
        return [line for line in lines if "the store: " in line or "the store is mended" in line]

    def doctor(self) -> list[dict[str, str]]:
        shown = CliRunner().invoke(cli.main, ["doctor", self.url, "--json"]).stdout
        found: list[dict[str, str]] = json.loads(shown)["findings"]
        return [one for one in found if one["code"] in ("service-not-ready", "service-degraded")]


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    with deployed() as servers:
        server = servers.server(*ON_DISK)
        with contextlib.closing(Proxy(server.port)) as proxy:
            service = ServiceProcess(
                "serve", "--redis", f"redis://127.0.0.1:{proxy.port}", "--durability", "fsync", keeps_errors=True
            )
            try:
                yield Rig(service.url, Path(service._folder.name) / "errors", server, proxy)
            finally:
                service.stop()


@contextmanager
def configured(rig: Rig, name: str, wrong: str, right: str) -> Iterator[None]:
    rig.server.command("CONFIG", "SET", name, wrong)
    try:
        yield
    finally:
        rig.server.command("CONFIG", "SET", name, right)


@contextmanager
def killed(rig: Rig) -> Iterator[None]:
    rig.server.kill()
    try:
        yield
    finally:
        rig.server.start()


@contextmanager
def hanging(rig: Rig) -> Iterator[None]:
    rig.server.hold()
    try:
        yield
    finally:
        rig.server.go_on()


_Break = Callable[[Rig], AbstractContextManager[None]]
#: The code, and how to bring it about.
BROKEN: list[tuple[str, _Break]] = [
    ("store-full", partial(configured, name="maxmemory", wrong="100kb", right="0")),
    ("store-disk-full", partial(configured, name="maxmemory", wrong=str(MAXMEMORY), right="0")),
    ("store-misconfigured", partial(configured, name="appendfsync", wrong="no", right="always")),
    ("store-read-only", partial(configured, name="min-replicas-to-write", wrong="1", right="0")),
    ("store-slow", lambda rig: rig.proxy.slow(0.3)),
    ("store-gone", hanging),
    ("store-gone", killed),
]


@pytest.mark.parametrize(("code", "broken"), BROKEN, ids=[f"{row[0]}-{at}" for at, row in enumerate(BROKEN)])
def test_a_condition_is_shown_everywhere_until_it_is_mended(rig: Rig, code: str, broken: _Break) -> None:
    until(lambda: rig.ready() == {"status": "ready"}, "the store is fit")
    before = len(rig.lines())
    with broken(rig):
        until(lambda: rig.ready().get("code") == code, f"readiness shows {code}")
        document = rig.ready()
        assert document["reason"]
        assert document["remedy"]
        assert document["status"] == ("ready" if code == "store-slow" else "not ready")
        if code == "store-gone":  # logged once a minute, however often it goes
            until(lambda: "the store is gone: " in rig.errors.read_text(), "the log has a line")
        else:
            until(lambda: len(rig.lines()) > before, "the log has a line")
        [found] = rig.doctor()
        assert code in found["problem"]
        assert found["remedy"] == document["remedy"]
        assert requests.get(f"{rig.url}/health", timeout=30).status_code == 200
    until(lambda: rig.ready() == {"status": "ready"}, "the store is fit again")
    assert rig.doctor() == []
    if code == "store-gone":
        until(lambda: "the store is back after " in rig.errors.read_text(), "the log has a line about the end")
        assert document["remedy"] in rig.errors.read_text()
        return
    until(lambda: len(rig.lines()) >= before + 2, "the log has a line about the end")
    begin, end = rig.lines()[before : before + 2]
    assert document["remedy"] in begin
    assert "is mended" in end

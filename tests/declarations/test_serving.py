"""A started service with two workers: declared queues at start, at SIGHUP, and while something is wrong."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
import requests

from tests.patience import until
from tests.private_valkey import private_valkey
from tests.serving.conftest import Serve

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGHUP"),
]

FIRST = """
[queue.orders]
VisibilityTimeout = 60
dead_letter_queue = "dead"
max_receive_count = 5
[queue.dead]
"""


@dataclass
class Declaring:
    """A service, its settings file and its store."""

    serve: Serve
    config: Path
    store: redis.Redis

    def hangup(self, text: str) -> None:
        self.config.write_text(text)
        self.serve.process.send_signal(signal.SIGHUP)

    def names(self) -> list[str]:
        target = {"X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0"}
        found = requests.post(self.serve.url, b"{}", headers=target, timeout=10).json()
        return [url.rpartition("/")[2] for url in found.get("QueueUrls", [])]

    def ready(self) -> tuple[int, str]:
        """Of every worker: two answers alike in a row may come from the same one."""
        found = [requests.get(f"{self.serve.url}/health/ready", timeout=10) for _ in range(8)]
        worst = max(found, key=lambda answer: answer.status_code)
        return worst.status_code, worst.json().get("reason", "")

    def log(self) -> list[str]:
        """The events of declared queues."""
        lines = self.serve.errors.read_text().splitlines()
        return [line.partition(" declarations ")[2] for line in lines if " declarations " in line]

    def has_lines(self, number: int) -> bool:
        return len(self.log()) == number


@pytest.fixture(scope="module")
def declaring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Declaring]:
    folder = tmp_path_factory.mktemp("declaring")
    config = folder / "facade.toml"
    config.write_text(FIRST)
    with private_valkey() as server, server.client() as client:
        flags = ("--workers", "2", "--redis", server.url, "--durability", "memory", "--config", str(config))
        serve = Serve(folder, *flags)
        try:
            yield Declaring(serve.wait_ready(), config, client)
        finally:
            serve.kill()


def test_a_service_lives_with_its_declared_queues(declaring: Declaring) -> None:
    """One story, since each step begins where the last one ends."""
    assert declaring.names() == ["dead", "orders"]
    assert declaring.log() == ["declared queues: 2 created, 0 changed"]

    declaring.hangup(FIRST + "[queue.third]\n")
    until(lambda: declaring.names() == ["dead", "orders", "third"], "the third queue")
    until(lambda: declaring.ready() == (200, ""), "readiness")

    before = len(declaring.log())
    for _ in range(2):
        declaring.hangup(FIRST + "[queue.third]\n")
        until(functools.partial(declaring.has_lines, before := before + 1), "a line for each signal")

    declaring.hangup(FIRST + "[queue.fourth]\nDelay = 1\n")
    until(lambda: "queue.fourth.Delay is not a key of a queue" in declaring.log()[-1], "a line about the mistake")
    assert (declaring.names(), declaring.ready()[0]) == (["dead", "orders", "third"], 200)

    waits = "[queue.fourth]\ndead_letter_queue = 'fifth'\nmax_receive_count = 1\n"
    declaring.hangup(FIRST + waits)
    until(lambda: declaring.ready()[0] == 503, "readiness to fail")
    assert declaring.ready()[1].endswith("Dead letter target does not exist.")
    declaring.hangup(FIRST + waits + "[queue.fifth]\n")
    until(lambda: declaring.ready() == (200, ""), "readiness")
    assert declaring.names() == ["dead", "fifth", "fourth", "orders", "third"]
    assert any("queue third is not declared any more; it stays as it is" in line for line in declaring.log())

    declaring.store.flushall()
    until(lambda: declaring.names() == ["dead", "fifth", "fourth", "orders"], "the queues of an emptied store")
    until(lambda: declaring.ready() == (200, ""), "readiness")

    declaring.serve.stop()
    assert len([line for line in declaring.log() if line.startswith("declared queues:")]) == 4

"""The log of a whole service in JSON: its start, a store that is gone and back, a worker that is killed, its end."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.patience import PATIENCE_SECONDS, until
from tests.serving.conftest import Serve, kill_valkey
from zaqar_core.configuration.setting_sources import variable

pytestmark = pytest.mark.slow

Line = dict[str, Any]
_FLAGS = ("--log-format", "json", "--access-log", "errors")


@dataclass
class Ran:
    """What a service wrote, and the request ids of calls that failed."""

    output: str
    errors: str
    failed: list[str]

    def lines(self, logger: str = "") -> list[Line]:
        found = [json.loads(line) for line in self.errors.splitlines()]
        return [one for one in found if one["logger"].startswith(logger)]


def fail(url: str) -> str:
    """Call an operation that fails; return the id of the request."""
    client = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_SECONDS)
    try:
        body = json.dumps({"QueueUrl": "no-such-queue", "MessageBody": "x"})
        client.request("POST", "/", body, {"X-Amz-Target": "AmazonSQS.SendMessage"})
        answer = client.getresponse()
        answer.read()
        return str(answer.getheader("x-amzn-RequestId"))
    finally:
        client.close()


def says(service: Serve, *texts: str) -> None:
    until(lambda: all(text in service.errors.read_text() for text in texts), " and ".join(texts))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    """A service that loses its store, then its worker, and stops."""
    folder = tmp_path_factory.mktemp("logs")
    data = folder / "data"
    service = Serve(folder, "--data-dir", str(data), *_FLAGS)
    try:
        service.wait_ready()
        failed = [fail(service.url)]
        says(service, failed[0])
        kill_valkey(data)
        says(service, " is gone: ", " is back after ")
        [worker] = service.workers()
        worker.send_signal(signal.SIGKILL)
        says(service, "a worker ended with signal 9")
        until(lambda: service.workers() and service.workers() != [worker], "another worker")
        until(lambda: _answers(service.url, failed), "it answers")
        service.stop()
        yield Ran(service.output.read_text(), service.errors.read_text(), failed)
    finally:
        service.kill()


def _answers(url: str, failed: list[str]) -> bool:
    try:
        failed.append(fail(url))
    except OSError:
        return False
    return True


def test_every_line_is_json_with_time_level_process_and_event(ran: Ran) -> None:
    for line in [*ran.lines(), *map(json.loads, ran.output.splitlines())]:
        assert {"time", "level", "process", "pid", "logger", "event"} <= line.keys()
        assert line["process"] in ("main", "worker")
    assert ran.output.count("sqs-facade is ready: http://") == 1


def test_the_store_has_one_line_when_it_goes_and_one_when_it_is_back(ran: Ran) -> None:
    gone, back = [line["event"] for line in ran.lines("sqs_facade.store")]
    assert gone.startswith("the store is gone: ")
    assert back.startswith("the store is back after ")
    [restarted] = ran.lines("sqs_facade.valkey")
    assert restarted["event"].startswith("Valkey ended and was restarted")
    assert not [line for line in ran.lines() if "will retry" in line["event"]]


def test_the_end_of_a_worker_has_one_line_of_the_main_process(ran: Ran) -> None:
    [line] = ran.lines("sqs_facade.supervisor")
    assert (line["level"], line["process"]) == ("warning", "main")


def test_failed_calls_are_found_by_their_request_ids(ran: Ran) -> None:
    found = ran.lines("sqs_facade.access")
    assert (found[0]["request_id"], found[0]["operation"]) == (ran.failed[0], "SendMessage")
    assert {line["request_id"] for line in found} >= {ran.failed[0], ran.failed[-1]}
    assert len({line["pid"] for line in found}) == 2


def _start(folder: Path, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sqs_facade", "serve", *flags],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env={**os.environ, **environment},
        check=False,
    )


def test_a_start_that_fails_says_so_in_json(tmp_path: Path) -> None:
    wrong = _start(tmp_path, "--workers", "0", **{variable("log_format"): "json"})
    refused = _start(tmp_path, "--redis", "redis://127.0.0.1:1", "--log-format", "json")
    for ran, text in ((wrong, "--workers"), (refused, "does not respond")):
        [line] = [json.loads(one) for one in ran.stderr.splitlines()]
        assert (line["level"], line["process"], ran.stdout) == ("critical", "main", "")
        assert text in line["event"]


def test_a_log_that_nobody_reads_delays_no_request(tmp_path: Path) -> None:
    """A pipe holds 64 KiB at most, which a few hundred lines fill."""
    ready = tmp_path / "ready"
    command = [sys.executable, "-m", "sqs_facade", "serve", "--ephemeral", "--port", "0", "--ready-file", str(ready)]
    reader, writer = os.pipe()
    process = subprocess.Popen(
        [*command, "--access-log", "all"], stderr=writer, stdout=subprocess.DEVNULL, start_new_session=True
    )
    os.close(writer)
    try:
        until(ready.exists, "ready")
        url = ready.read_text().strip()
        for _ in range(500):
            fail(url)
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        os.close(reader)


#: What else writes to standard error by itself.
_PROGRAM = """
import logging, threading, warnings
from zaqar_core import logs

class Odd:
    def __del__(self):
        raise ValueError("odd\\nline")

logs.set_up("json", "info", "main")
warnings.warn("a warning\\nof two lines")
logging.getLogger("other").error("not %d", "a number")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start()
thread.join()
Odd()
raise RuntimeError("the end")
"""


def test_warnings_and_unhandled_exceptions_are_lines_too(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2]
    )
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    assert [(line["logger"], line["level"]) for line in lines] == [
        ("py.warnings", "warning"),
        ("sqs_facade.process", "error"),
        ("sqs_facade.process", "error"),
        ("sqs_facade.process", "error"),
        ("sqs_facade.process", "critical"),
    ]
    assert ran.returncode == 1
    assert ["exception" in line for line in lines] == [False, False, True, True, True]

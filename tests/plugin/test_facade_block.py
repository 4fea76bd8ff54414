"""``sqs_facade.compat.facade()``: a service for a block of code."""

from __future__ import annotations

import subprocess
import sys

import pytest
import requests

from sqs_facade import compat
from tests.patience import until


def test_a_block_has_an_empty_service() -> None:
    with compat.facade() as endpoint_url:
        assert requests.get(f"{endpoint_url}/health/ready", timeout=30).status_code == 200
        answer = requests.post(f"{endpoint_url}/_test/clock", json={"advance_seconds": 1}, timeout=30)
        assert answer.status_code == 200
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{endpoint_url}/health", timeout=30)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=30).status_code == 200
    except requests.ConnectionError:
        return False


def test_it_ends_with_a_process_that_was_killed() -> None:
    """A test run that was killed leaves no process."""
    program = "import time; from sqs_facade import compat; service = compat.facade(); "
    program += "print(service.__enter__(), flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert requests.get(f"{url}/health", timeout=30).status_code == 200
        process.kill()
    until(lambda: not _answers(url), "it ends")


def test_two_blocks_are_two_services() -> None:
    with compat.facade() as one, compat.facade() as other:
        assert one != other
        requests.put(f"{one}/v2/queues/q", headers=HEADERS, timeout=30).raise_for_status()
        assert requests.get(f"{other}/v2/queues", headers=HEADERS, timeout=30).json()["queues"] == []


HEADERS = {"Client-ID": "3381af92-2b9e-11e3-b191-71861300734c", "X-Project-Id": "p"}


def test_the_reason_of_a_failed_start_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQS_FACADE_DURABILITY", "fsync")
    with pytest.raises(RuntimeError, match="SQS_FACADE_DURABILITY cannot be fsync"), compat.facade():
        pytest.fail("it started")

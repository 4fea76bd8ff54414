"""Other WSGI servers, started by the commands of docs/operations.md."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
import requests
from botocore.config import Config

from tests.patience import PATIENCE_SECONDS, until
from zaqar_core.web.server.limits import Limits

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTED = re.findall(r"(?m)^(?:\w+=\S+ )*(?:gunicorn|flask) .*$", (ROOT / "docs" / "operations.md").read_text())
ACCOUNT = "426842684268"
POLLS = 12
STOP_SECONDS = 12  # the polls would wait 20


@contextmanager
def started(command: str, store: str, port: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The URL and process of a documented command, on this store and port."""
    words = shlex.split(command)
    settings = dict(word.split("=", 1) for word in words if "=" in word)
    settings |= {"SQS_FACADE_REDIS": store, "SQS_FACADE_DURABILITY": "memory", "SQS_FACADE_TEST_HOOKS": "true"}
    program = [word.replace("9324", str(port)) for word in words if "=" not in word]
    process = subprocess.Popen(
        [Path(sys.executable).with_name(program[0]), *program[1:]],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(url) or process.poll() is not None, "the service is ready", 30)
        assert process.poll() is None
        yield url, process
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/health/ready", timeout=PATIENCE_SECONDS).status_code == 200
    except requests.RequestException:
        return False


def _waiting(url: str) -> int:
    found = requests.get(f"{url}/_test/waiting", params={"account": ACCOUNT}, timeout=10).json()["waiting"]
    assert isinstance(found, int)
    return found


def _client(url: str):  # type: ignore[no-untyped-def] # boto3 ships no types
    return boto3.client(
        "sqs",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="any",
        config=Config(max_pool_connections=POLLS + 1, retries={"total_max_attempts": 1}),
    )


def test_the_documented_commands_are_found() -> None:
    assert [command.split()[-1] for command in DOCUMENTED if "gunicorn" in command] == ["sqs_facade.wsgi:app"]
    assert any(" flask " in f" {command} " for command in DOCUMENTED)


@pytest.mark.parametrize("command", DOCUMENTED)
def test_a_documented_command_leaves_threads_for_requests_that_do_not_wait(command: str) -> None:
    waits, threads = (re.search(rf"{word}[= ](\d+)", command) for word in ("MAX_WAITS", "--threads"))
    if "flask" in command:  # makes a thread for each request
        assert threads is None
    else:
        assert waits is not None
        assert threads is not None
        assert int(waits[1]) < int(threads[1])


#: SDKs use an idle connection again after 60 s.
KEEP_ALIVE_SECONDS = 75


def test_idle_connections_are_kept_longer_than_clients_keep_them() -> None:
    [command] = [one for one in DOCUMENTED if "gunicorn" in one]
    kept = re.search(r"--keep-alive (\d+)", command)
    assert kept is not None
    assert int(kept[1]) > KEEP_ALIVE_SECONDS
    assert Limits().idle_seconds > KEEP_ALIVE_SECONDS


@pytest.mark.parametrize("command", [*DOCUMENTED, *(one.replace("sqs_facade.wsgi", "wsgi") for one in DOCUMENTED)])
def test_many_polls_wait_at_one_time(command: str, valkey: str, free_port: int) -> None:
    """By the package's name, and by the name in a checkout."""
    with started(command, valkey, free_port) as (url, _), ThreadPoolExecutor(POLLS) as pool:
        client = _client(url)
        queue = client.create_queue(QueueName="polls")["QueueUrl"]
        receive = {"QueueUrl": queue, "WaitTimeSeconds": 20, "MaxNumberOfMessages": 1}
        polls = [pool.submit(client.receive_message, **receive) for _ in range(POLLS)]
        until(lambda: _waiting(url) == POLLS, "all polls wait", 15)
        for number in range(POLLS):
            client.send_message(QueueUrl=queue, MessageBody=str(number))
        bodies = {message["Body"] for poll in polls for message in poll.result()["Messages"]}
        assert bodies == {str(number) for number in range(POLLS)}
        client.delete_queue(QueueUrl=queue)


def test_a_stop_of_gunicorn_ends_waiting_polls(valkey: str, free_port: int) -> None:
    [command] = [one for one in DOCUMENTED if "gunicorn" in one]
    with started(command, valkey, free_port) as (url, process), ThreadPoolExecutor(POLLS) as pool:
        client = _client(url)
        queue = client.create_queue(QueueName="stopped")["QueueUrl"]
        receive = {"QueueUrl": queue, "WaitTimeSeconds": 20}
        polls = [pool.submit(client.receive_message, **receive) for _ in range(POLLS)]
        until(lambda: _waiting(url) == POLLS, "all polls wait", 15)
        process.terminate()
        until(lambda: process.poll() is not None, "gunicorn ends", STOP_SECONDS)
        assert [poll.result().get("Messages") for poll in polls] == [None] * POLLS


@pytest.mark.parametrize("command", DOCUMENTED)
@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"SQS_FACADE_DURABILITY": "tape", "SQS_FACADE_PROT": "1"}, "sqs-facade: environment variable SQS_FACADE_PROT"),
        ({"SQS_FACADE_REDIS": "redis://127.0.0.1:1"}, "sqs-facade: environment variable SQS_FACADE_REDIS: "),
        ({"SQS_FACADE_AUTH_STRATEGY": "keystone"}, "sqs-facade: "),
    ],
    ids=["two wrong settings", "no store", "no Keystone"],
)
def test_a_start_that_fails_ends_with_its_reasons_and_without_a_traceback(
    command: str, wrong: dict[str, str], line: str, valkey: str, free_port: int
) -> None:
    # Gunicorn's master may end in a traceback of its own when a second worker fails while it stops.
    single = command.replace("--workers 2", "--workers 1")
    program = [word.replace("9324", str(free_port)) for word in shlex.split(single) if "=" not in word]
    ended = subprocess.run(
        [Path(sys.executable).with_name(program[0]), *program[1:]],
        cwd=ROOT,
        env={**os.environ, "SQS_FACADE_REDIS": valkey, "SQS_FACADE_DURABILITY": "memory", **wrong},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = [one for one in ended.stderr.splitlines() if one.startswith("sqs-facade: ")]
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    assert any(one.startswith(line) for one in lines), ended.stderr
    assert len(lines) == len(wrong)

"""Two services on one data directory serve the same queues."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.patience import until
from tests.serving.conftest import Client, Serve, client_of, is_running, valkey_pid

pytestmark = pytest.mark.slow

Start = Callable[..., Serve]


@pytest.mark.parametrize("leaves_first", ["the one that started it", "the one that attached"])
def test_two_services_share_one_valkey_and_either_may_stop_first(serve: Start, data: Path, leaves_first: str) -> None:
    first = serve("--data-dir", data).wait_ready()
    pid = valkey_pid(data)
    second = serve("--data-dir", data).wait_ready()
    assert valkey_pid(data) == pid
    leaving, staying = (first, second) if leaves_first == "the one that started it" else (second, first)
    with client_of(leaving) as client:
        client.call("CreateQueue", QueueName="shared")
        client.call("SendMessage", QueueUrl="shared", MessageBody="hello")
    leaving.stop()
    with client_of(staying) as client:
        found = client.call("ReceiveMessage", QueueUrl="shared")["Messages"]
        assert [message["Body"] for message in found] == ["hello"]
    assert is_running(pid)
    staying.stop()
    assert not is_running(pid)


def test_an_attached_service_restarts_valkey_after_its_starter_has_ended(serve: Start, data: Path) -> None:
    starter = serve("--data-dir", data).wait_ready()
    staying = serve("--data-dir", data).wait_ready()
    starter.kill()  # takes Valkey with it
    until(lambda: is_running(valkey_pid(data)), "another Valkey")
    with client_of(staying) as client:
        until(lambda: _created(client), "it answers")


def _created(client: Client) -> bool:
    try:
        client.call("CreateQueue", QueueName="again")
    except AssertionError:  # not yet: 503
        return False
    return True

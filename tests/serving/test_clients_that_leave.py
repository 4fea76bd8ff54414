"""Clients that disconnect while they wait."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.patience import until
from tests.serving.conftest import Serve, client_of, wait_on, waiting_polls


def test_a_poll_whose_client_has_disconnected_ends_and_takes_no_message(
    serve: Callable[..., Serve], data: Path
) -> None:
    service = serve("--data-dir", data).wait_ready()
    with client_of(service) as client:
        client.call("CreateQueue", QueueName="left")
        polls = [wait_on(service, "left") for _ in range(10)]
        until(lambda: waiting_polls(data) == 10, "all polls wait")
        for poll in polls:
            poll.close()
        until(lambda: waiting_polls(data) == 0, "no poll waits")
        client.call("SendMessage", QueueUrl="left", MessageBody="kept")
        assert [one["Body"] for one in client.call("ReceiveMessage", QueueUrl="left")["Messages"]] == ["kept"]

"""A store that no longer keeps what was promised acknowledges nothing; a full store can be emptied."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from tests.faults import rigs
from tests.faults.rigs import Services
from tests.faults.table import PROMISES, kill_server
from tests.faults.wire import Connection, Unknown
from tests.patience import until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

#: Until the service has noticed: four times as long as it may take.
_NOTICE_SECONDS = 8.0


@contextmanager
def connection_to(rig: Services) -> Iterator[Connection]:
    with contextlib.closing(Connection(lambda: rig.urls()[0])) as connection:
        yield connection


def refusal(call: Callable[[], object]) -> str:
    """Return the text of a 5xx; empty if the call succeeds."""
    try:
        call()
    except Unknown as problem:
        return str(problem)
    return ""


@pytest.mark.parametrize(("setting", "broken", "kept"), PROMISES)
def test_sends_are_refused_while_a_setting_breaks_the_promise(setting: str, broken: str, kept: str) -> None:
    """The refusal names the setting. Sends are acknowledged again once it is as it was."""
    with rigs.on_server() as rig, connection_to(rig) as connection:
        connection.sqs("CreateQueue", QueueName="q")
        send = partial(connection.sqs, "SendMessage", QueueUrl="q", MessageBody="1")
        send()
        rig.server.command("CONFIG", "SET", setting, broken)
        until(lambda: setting in refusal(send), f"a refusal that names {setting}", _NOTICE_SECONDS)
        rig.server.command("CONFIG", "SET", setting, kept)
        until(lambda: not refusal(send), "an acknowledgement")


def test_an_acknowledgement_waits_for_the_whole_log() -> None:
    """A log that was off begins with a copy of all data. Until that is written, the server forgets what it gets.

    The server reports ``aof_enabled:1`` from the start. Each key of the copy is made to take half a second.
    """
    with rigs.on_server() as rig, connection_to(rig) as connection:
        connection.sqs("CreateQueue", QueueName="q")
        rig.server.command("CONFIG", "SET", "appendonly", "no")
        send = partial(connection.sqs, "SendMessage", QueueUrl="q", MessageBody="kept")
        until(lambda: "appendonly" in refusal(send), "a refusal that names appendonly")
        rig.server.command("CONFIG", "SET", "rdb-key-save-delay", 500_000)
        rig.server.command("CONFIG", "SET", "appendonly", "yes")
        until(lambda: not refusal(send), "an acknowledgement")
        kill_server(rig, random.Random())
        until(lambda: not refusal(partial(connection.sqs, "GetQueueUrl", QueueName="q")), "the service")
        found = connection.sqs("ReceiveMessage", QueueUrl="q", MaxNumberOfMessages=10)
        assert "kept" in [message["Body"] for message in found.get("Messages", [])]


def test_a_new_primary_with_other_settings_acknowledges_nothing() -> None:
    """It is checked before its first acknowledgement, so there is no window after a fail-over."""
    with rigs.sentinels("fsync") as rig, connection_to(rig) as connection:
        connection.sqs("CreateQueue", QueueName="q")
        send = partial(connection.sqs, "SendMessage", QueueUrl="q", MessageBody="1")
        first, *others = rig.group.servers
        for replica in others:
            replica.command("CONFIG", "SET", "appendfsync", "everysec")
        first.kill()
        refusals: list[str] = []

        def is_named() -> bool:
            refusals.append(refusal(send))
            return not refusals[-1] or "appendfsync" in refusals[-1]

        until(is_named, "the next primary")
        assert all(refusals)
        for replica in others:
            replica.command("CONFIG", "SET", "appendfsync", "always")
        until(lambda: not refusal(send), "an acknowledgement")


def test_a_full_store_can_be_read_and_emptied_by_sqs() -> None:
    with rigs.on_server() as rig, connection_to(rig) as connection:
        connection.sqs("CreateQueue", QueueName="q")
        for body in "abc":
            connection.sqs("SendMessage", QueueUrl="q", MessageBody=body)
        rig.server.command("CONFIG", "SET", "maxmemory", 1)
        assert "othing was stored" in refusal(partial(connection.sqs, "SendMessage", QueueUrl="q", MessageBody="d"))
        [message] = connection.sqs("ReceiveMessage", QueueUrl="q", VisibilityTimeout=600)["Messages"]
        connection.sqs("DeleteMessage", QueueUrl="q", ReceiptHandle=message["ReceiptHandle"])
        found = connection.sqs("GetQueueAttributes", QueueUrl="q", AttributeNames=["All"])["Attributes"]
        assert found["ApproximateNumberOfMessages"] == "2"
        connection.sqs("PurgeQueue", QueueUrl="q")
        connection.sqs("DeleteQueue", QueueUrl="q")


def test_a_full_store_can_be_read_and_emptied_by_zaqar() -> None:
    with rigs.on_server() as rig, connection_to(rig) as connection:
        posted = {"messages": [{"body": number} for number in range(3)]}
        connection.zaqar("POST", "q/messages", posted)
        rig.server.command("CONFIG", "SET", "maxmemory", 1)
        assert refusal(partial(connection.zaqar, "POST", "q/messages", posted))
        claimed, path = connection.zaqar("POST", "q/claims?limit=1", {"ttl": 60, "grace": 60})
        [message] = claimed["messages"]
        connection.zaqar("DELETE", message["href"].removeprefix("/v2/queues/"))
        connection.zaqar("DELETE", path.removeprefix("/v2/queues/"))
        popped, _ = connection.zaqar("DELETE", "q/messages?pop=1")
        assert [one["body"] for one in popped["messages"]] == [1]
        connection.zaqar("POST", "q/purge")
        connection.zaqar("DELETE", "q")

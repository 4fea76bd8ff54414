"""The virtual clock: every effect of time, without waiting, for one account."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
import requests

from tests.conftest import Service
from tests.hooks.conftest import HALF_A_DAY, TWO_WEEKS, Background, Hooks
from tests.patience import LONG_POLL_SECONDS, PATIENCE_SECONDS, sooner_than
from tests.sqs.wire import Sqs, signed
from tests.store.traffic import core_on
from zaqar_core.domain.names import QueueRef
from zaqar_core.web.hooks import virtual_clock

#: Messages of a move task at one a second: longer than a test may take on a busy machine.
DEAD = 30


def test_twelve_hours_of_visibility_pass_at_once(sqs: Sqs, hooks: Hooks) -> None:
    url = sqs.queue("q", VisibilityTimeout=str(HALF_A_DAY))
    sqs.send(url, "a")
    assert sqs.receive(url)
    hooks.advance(HALF_A_DAY - 60)
    assert not sqs.receive(url)
    hooks.advance(60)
    assert [one["Body"] for one in sqs.receive(url)] == ["a"]


def test_two_weeks_of_retention_pass_at_once(sqs: Sqs, hooks: Hooks) -> None:
    url = sqs.queue("q", MessageRetentionPeriod=str(TWO_WEEKS))
    sqs.send(url, "a")
    hooks.advance(TWO_WEEKS - 60)
    assert sqs.counts(url) == ("1", "0", "0")
    hooks.advance(60)
    assert sqs.counts(url) == ("0", "0", "0")


@pytest.mark.parametrize("name", ["q", "q.fifo"])
def test_a_long_poll_returns_at_once_when_the_clock_makes_a_message_visible(sqs: Sqs, hooks: Hooks, name: str) -> None:
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if name == "q.fifo" else {}
    url = sqs.queue(name, DelaySeconds="900", **fifo)
    sqs.send(url, "a", **({"MessageGroupId": "g"} if fifo else {}))
    with sooner_than(LONG_POLL_SECONDS, "the poll"):
        poll = Background(lambda: sqs.receive(url, WaitTimeSeconds=LONG_POLL_SECONDS))
        hooks.await_waiting()
        hooks.advance(900)
        assert [one["Body"] for one in poll.result()] == ["a"]


def test_a_long_poll_gets_a_message_whose_visibility_ended(sqs: Sqs, hooks: Hooks) -> None:
    url = sqs.queue("q", VisibilityTimeout=str(HALF_A_DAY))
    sqs.send(url, "a")
    sqs.receive(url)
    poll = Background(lambda: sqs.receive(url, WaitTimeSeconds=20))
    hooks.await_waiting()
    hooks.advance(HALF_A_DAY)
    assert [one["Body"] for one in poll.result()] == ["a"]


def test_all_queues_of_the_account_move_in_all_regions(sqs: Sqs, hooks: Hooks) -> None:
    header = {"authorization": signed(sqs.account, "eu-west-1")}
    here = sqs.queue("q")
    there = sqs.call("CreateQueue", QueueName="q", **header)["QueueUrl"]
    for url, region in ((here, {}), (there, header)):
        sqs.call("SendMessage", QueueUrl=url, MessageBody="a", DelaySeconds=900, **region)
    hooks.advance(900)
    assert sqs.call("ReceiveMessage", QueueUrl=here)["Messages"]
    assert sqs.call("ReceiveMessage", QueueUrl=there, **header)["Messages"]


def test_a_queue_created_later_has_the_accounts_time(sqs: Sqs, hooks: Hooks) -> None:
    hooks.advance(HALF_A_DAY)
    before = time.time()
    url = sqs.queue("later")
    sqs.send(url, "a")
    [found] = sqs.receive(url, AttributeNames=["SentTimestamp"])
    created = int(sqs.attributes(url, "CreatedTimestamp")["CreatedTimestamp"])
    assert int(found["Attributes"]["SentTimestamp"]) >= (before + HALF_A_DAY - 1) * 1000
    assert created >= before + HALF_A_DAY - 2
    hooks.advance(30)
    assert sqs.receive(url)


def test_a_queue_that_is_deleted_while_it_is_created_is_no_error(valkey: str, account: str) -> None:
    with core_on(valkey) as core:
        session = core.session()
        virtual_clock.advance(session, account, 1000)
        virtual_clock.catch_up(session, QueueRef(account, "us-east-1", "deleted"))


def test_the_time_of_another_account_does_not_move(service: Service, sqs: Sqs, hooks: Hooks) -> None:
    other = Sqs(service.url, "json", "fast", f"{uuid.uuid4().int % 10**12:012d}")
    url = other.queue("q")
    other.send(url, "a", DelaySeconds=900)
    hooks.advance(900)
    assert other.counts(url) == ("0", "0", "1")


def test_deduplication_ends_after_five_minutes(sqs: Sqs, hooks: Hooks) -> None:
    url = sqs.queue("q.fifo", FifoQueue="true")

    def send() -> str:
        return str(sqs.send(url, "a", MessageGroupId="g", MessageDeduplicationId="d")["MessageId"])

    first = send()
    hooks.advance(299)
    assert send() == first
    hooks.advance(2)
    assert send() != first


def test_a_receive_attempt_ends_after_five_minutes(sqs: Sqs, hooks: Hooks) -> None:
    url = sqs.queue("q.fifo", FifoQueue="true", ContentBasedDeduplication="true", VisibilityTimeout="3600")
    sqs.send(url, "a", MessageGroupId="g")

    def receive() -> int:
        return len(sqs.receive(url, ReceiveRequestAttemptId="x"))

    assert receive() == 1
    assert receive() == 1
    hooks.advance(301)
    assert receive() == 0


def test_a_purged_queue_can_be_purged_again_after_a_minute(sqs: Sqs, hooks: Hooks) -> None:
    url = sqs.queue("q")
    sqs.call("PurgeQueue", QueueUrl=url)
    hooks.advance(50)
    assert sqs.error("PurgeQueue", QueueUrl=url).status == 403
    hooks.advance(10)
    sqs.call("PurgeQueue", QueueUrl=url)


def dead_letters(sqs: Sqs) -> tuple[str, str, str]:
    """URLs of a queue and of the dead-letter queue that its messages are in, and the latter's ARN."""
    dead = sqs.queue("dead")
    arn = sqs.attributes(dead, "QueueArn")["QueueArn"]
    work = sqs.queue("work", RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1}))
    for number in range(DEAD):
        sqs.send(work, str(number))
    for _ in range(DEAD // 10):
        sqs.receive(work, MaxNumberOfMessages=10, VisibilityTimeout=0)
    assert not sqs.receive(work, MaxNumberOfMessages=10)
    return work, dead, arn


def test_a_move_task_continues_at_once(sqs: Sqs, hooks: Hooks) -> None:
    work, _, arn = dead_letters(sqs)
    with sooner_than(DEAD - 1, "the moves at a message a second"):
        sqs.call("StartMessageMoveTask", SourceArn=arn, MaxNumberOfMessagesPerSecond=1)
        while sqs.call("ListMessageMoveTasks", SourceArn=arn)["Results"][0]["Status"] == "RUNNING":
            hooks.advance(1)
    assert sqs.counts(work) == (str(DEAD), "0", "0")


def test_a_move_task_with_a_rate_does_not_catch_up_after_a_leap(sqs: Sqs, hooks: Hooks) -> None:
    """After an hour at once one message is due, and not 3,600: no second sees more than the rate."""
    _, dead, arn = dead_letters(sqs)
    began = time.monotonic()
    sqs.call("StartMessageMoveTask", SourceArn=arn, MaxNumberOfMessagesPerSecond=1)
    hooks.advance(3600)
    task: dict[str, Any] = {"ApproximateNumberOfMessagesMoved": 0}
    while task["ApproximateNumberOfMessagesMoved"] < 2:
        assert time.monotonic() - began < PATIENCE_SECONDS
        task = sqs.call("ListMessageMoveTasks", SourceArn=arn)["Results"][0]
    assert task["Status"] == "RUNNING"
    assert task["ApproximateNumberOfMessagesMoved"] <= 2 + (time.monotonic() - began)
    assert sqs.counts(dead)[0] != "0"


def test_a_zaqar_project_has_a_clock_too(service: Service) -> None:
    project = f"project {uuid.uuid4().hex}"
    headers = {"Client-ID": str(uuid.uuid4()), "X-Project-Id": project}
    url = f"{service.url}/v2/queues/q/messages"
    requests.post(url, json={"messages": [{"body": 1, "ttl": 300}]}, headers=headers, timeout=10).raise_for_status()
    Hooks(service.url, project).advance(301)
    answer = requests.get(f"{url}?echo=true", headers=headers, timeout=10)
    assert answer.json()["messages"] == []


@pytest.mark.parametrize("seconds", [-1, "soon", 10**12])
def test_time_moves_forward_only_and_at_most_ten_years(service: Service, seconds: object) -> None:
    answer = requests.post(f"{service.url}/_test/clock", json={"advance_seconds": seconds}, timeout=10)
    assert answer.status_code == 400
    assert "error" in answer.json()


def test_the_default_account_is_that_of_the_access_key(service: Service, sqs: Sqs, hooks: Hooks) -> None:
    url = sqs.queue("q")
    sqs.send(url, "a", DelaySeconds=60)
    headers = {"Authorization": signed(sqs.account)}
    answer = requests.post(f"{service.url}/_test/clock", json={"advance_seconds": 60}, headers=headers, timeout=10)
    assert answer.json() == {"account": sqs.account, "ahead_seconds": 60.0}
    assert sqs.receive(url)

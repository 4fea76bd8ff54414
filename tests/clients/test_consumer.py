"""sqs-producer and sqs-consumer, from end to end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Advance
from tests.clients.driver import Client
from tests.clients.events import EVENT_SECONDS, Telling

pytestmark = pytest.mark.parametrize("client_process", ["boto3"], indirect=True)  # it only looks at the queue


class Consumer(Telling):
    """A running consumer."""

    def __init__(self, folder: Path, options: dict[str, Any]) -> None:
        super().__init__(["node", "consumer.mjs", json.dumps(options)], folder)

    def stop(self, how: str = "stop") -> float:
        """Stop the consumer and wait until its process has ended; return the seconds."""
        self.say(how)
        return self.ended()


Start = Callable[..., Consumer]
Produce = Callable[..., dict[str, Any]]


@pytest.fixture
def start(js: Path, client: Client, queue: str) -> Iterator[Start]:
    """``start(**options)``: a consumer of the queue that long-polls for 20 seconds."""
    with ExitStack() as running:

        def begin(**options: Any) -> Consumer:
            given = {"endpoint": client.endpoint, "queueUrl": queue, "waitTimeSeconds": 20, "strictReturn": True}
            consumer = running.enter_context(Consumer(js, {**given, **options}))
            consumer.wait_for("started")
            return consumer

        yield begin


@pytest.fixture
def produce(js: Path, client: Client, queue: str) -> Produce:
    """``produce(messages[, queue_url])`` returns what sqs-producer reports after the send."""

    def send(messages: list[Any], queue_url: str = queue) -> dict[str, Any]:
        options = {"endpoint": client.endpoint, "queueUrl": queue_url, "messages": messages}
        ran = subprocess.run(
            ["node", "producer.mjs", json.dumps(options)],
            cwd=js, capture_output=True, text=True, timeout=EVENT_SECONDS, check=True,
        )  # fmt: skip
        return dict(json.loads(ran.stdout))

    return send


def messages(count: int) -> list[dict[str, Any]]:
    return [{"id": f"id-{number}", "body": f"body {number}"} for number in range(count)]


def bodies(events: list[dict[str, Any]]) -> list[str]:
    return sorted(event["body"] for event in events)


def test_a_producer_sends_more_messages_than_a_batch_can_have(client: Client, queue: str, produce: Produce) -> None:
    attributes = {"a": {"DataType": "String", "StringValue": "é\r"}}
    told = produce([*messages(24), {"id": "last", "body": "<é>\r", "messageAttributes": attributes, "delaySeconds": 9}])
    assert [one["Id"] for one in told["sent"]] == [f"id-{number}" for number in range(24)] + ["last"]
    assert told["size"] == 24
    assert client.counts(queue) == (24, 0, 1)


def test_a_producer_knows_which_messages_failed(client: Client, queue: str, produce: Produce) -> None:
    client.call("SetQueueAttributes", QueueUrl=queue, Attributes={"MaximumMessageSize": "1024"})
    told = produce([*messages(12), {"id": "long", "body": "x" * 1025}])
    assert told["error"] == {"name": "FailedMessagesError", "failed": ["long"]}
    assert told["size"] == 12


def test_a_waiting_consumer_handles_and_deletes_all(client: Client, queue: str, start: Start, produce: Produce) -> None:
    consumer = start(batchSize=10)
    produce(messages(35))
    assert bodies(consumer.wait_for("message_processed", 35)) == bodies(messages(35))
    consumer.stop("abort")
    assert client.counts(queue) == (0, 0, 0)


def test_a_batch_handler_deletes_only_what_it_acknowledges(
    client: Client, queue: str, start: Start, produce: Produce
) -> None:
    produce(messages(10))
    consumer = start(batchSize=10, batch=True, keep=["body 3", "body 7"])
    processed = consumer.wait_for("message_processed", 8)
    consumer.stop("abort")
    assert [event["size"] for event in consumer.seen if event["event"] == "batch"] == [10]
    assert not {"body 3", "body 7"} & set(bodies(processed))
    assert client.counts(queue) == (0, 2, 0)


def test_a_message_whose_handler_failed_is_delivered_again_at_once(
    client: Client, queue: str, start: Start, produce: Produce
) -> None:
    """The consumer releases a failed message by setting its visibility timeout to 0."""
    produce(messages(3))
    consumer = start(
        batchSize=10,
        failures={"body 1": 2},
        terminateVisibilityTimeout=True,
        messageSystemAttributeNames=["ApproximateReceiveCount"],
    )
    consumer.wait_for("message_processed", 3)
    consumer.stop("abort")
    handled = [event for event in consumer.seen if event["event"] == "handling" and event["body"] == "body 1"]
    counts = [event["message"]["Attributes"]["ApproximateReceiveCount"] for event in handled]
    assert counts == ["1", "2", "3"]
    assert consumer.names().count("processing_error") == 2
    assert client.counts(queue) == (0, 0, 0)


def test_a_message_whose_handler_failed_is_delivered_again_after_its_timeout(
    client: Client, queue: str, start: Start, produce: Produce, later: Advance
) -> None:
    produce(messages(1))
    consumer = start(failures={"body 0": 1}, visibilityTimeout=60, waitTimeSeconds=1, pollingCompleteWaitTimeMs=5000)
    consumer.wait_for("processing_error")
    consumer.stop()  # with its last poll answered: one that was left could still take the message
    assert client.counts(queue) == (0, 1, 0)
    later(queue, 60)
    assert [found["Body"] for found in client.receive(queue)] == ["body 0"]


def test_a_consumer_stops_in_the_middle_of_a_long_poll(client: Client, queue: str, start: Start) -> None:
    consumer = start()
    assert consumer.stop("abort") < 5
    assert consumer.process.returncode == 0
    assert {"aborted", "stopped"} <= set(consumer.names())


def test_a_consumer_finishes_its_last_poll_before_it_stops(client: Client, queue: str, start: Start) -> None:
    consumer = start(waitTimeSeconds=1, pollingCompleteWaitTimeMs=5000)
    assert consumer.stop() < 5
    assert consumer.process.returncode == 0
    assert consumer.names()[-1] == "stopped"
    assert not {"error", "processing_error"} & set(consumer.names())


def test_a_message_sent_after_an_abort_is_not_lost(client: Client, queue: str, start: Start, later: Advance) -> None:
    """The abandoned poll may still receive it; then it is visible again when its visibility timeout ends."""
    consumer = start()
    consumer.stop("abort")
    client.send(queue, "x")
    for _ in range(4):
        if found := client.receive(queue, WaitTimeSeconds=1):
            break
        later(queue, 31)
    assert [message["Body"] for message in found] == ["x"]


def test_a_consumer_of_a_missing_queue_gets_the_named_error(client: Client, queue: str, start: Start) -> None:
    client.call("DeleteQueue", QueueUrl=queue)
    [error] = start().wait_for("error")
    assert (error["name"], error["code"]) == ("SQSError", "QueueDoesNotExist")


def test_a_consumer_of_a_deleted_queue_gets_the_named_error(client: Client, queue: str, start: Start) -> None:
    consumer = start()
    client.call("DeleteQueue", QueueUrl=queue)
    [error] = consumer.wait_for("error")
    assert (error["name"], error["code"]) == ("SQSError", "QueueDoesNotExist")


def test_a_fifo_queue_is_produced_and_consumed_in_order(
    client: Client, fifo: str, start: Start, produce: Produce
) -> None:
    sent = [{**message, "groupId": "g", "deduplicationId": message["id"]} for message in messages(25)]
    told = produce(sent, fifo)
    assert len({one["SequenceNumber"] for one in told["sent"]}) == 25
    produce(sent, fifo)  # all of them duplicates
    consumer = start(queueUrl=fifo, batchSize=10, batch=True, suppressFifoWarning=True)
    processed = consumer.wait_for("message_processed", 25)
    consumer.stop("abort")
    assert [event["body"] for event in processed] == [message["body"] for message in sent]
    assert client.counts(fifo) == (0, 0, 0)

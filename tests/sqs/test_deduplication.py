"""FIFO queues: deduplication."""

from __future__ import annotations

import pytest

from tests.sqs.fifo import bodies, delete, receive, send
from tests.sqs.wire import Sqs, md5, text


def test_a_duplicate_returns_the_first_messages_id_and_the_new_bodys_digest(sqs: Sqs, explicit: str) -> None:
    ids = {"MessageGroupId": "g", "MessageDeduplicationId": "d"}
    first = sqs.send(explicit, "first", **ids)
    second = sqs.send(explicit, "second", MessageAttributes={"a": text("1")}, **ids)
    assert (second["MessageId"], second["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    assert second["MD5OfMessageBody"] == md5("second")
    assert "MD5OfMessageAttributes" in second
    assert bodies(receive(sqs, explicit)) == ["first"]


def test_a_duplicate_is_detected_after_the_first_message_was_deleted(sqs: Sqs, fifo: str) -> None:
    [first] = send(sqs, fifo, "g:1")
    delete(sqs, fifo, receive(sqs, fifo)[0])
    assert send(sqs, fifo, "g:1")[0]["MessageId"] == first["MessageId"]
    assert sqs.counts(fifo) == ("0", "0", "0")


def test_a_purge_clears_the_deduplication_history(sqs: Sqs, fifo: str) -> None:
    send(sqs, fifo, "g:1")
    sqs.call("PurgeQueue", QueueUrl=fifo)
    send(sqs, fifo, "g:1")
    assert bodies(receive(sqs, fifo)) == ["1"]


@pytest.mark.parametrize("scope", ["queue", "messageGroup"])
def test_the_scope_is_the_queue_or_the_group(sqs: Sqs, queue_name: str, scope: str) -> None:
    queue = sqs.queue(
        f"{queue_name}.fifo", FifoQueue="true", ContentBasedDeduplication="true", DeduplicationScope=scope
    )
    send(sqs, queue, "g1:same", "g2:same", "g1:same")
    assert len(receive(sqs, queue)) == (1 if scope == "queue" else 2)


@pytest.mark.parametrize("first", ["queue", "messageGroup"])
def test_the_scope_in_force_is_the_one_of_creation(sqs: Sqs, queue_name: str, first: str) -> None:
    """Recorded from AWS: a later scope is returned, and deduplication continues as before."""
    queue = sqs.queue(
        f"{queue_name}.fifo", FifoQueue="true", ContentBasedDeduplication="true", DeduplicationScope=first
    )
    send(sqs, queue, "g1:old")
    second = "messageGroup" if first == "queue" else "queue"
    sqs.call("SetQueueAttributes", QueueUrl=queue, Attributes={"DeduplicationScope": second})
    assert sqs.attributes(queue, "DeduplicationScope") == {"DeduplicationScope": second}
    send(sqs, queue, "g2:old", "g1:new", "g2:new")
    assert len(receive(sqs, queue)) == (2 if first == "queue" else 4)


def test_only_the_body_is_the_content_and_an_explicit_id_overrides_it(sqs: Sqs, fifo: str) -> None:
    sqs.send(fifo, "same", MessageGroupId="g")
    sqs.send(fifo, "same", MessageGroupId="g", MessageAttributes={"a": text("1")})
    sqs.send(fifo, "same", MessageGroupId="g", MessageDeduplicationId="another")
    assert bodies(receive(sqs, fifo)) == ["same", "same"]


def test_content_based_deduplication_can_be_switched_on_later(sqs: Sqs, explicit: str) -> None:
    sqs.call("SetQueueAttributes", QueueUrl=explicit, Attributes={"ContentBasedDeduplication": "true"})
    send(sqs, explicit, "g:1", "g:1")
    assert bodies(receive(sqs, explicit)) == ["1"]

"""Deduplication of FIFO queues: ids, scope, content, time."""

from __future__ import annotations

import hashlib
from typing import Any

from ..bench import Bench
from ..scenario import error, scenario


def _send(at: Bench, url: str, body: str, group: str = "g", dedup: str | None = None) -> dict[str, Any]:
    more = {} if dedup is None else {"MessageDeduplicationId": dedup}
    answer: dict[str, Any] = at.sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **more)
    return answer


def _second(one: dict[str, Any], two: dict[str, Any]) -> str:
    return "duplicate" if one["MessageId"] == two["MessageId"] else "new message"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@scenario("SendMessage", "R93", ["duplicate", ["x"]])
def same_id(sqs: Any, at: Bench) -> Any:
    """A second message with the same deduplication id is not stored."""
    url = at.queue(fifo=True)
    found = _second(_send(at, url, "x", dedup="d"), _send(at, url, "y", dedup="d"))
    return [found, at.bodies(url, 2)]


@scenario("SendMessage", "P96", [_md5("y"), "same sequence number"])
def answer_to_a_duplicate(sqs: Any, at: Bench) -> Any:
    """A duplicate is answered with the first message's id and sequence number, and the new body's digest."""
    url = at.queue(fifo=True)
    one, two = _send(at, url, "x", dedup="d"), _send(at, url, "y", dedup="d")
    numbers = "same" if one["SequenceNumber"] == two["SequenceNumber"] else "another"
    return [two["MD5OfMessageBody"], f"{numbers} sequence number"]


@scenario("SendMessage", "R93", "duplicate")
def after_the_deletion(sqs: Any, at: Bench) -> Any:
    """A duplicate is one also after the message was received and deleted."""
    url = at.queue(fifo=True)
    one = _send(at, url, "x", dedup="d")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=at.receive(url)[0]["ReceiptHandle"])
    return _second(one, _send(at, url, "y", dedup="d"))


@scenario("SendMessage", "R93", "duplicate")
def another_group(sqs: Any, at: Bench) -> Any:
    """By default the same id in another group is a duplicate."""
    url = at.queue(fifo=True)
    return _second(_send(at, url, "x", "a", "d"), _send(at, url, "y", "b", "d"))


@scenario("SendMessage", "R93", "new message")
def another_group_by_scope(sqs: Any, at: Bench) -> Any:
    """With DeduplicationScope messageGroup the same id in another group is a new message."""
    url = at.queue(fifo=True, DeduplicationScope="messageGroup")
    return _second(_send(at, url, "x", "a", "d"), _send(at, url, "y", "b", "d"))


@scenario("SendMessage", "R93", "duplicate")
def same_group_by_scope(sqs: Any, at: Bench) -> Any:
    """With DeduplicationScope messageGroup the same id in the same group is a duplicate."""
    url = at.queue(fifo=True, DeduplicationScope="messageGroup")
    return _second(_send(at, url, "x", "a", "d"), _send(at, url, "y", "a", "d"))


@scenario("SetQueueAttributes", "R94", [{"DeduplicationScope": "messageGroup"}, "duplicate"])
def scope_changed_to_group(sqs: Any, at: Bench) -> Any:
    """A changed DeduplicationScope shows, but deduplication goes on by the queue."""
    url = at.queue(fifo=True)
    one = _send(at, url, "x", "a", "d")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DeduplicationScope": "messageGroup"})
    return [at.attributes(url, "DeduplicationScope"), _second(one, _send(at, url, "y", "b", "d"))]


@scenario("SetQueueAttributes", "R94", [{"DeduplicationScope": "queue"}, "new message"])
def scope_changed_to_queue(sqs: Any, at: Bench) -> Any:
    """Changed the other way round, deduplication goes on by the group, also for new ids."""
    url = at.queue(fifo=True, DeduplicationScope="messageGroup")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DeduplicationScope": "queue"})
    seen = _second(_send(at, url, "x", "a", "d"), _send(at, url, "y", "b", "d"))
    return [at.attributes(url, "DeduplicationScope"), seen]


@scenario("SendMessage", "A95", "duplicate")
def same_content(sqs: Any, at: Bench) -> Any:
    """With content-based deduplication the same body is a duplicate."""
    url = at.queue(fifo=True)
    return _second(_send(at, url, "x"), _send(at, url, "x"))


@scenario("SendMessage", "A95", "duplicate")
def attributes_do_not_count(sqs: Any, at: Bench) -> Any:
    """Content-based deduplication looks at the body, not at the attributes."""
    url = at.queue(fifo=True)
    attributes = {"name": {"DataType": "String", "StringValue": "x"}}
    one = _send(at, url, "x")
    two = sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageAttributes=attributes)
    return _second(one, two)


@scenario("SendMessage", "A95", "new message")
def explicit_id_wins(sqs: Any, at: Bench) -> Any:
    """An explicit deduplication id wins over the content's."""
    url = at.queue(fifo=True)
    return _second(_send(at, url, "x"), _send(at, url, "x", dedup="d"))


@scenario("SendMessage", "R121", error("InvalidParameterValue"))
def deduplication_id_on_a_standard_queue(sqs: Any, at: Bench) -> Any:
    """A MessageDeduplicationId on a standard queue is an invalid value."""
    return sqs.send_message(QueueUrl=at.queue(), MessageBody="x", MessageDeduplicationId="d")


@scenario("ReceiveMessage", "A95", {"MessageDeduplicationId": hashlib.sha256(b"x").hexdigest()})
def id_of_a_content(sqs: Any, at: Bench) -> Any:
    """The content's id is the SHA-256 of the body."""
    url = at.queue(fifo=True)
    _send(at, url, "x")
    return at.receive(url, MessageSystemAttributeNames=["MessageDeduplicationId"])[0].get("Attributes")


@scenario("SetQueueAttributes", "A97", ["duplicate"])
def switched_on_later(sqs: Any, at: Bench) -> Any:
    """ContentBasedDeduplication may be switched on after the creation."""
    url = at.queue(fifo=True, ContentBasedDeduplication="false")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"ContentBasedDeduplication": "true"})
    return [_second(_send(at, url, "x"), _send(at, url, "x"))]


@scenario("SendMessage", "R93", ["duplicate", "new message"], needs_seconds=301)
def five_minutes(sqs: Any, at: Bench) -> Any:
    """A deduplication id is remembered for five minutes."""
    url = at.queue(fifo=True)
    one = _send(at, url, "x", dedup="d")
    at.pass_time(290)
    two = _send(at, url, "x", dedup="d")
    at.pass_time(11)
    return [_second(one, two), _second(one, _send(at, url, "x", dedup="d"))]

"""Deduplication of FIFO queues: ids, scope, content, time."""

from __future__ import annotations

import hashlib
from typing import Any

from ..bench import Bench
from ..scenario import error, scenario


def _send(bench: Bench, url: str, body: str, group: str = "g", dedup: str | None = None) -> dict[str, Any]:
    more = {} if dedup is None else {"MessageDeduplicationId": dedup}
    response: dict[str, Any] = bench.sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **more)
    return response


def _second(one: dict[str, Any], two: dict[str, Any]) -> str:
    return "duplicate" if one["MessageId"] == two["MessageId"] else "new message"


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@scenario("SendMessage", "R93", ["duplicate", ["x"]])
def same_id(sqs: Any, bench: Bench) -> Any:
    """A second message with the same deduplication id is not stored."""
    url = bench.queue(fifo=True)
    found = _second(_send(bench, url, "x", dedup="d"), _send(bench, url, "y", dedup="d"))
    return [found, bench.bodies(url, 2)]


@scenario("SendMessage", "P96", [_md5("y"), "same sequence number"])
def answer_to_a_duplicate(sqs: Any, bench: Bench) -> Any:
    """The result of a duplicate has the first message's id and sequence number, and the new body's digest."""
    url = bench.queue(fifo=True)
    one, two = _send(bench, url, "x", dedup="d"), _send(bench, url, "y", dedup="d")
    numbers = "same" if one["SequenceNumber"] == two["SequenceNumber"] else "another"
    return [two["MD5OfMessageBody"], f"{numbers} sequence number"]


@scenario("SendMessage", "R93", "duplicate")
def after_the_deletion(sqs: Any, bench: Bench) -> Any:
    """A message is a duplicate even after the first one was received and deleted."""
    url = bench.queue(fifo=True)
    one = _send(bench, url, "x", dedup="d")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=bench.receive(url)[0]["ReceiptHandle"])
    return _second(one, _send(bench, url, "y", dedup="d"))


@scenario("SendMessage", "R93", "duplicate")
def another_group(sqs: Any, bench: Bench) -> Any:
    """By default the same id in another group is a duplicate."""
    url = bench.queue(fifo=True)
    return _second(_send(bench, url, "x", "a", "d"), _send(bench, url, "y", "b", "d"))


@scenario("SendMessage", "R93", "new message")
def another_group_by_scope(sqs: Any, bench: Bench) -> Any:
    """With DeduplicationScope messageGroup the same id in another group is a new message."""
    url = bench.queue(fifo=True, DeduplicationScope="messageGroup")
    return _second(_send(bench, url, "x", "a", "d"), _send(bench, url, "y", "b", "d"))


@scenario("SendMessage", "R93", "duplicate")
def same_group_by_scope(sqs: Any, bench: Bench) -> Any:
    """With DeduplicationScope messageGroup the same id in the same group is a duplicate."""
    url = bench.queue(fifo=True, DeduplicationScope="messageGroup")
    return _second(_send(bench, url, "x", "a", "d"), _send(bench, url, "y", "a", "d"))


@scenario("SetQueueAttributes", "R94", [{"DeduplicationScope": "messageGroup"}, "duplicate"])
def scope_changed_to_group(sqs: Any, bench: Bench) -> Any:
    """A changed DeduplicationScope is returned, but deduplication continues per queue."""
    url = bench.queue(fifo=True)
    one = _send(bench, url, "x", "a", "d")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DeduplicationScope": "messageGroup"})
    return [bench.attributes(url, "DeduplicationScope"), _second(one, _send(bench, url, "y", "b", "d"))]


@scenario("SetQueueAttributes", "R94", [{"DeduplicationScope": "queue"}, "new message"])
def scope_changed_to_queue(sqs: Any, bench: Bench) -> Any:
    """After the opposite change, deduplication continues per group, even for new ids."""
    url = bench.queue(fifo=True, DeduplicationScope="messageGroup")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DeduplicationScope": "queue"})
    seen = _second(_send(bench, url, "x", "a", "d"), _send(bench, url, "y", "b", "d"))
    return [bench.attributes(url, "DeduplicationScope"), seen]


@scenario("SendMessage", "A95", "duplicate")
def same_content(sqs: Any, bench: Bench) -> Any:
    """With content-based deduplication a message with the same body is a duplicate."""
    url = bench.queue(fifo=True)
    return _second(_send(bench, url, "x"), _send(bench, url, "x"))


@scenario("SendMessage", "A95", "duplicate")
def attributes_do_not_count(sqs: Any, bench: Bench) -> Any:
    """Content-based deduplication ignores message attributes."""
    url = bench.queue(fifo=True)
    attributes = {"name": {"DataType": "String", "StringValue": "x"}}
    one = _send(bench, url, "x")
    two = sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageAttributes=attributes)
    return _second(one, two)


@scenario("SendMessage", "A95", "new message")
def explicit_id_wins(sqs: Any, bench: Bench) -> Any:
    """An explicit deduplication id takes precedence over that of the content."""
    url = bench.queue(fifo=True)
    return _second(_send(bench, url, "x"), _send(bench, url, "x", dedup="d"))


@scenario("SendMessage", "R121", error("InvalidParameterValue"))
def deduplication_id_on_a_standard_queue(sqs: Any, bench: Bench) -> Any:
    """A MessageDeduplicationId on a standard queue fails with InvalidParameterValue."""
    return sqs.send_message(QueueUrl=bench.queue(), MessageBody="x", MessageDeduplicationId="d")


@scenario("ReceiveMessage", "A95", {"MessageDeduplicationId": hashlib.sha256(b"x").hexdigest()})
def id_of_a_content(sqs: Any, bench: Bench) -> Any:
    """The deduplication id of the content is the SHA-256 of the body."""
    url = bench.queue(fifo=True)
    _send(bench, url, "x")
    return bench.receive(url, MessageSystemAttributeNames=["MessageDeduplicationId"])[0].get("Attributes")


@scenario("SetQueueAttributes", "A97", ["duplicate"])
def switched_on_later(sqs: Any, bench: Bench) -> Any:
    """ContentBasedDeduplication can be switched on after the queue was created."""
    url = bench.queue(fifo=True, ContentBasedDeduplication="false")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"ContentBasedDeduplication": "true"})
    return [_second(_send(bench, url, "x"), _send(bench, url, "x"))]


@scenario("SendMessage", "R93", ["duplicate", "new message"], needs_seconds=301)
def five_minutes(sqs: Any, bench: Bench) -> Any:
    """A deduplication id is valid for five minutes."""
    url = bench.queue(fifo=True)
    one = _send(bench, url, "x", dedup="d")
    bench.pass_time(290)
    two = _send(bench, url, "x", dedup="d")
    bench.pass_time(11)
    return [_second(one, two), _second(one, _send(bench, url, "x", dedup="d"))]

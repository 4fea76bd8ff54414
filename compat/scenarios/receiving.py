"""ReceiveMessage: limits, attributes, long polling, order."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from ..bench import Bench
from ..scenario import error, invalid, scenario

_STANDARD = {
    "ApproximateFirstReceiveTimestamp": "<ms, text>",
    "ApproximateReceiveCount": "1",
    "SenderId": "<sender 1>",
    "SentTimestamp": "<ms, text>",
}


@scenario("ReceiveMessage", "R8", {})
def nothing_there(sqs: Any, bench: Bench) -> Any:
    """The result of an empty receive has no Messages member."""
    return sqs.receive_message(QueueUrl=bench.queue())


@scenario(
    "ReceiveMessage",
    "R75 A9",
    {
        "MessageId": "<id 1>",
        "ReceiptHandle": "<handle 1>",
        "MD5OfBody": hashlib.md5(b"x", usedforsecurity=False).hexdigest(),
        "Body": "x",
    },
)
def message_without_attributes(sqs: Any, bench: Bench) -> Any:
    """System attributes are returned only on request."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    return bench.receive(url)[0]


@scenario("ReceiveMessage", "R75", _STANDARD)
def all_system_attributes(sqs: Any, bench: Bench) -> Any:
    """A message of a standard queue has these system attributes."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    return bench.receive(url, MessageSystemAttributeNames=["All"])[0].get("Attributes")


@scenario(
    "ReceiveMessage",
    "R75",
    {**_STANDARD, "MessageDeduplicationId": "d", "MessageGroupId": "g", "SequenceNumber": "<sequence 1>"},
)
def all_system_attributes_of_fifo(sqs: Any, bench: Bench) -> Any:
    """A message of a FIFO queue has these system attributes."""
    url = bench.queue(fifo=True)
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d")
    return bench.receive(url, MessageSystemAttributeNames=["All"])[0].get("Attributes")


@scenario("ReceiveMessage", "R76", _STANDARD)
def attribute_names_of_old(sqs: Any, bench: Bench) -> Any:
    """AttributeNames, which MessageSystemAttributeNames replaced, still works."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    return bench.receive(url, AttributeNames=["All"])[0].get("Attributes")


@scenario("ReceiveMessage", "R76", {"ApproximateReceiveCount": "1", "SentTimestamp": "<ms, text>"})
def both_names_of_attributes(sqs: Any, bench: Bench) -> Any:
    """AttributeNames and MessageSystemAttributeNames together return the union."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    parameters: Any = {"AttributeNames": ["SentTimestamp"], "MessageSystemAttributeNames": ["ApproximateReceiveCount"]}
    return bench.receive(url, **parameters)[0].get("Attributes")


@scenario("ReceiveMessage", "R120", {"ApproximateReceiveCount": "1"})
def unknown_system_attribute(sqs: Any, bench: Bench) -> Any:
    """An unknown name in MessageSystemAttributeNames is ignored; the known ones are returned."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    names = ["Foobar", "ApproximateReceiveCount"]
    return bench.receive(url, MessageSystemAttributeNames=names)[0].get("Attributes", "no attributes")


@scenario("ReceiveMessage", "R120", ["x", "no attributes"])
def only_unknown_system_attributes(sqs: Any, bench: Bench) -> Any:
    """With unknown names alone in MessageSystemAttributeNames a message has no Attributes member."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    [found] = bench.receive(url, MessageSystemAttributeNames=["Foobar"])
    return [found["Body"], found.get("Attributes", "no attributes")]


@scenario("ReceiveMessage", "M120", {"SentTimestamp": "<ms, text>"})
def attribute_of_a_queue(sqs: Any, bench: Bench) -> Any:
    """AttributeNames of ReceiveMessage may contain queue attributes, as its model does; they are ignored."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    return bench.receive(url, AttributeNames=["VisibilityTimeout", "SentTimestamp"])[0].get("Attributes")


@scenario("ReceiveMessage", "A124", [["1"], ["2"]])
def attempt_id_on_a_standard_queue(sqs: Any, bench: Bench) -> Any:
    """A standard queue accepts a ReceiveRequestAttemptId, which has no effect."""
    url = bench.queue()
    for body in "12":
        sqs.send_message(QueueUrl=url, MessageBody=body)
    return [bench.bodies(url, 1, ReceiveRequestAttemptId="attempt") for _ in range(2)]


@scenario("ReceiveMessage", "R75", [["1", "2", "3"], "first receive stays"])
def receive_count_grows(sqs: Any, bench: Bench) -> Any:
    """Each receive increases the count, and the time of the first receive does not change."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    seen = [
        bench.receive(url, VisibilityTimeout=0, MessageSystemAttributeNames=["All"])[0]["Attributes"] for _ in range(3)
    ]
    firsts = {one["ApproximateFirstReceiveTimestamp"] for one in seen}
    counts = [one["ApproximateReceiveCount"] for one in seen]
    return [counts, "first receive stays" if len(firsts) == 1 else "first receive changes"]


_COUNT = "Must be between 1 and 10, if provided."


@scenario("ReceiveMessage", "R72", invalid("11", "MaxNumberOfMessages", _COUNT))
def eleven_messages(sqs: Any, bench: Bench) -> Any:
    """MaxNumberOfMessages is at most 10."""
    return sqs.receive_message(QueueUrl=bench.queue(), MaxNumberOfMessages=11)


@scenario("ReceiveMessage", "P72", invalid("0", "MaxNumberOfMessages", _COUNT))
def zero_messages(sqs: Any, bench: Bench) -> Any:
    """MaxNumberOfMessages is at least 1."""
    return sqs.receive_message(QueueUrl=bench.queue(), MaxNumberOfMessages=0)


_WAIT = "Must be >= 0 and <= 20, if provided."


@scenario("ReceiveMessage", "R72", invalid("21", "WaitTimeSeconds", _WAIT))
def long_wait(sqs: Any, bench: Bench) -> Any:
    """WaitTimeSeconds is at most 20."""
    return sqs.receive_message(QueueUrl=bench.queue(), WaitTimeSeconds=21)


@scenario("ReceiveMessage", "R72", invalid("-1", "WaitTimeSeconds", _WAIT))
def negative_wait(sqs: Any, bench: Bench) -> Any:
    """WaitTimeSeconds is not negative."""
    return sqs.receive_message(QueueUrl=bench.queue(), WaitTimeSeconds=-1)


@scenario("ReceiveMessage", "D45", error("InvalidParameterValue"))
def visibility_out_of_range(sqs: Any, bench: Bench) -> Any:
    """VisibilityTimeout over twelve hours is refused."""
    return sqs.receive_message(QueueUrl=bench.queue(), VisibilityTimeout=43201)


@scenario("ReceiveMessage", "A73", [["x"], "at once"], needs_seconds=0.5)
def poll_of_a_queue_with_a_message(sqs: Any, bench: Bench) -> Any:
    """A long poll returns at once if a message is visible, even if more were requested."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    return _timed(sqs, url, within=2, MaxNumberOfMessages=10)


@scenario("ReceiveMessage", "A73", [["x"], "at once"], needs_seconds=0.5)
def poll_wakes_at_a_send(sqs: Any, bench: Bench) -> Any:
    """A waiting long poll returns when a message is sent."""
    url = bench.queue()
    with bench.later(0.3, sqs.send_message, QueueUrl=url, MessageBody="x"):
        return _timed(sqs, url, within=3)


@scenario("ReceiveMessage", "A73", [["x"], "at once"], needs_seconds=1.2)
def poll_wakes_at_the_end_of_a_delay(sqs: Any, bench: Bench) -> Any:
    """A waiting long poll returns when a delay ends."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=1)
    return _timed(sqs, url, within=3)


@scenario("ReceiveMessage", "P73", [["x"], "at once"], needs_seconds=0.5)
def poll_wakes_at_a_release(sqs: Any, bench: Bench) -> Any:
    """A waiting long poll returns when a message becomes visible again."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = bench.receive(url)[0]["ReceiptHandle"]
    change = sqs.change_message_visibility
    with bench.later(0.3, change, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0):
        return _timed(sqs, url, within=3)


@scenario("ReceiveMessage", "A73", [[], "waited"], needs_seconds=1.2)
def wait_of_the_queue(sqs: Any, bench: Bench) -> Any:
    """Without WaitTimeSeconds the queue's ReceiveMessageWaitTimeSeconds applies."""
    started = time.monotonic()
    found = sqs.receive_message(QueueUrl=bench.queue(ReceiveMessageWaitTimeSeconds="1")).get("Messages", [])
    return [found, "waited" if time.monotonic() - started >= 0.9 else "at once"]


@scenario("ReceiveMessage", "A73", [[], "at once"])
def wait_of_zero_overrides_the_queue(sqs: Any, bench: Bench) -> Any:
    """WaitTimeSeconds 0 overrides the queue's ReceiveMessageWaitTimeSeconds."""
    url = bench.queue(ReceiveMessageWaitTimeSeconds="3")
    started = time.monotonic()
    found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0).get("Messages", [])
    return [found, "waited" if time.monotonic() - started >= 2.5 else "at once"]


def _timed(sqs: Any, url: str, *, within: float, **members: Any) -> Any:
    """Poll with a wait time of twice ``within``; return the bodies, and whether it took less than ``within``."""
    started = time.monotonic()
    found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=int(within * 2), **members).get("Messages", [])
    is_quick = time.monotonic() - started < within
    return [[message["Body"] for message in found], "at once" if is_quick else "late"]


@scenario("ReceiveMessage", "A85", ["first", "second"])
def requeued_message_comes_before_later_ones(sqs: Any, bench: Bench) -> Any:
    """A message that becomes visible again is received before one sent later."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="first")
    handle = bench.receive(url)[0]["ReceiptHandle"]
    sqs.send_message(QueueUrl=url, MessageBody="second")
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    return bench.bodies(url, 2)


@scenario("ReceiveMessage", "A74", [["x"], ["x"], "other handle"])
def visibility_of_zero(sqs: Any, bench: Bench) -> Any:
    """VisibilityTimeout 0 keeps the message visible, and each receive returns a new handle."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    one, two = (bench.receive(url, VisibilityTimeout=0)[0] for _ in range(2))
    handles = "same handle" if one["ReceiptHandle"] == two["ReceiptHandle"] else "other handle"
    return [[one["Body"]], [two["Body"]], handles]


@scenario("ReceiveMessage", "A84", [[], ["0", "0", "0"], {}], needs_seconds=61)
def retention_ends_messages_in_flight(sqs: Any, bench: Bench) -> Any:
    """Retention also ends for messages in flight, and deleting one afterwards is not an error."""
    url = bench.queue(MessageRetentionPeriod="60")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = bench.receive(url, VisibilityTimeout=30)[0]["ReceiptHandle"]
    bench.pass_time(61)
    found = sqs.receive_message(QueueUrl=url).get("Messages", [])
    return [found, bench.counts(url), bench.refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle)]


@scenario("ReceiveMessage", "D45", [["x"], []], needs_seconds=1209601)
def retention_of_a_fortnight(sqs: Any, bench: Bench) -> Any:
    """The longest retention is fourteen days."""
    url = bench.queue(MessageRetentionPeriod="1209600")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    bench.pass_time(1209590)
    kept = bench.bodies(url, 1, VisibilityTimeout=0)
    bench.pass_time(11)
    return [kept, sqs.receive_message(QueueUrl=url).get("Messages", [])]

"""ChangeMessageVisibility and DeleteMessage, with current and old receipt handles."""

from __future__ import annotations

from typing import Any

from ..bench import Bench
from ..scenario import error, invalid, scenario

_GARBAGE = error("ReceiptHandleIsInvalid", 'The input receipt handle "garbage" is not a valid receipt handle.', 404)


def _received(bench: Bench, url: str, **members: Any) -> str:
    """Send and receive a message of a standard queue, and return its handle."""
    bench.sqs.send_message(QueueUrl=url, MessageBody="x")
    return str(bench.receive(url, **members)[0]["ReceiptHandle"])


@scenario("ChangeMessageVisibility", "A78 R7", _GARBAGE)
def garbage_handle(sqs: Any, bench: Bench) -> Any:
    """ChangeMessageVisibility refuses an unknown handle."""
    return sqs.change_message_visibility(QueueUrl=bench.queue(), ReceiptHandle="garbage", VisibilityTimeout=0)


@scenario("DeleteMessage", "A78 R118", _GARBAGE)
def deleting_by_a_garbage_handle(sqs: Any, bench: Bench) -> Any:
    """DeleteMessage refuses an unknown handle."""
    return sqs.delete_message(QueueUrl=bench.queue(), ReceiptHandle="garbage")


@scenario(
    "ChangeMessageVisibility",
    "A78",
    invalid(
        "<handle 1>",
        "ReceiptHandle",
        "Message does not exist or is not available for visibility timeout change.",
    ),
)
def after_the_deletion(sqs: Any, bench: Bench) -> Any:
    """The visibility of a deleted message cannot be changed."""
    url = bench.queue()
    handle = _received(bench, url)
    bench.normaliser.name(handle, "handle 1")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    return sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=5)


@scenario("ChangeMessageVisibility", "A74", ["x"])
def release(sqs: Any, bench: Bench) -> Any:
    """VisibilityTimeout 0 makes the message visible at once."""
    url = bench.queue()
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=_received(bench, url), VisibilityTimeout=0)
    return bench.bodies(url, 1)


@scenario("ChangeMessageVisibility", "A73", [[], ["x"]], needs_seconds=1.1)
def shorter(sqs: Any, bench: Bench) -> Any:
    """A shorter timeout starts at the time of the change."""
    url = bench.queue()
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=_received(bench, url), VisibilityTimeout=1)
    hidden = sqs.receive_message(QueueUrl=url).get("Messages", [])
    bench.pass_time(1.1)
    return [hidden, bench.bodies(url, 1)]


@scenario("ChangeMessageVisibility", "A74", [[], ["0", "1", "0"]], needs_seconds=1.1)
def longer(sqs: Any, bench: Bench) -> Any:
    """A longer timeout keeps the message hidden after the first timeout."""
    url = bench.queue()
    handle = _received(bench, url, VisibilityTimeout=1)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=60)
    bench.pass_time(1.1)
    return [sqs.receive_message(QueueUrl=url).get("Messages", []), bench.counts(url)]


@scenario("ReceiveMessage", "A74", [[], ["x"]], needs_seconds=1.1)
def timeout_ends(sqs: Any, bench: Bench) -> Any:
    """A message is visible again after its timeout."""
    url = bench.queue()
    _received(bench, url, VisibilityTimeout=1)
    hidden = sqs.receive_message(QueueUrl=url).get("Messages", [])
    bench.pass_time(1.1)
    return [hidden, bench.bodies(url, 1)]


@scenario("ReceiveMessage", "A74", [["x"], []], needs_seconds=1.1)
def timeout_of_a_receive_is_not_sticky(sqs: Any, bench: Bench) -> Any:
    """The queue's timeout applies again to the next receive."""
    url = bench.queue(VisibilityTimeout="60")
    _received(bench, url, VisibilityTimeout=1)
    bench.pass_time(1.1)
    again = bench.bodies(url, 1)
    bench.pass_time(1.1)
    return [again, sqs.receive_message(QueueUrl=url).get("Messages", [])]


@scenario("ChangeMessageVisibility", "R79", [[], ["0", "1", "0"]], needs_seconds=1.1)
def change_after_the_timeout(sqs: Any, bench: Bench) -> Any:
    """On a standard queue the visibility can be changed after the timeout."""
    url = bench.queue()
    handle = _received(bench, url, VisibilityTimeout=1)
    bench.pass_time(1.1)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=60)
    return [sqs.receive_message(QueueUrl=url).get("Messages", []), bench.counts(url)]


@scenario("ChangeMessageVisibility", "P79", ["1", "0", "0"])
def older_handle(sqs: Any, bench: Bench) -> Any:
    """On a standard queue an older handle still changes the visibility after a newer receive."""
    url = bench.queue()
    old = _received(bench, url, VisibilityTimeout=0)
    bench.receive(url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=old, VisibilityTimeout=0)
    return bench.counts(url)


@scenario("ChangeMessageVisibility", "D45", error("InvalidParameterValue"))
def out_of_range(sqs: Any, bench: Bench) -> Any:
    """VisibilityTimeout over twelve hours is refused."""
    url = bench.queue()
    return sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=_received(bench, url), VisibilityTimeout=43201)


@scenario("ChangeMessageVisibility", "P80", error("InvalidParameterValue"), needs_seconds=1.1)
def twelve_hours_since_the_receive(sqs: Any, bench: Bench) -> Any:
    """A change to more than twelve hours after the receive is refused."""
    url = bench.queue()
    handle = _received(bench, url)
    bench.pass_time(1.1)
    return sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43200)


@scenario("ReceiveMessage", "D45", [[], ["x"]], needs_seconds=43201)
def twelve_hours(sqs: Any, bench: Bench) -> Any:
    """The longest timeout hides a message for twelve hours."""
    url = bench.queue()
    _received(bench, url, VisibilityTimeout=43200)
    bench.pass_time(43190)
    hidden = sqs.receive_message(QueueUrl=url).get("Messages", [])
    bench.pass_time(11)
    return [hidden, bench.bodies(url, 1)]


@scenario("DeleteMessage", "A81", [{}, {}, ["0", "0", "0"]])
def deleting_twice(sqs: Any, bench: Bench) -> Any:
    """Deleting a message twice with the same handle is not an error."""
    url = bench.queue()
    handle = _received(bench, url)
    twice = [bench.refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle) for _ in range(2)]
    return [*twice, bench.counts(url)]


@scenario("DeleteMessage", "A81", [{}, ["0", "0", "0"]], needs_seconds=1.1)
def expired_handle_deletes(sqs: Any, bench: Bench) -> Any:
    """On a standard queue a handle deletes its message after the timeout."""
    url = bench.queue()
    handle = _received(bench, url, VisibilityTimeout=1)
    bench.pass_time(1.1)
    return [bench.refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle), bench.counts(url)]


_EXPIRED = invalid("<handle 1>", "ReceiptHandle", "The receipt handle has expired.")


@scenario("DeleteMessage", "R82", [_EXPIRED, ["1", "0", "0"]], needs_seconds=1.1)
def expired_handle_of_fifo(sqs: Any, bench: Bench) -> Any:
    """On a FIFO queue a handle is refused after the timeout."""
    url = bench.queue(fifo=True)
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    handle = bench.receive(url, VisibilityTimeout=1)[0]["ReceiptHandle"]
    bench.normaliser.name(handle, "handle 1")
    bench.pass_time(1.1)
    return [bench.refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle), bench.counts(url)]


@scenario("DeleteMessage", "R82", [{}, ["0", "0", "0"]], needs_seconds=1.1)
def extended_handle_of_fifo(sqs: Any, bench: Bench) -> Any:
    """On a FIFO queue a handle deletes its message if the timeout was extended in time."""
    url = bench.queue(fifo=True)
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    handle = bench.receive(url, VisibilityTimeout=1)[0]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=60)
    bench.pass_time(1.1)
    return [bench.refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle), bench.counts(url)]

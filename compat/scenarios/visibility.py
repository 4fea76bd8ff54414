"""ChangeMessageVisibility, DeleteMessage, and what old handles still do."""

from __future__ import annotations

from typing import Any

from ..bench import Bench
from ..scenario import error, invalid, scenario

_GARBAGE = error("ReceiptHandleIsInvalid", 'The input receipt handle "garbage" is not a valid receipt handle.', 404)


def _received(at: Bench, url: str, **members: Any) -> str:
    """Handle of a message sent to a standard queue."""
    at.sqs.send_message(QueueUrl=url, MessageBody="x")
    return str(at.receive(url, **members)[0]["ReceiptHandle"])


@scenario("ChangeMessageVisibility", "A78 R7", _GARBAGE)
def garbage_handle(sqs: Any, at: Bench) -> Any:
    """ChangeMessageVisibility refuses a handle that was never given."""
    return sqs.change_message_visibility(QueueUrl=at.queue(), ReceiptHandle="garbage", VisibilityTimeout=0)


@scenario("DeleteMessage", "A78 R118", _GARBAGE)
def deleting_by_a_garbage_handle(sqs: Any, at: Bench) -> Any:
    """DeleteMessage refuses a handle that was never given."""
    return sqs.delete_message(QueueUrl=at.queue(), ReceiptHandle="garbage")


@scenario(
    "ChangeMessageVisibility",
    "A78",
    invalid(
        "<handle 1>",
        "ReceiptHandle",
        "Message does not exist or is not available for visibility timeout change.",
    ),
)
def after_the_deletion(sqs: Any, at: Bench) -> Any:
    """The visibility of a deleted message cannot be changed."""
    url = at.queue()
    handle = _received(at, url)
    at.normaliser.name(handle, "handle 1")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    return sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=5)


@scenario("ChangeMessageVisibility", "A74", ["x"])
def release(sqs: Any, at: Bench) -> Any:
    """VisibilityTimeout 0 gives the message back at once."""
    url = at.queue()
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=_received(at, url), VisibilityTimeout=0)
    return at.bodies(url, 1)


@scenario("ChangeMessageVisibility", "A73", [[], ["x"]], needs_seconds=1.1)
def shorter(sqs: Any, at: Bench) -> Any:
    """A shorter timeout holds from now on."""
    url = at.queue()
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=_received(at, url), VisibilityTimeout=1)
    hidden = sqs.receive_message(QueueUrl=url).get("Messages", [])
    at.pass_time(1.1)
    return [hidden, at.bodies(url, 1)]


@scenario("ChangeMessageVisibility", "A74", [[], ["0", "1", "0"]], needs_seconds=1.1)
def longer(sqs: Any, at: Bench) -> Any:
    """A longer timeout keeps the message hidden past the first one."""
    url = at.queue()
    handle = _received(at, url, VisibilityTimeout=1)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=60)
    at.pass_time(1.1)
    return [sqs.receive_message(QueueUrl=url).get("Messages", []), at.counts(url)]


@scenario("ReceiveMessage", "A74", [[], ["x"]], needs_seconds=1.1)
def timeout_ends(sqs: Any, at: Bench) -> Any:
    """A message whose timeout ends is receivable again."""
    url = at.queue()
    _received(at, url, VisibilityTimeout=1)
    hidden = sqs.receive_message(QueueUrl=url).get("Messages", [])
    at.pass_time(1.1)
    return [hidden, at.bodies(url, 1)]


@scenario("ReceiveMessage", "A74", [["x"], []], needs_seconds=1.1)
def timeout_of_a_receive_is_not_sticky(sqs: Any, at: Bench) -> Any:
    """The queue's timeout applies again to the next receive."""
    url = at.queue(VisibilityTimeout="60")
    _received(at, url, VisibilityTimeout=1)
    at.pass_time(1.1)
    again = at.bodies(url, 1)
    at.pass_time(1.1)
    return [again, sqs.receive_message(QueueUrl=url).get("Messages", [])]


@scenario("ChangeMessageVisibility", "R79", [[], ["0", "1", "0"]], needs_seconds=1.1)
def change_after_the_timeout(sqs: Any, at: Bench) -> Any:
    """On a standard queue the visibility can be changed after the timeout ran out."""
    url = at.queue()
    handle = _received(at, url, VisibilityTimeout=1)
    at.pass_time(1.1)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=60)
    return [sqs.receive_message(QueueUrl=url).get("Messages", []), at.counts(url)]


@scenario("ChangeMessageVisibility", "P79", ["1", "0", "0"])
def older_handle(sqs: Any, at: Bench) -> Any:
    """On a standard queue an older handle still changes the visibility after a newer receive."""
    url = at.queue()
    old = _received(at, url, VisibilityTimeout=0)
    at.receive(url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=old, VisibilityTimeout=0)
    return at.counts(url)


@scenario("ChangeMessageVisibility", "D45", error("InvalidParameterValue"))
def out_of_range(sqs: Any, at: Bench) -> Any:
    """VisibilityTimeout over twelve hours is refused."""
    url = at.queue()
    return sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=_received(at, url), VisibilityTimeout=43201)


@scenario("ChangeMessageVisibility", "P80", error("InvalidParameterValue"), needs_seconds=1.1)
def twelve_hours_since_the_receive(sqs: Any, at: Bench) -> Any:
    """A change whose total since the receive passes twelve hours is refused."""
    url = at.queue()
    handle = _received(at, url)
    at.pass_time(1.1)
    return sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=43200)


@scenario("ReceiveMessage", "D45", [[], ["x"]], needs_seconds=43201)
def twelve_hours(sqs: Any, at: Bench) -> Any:
    """The longest timeout hides a message for twelve hours."""
    url = at.queue()
    _received(at, url, VisibilityTimeout=43200)
    at.pass_time(43190)
    hidden = sqs.receive_message(QueueUrl=url).get("Messages", [])
    at.pass_time(11)
    return [hidden, at.bodies(url, 1)]


@scenario("DeleteMessage", "A81", [{}, {}, ["0", "0", "0"]])
def deleting_twice(sqs: Any, at: Bench) -> Any:
    """Deleting again by the same handle is no error."""
    url = at.queue()
    handle = _received(at, url)
    twice = [at.refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle) for _ in range(2)]
    return [*twice, at.counts(url)]


@scenario("DeleteMessage", "A81", [{}, ["0", "0", "0"]], needs_seconds=1.1)
def expired_handle_deletes(sqs: Any, at: Bench) -> Any:
    """On a standard queue a handle whose timeout ran out deletes."""
    url = at.queue()
    handle = _received(at, url, VisibilityTimeout=1)
    at.pass_time(1.1)
    return [at.refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle), at.counts(url)]


_EXPIRED = invalid("<handle 1>", "ReceiptHandle", "The receipt handle has expired.")


@scenario("DeleteMessage", "R82", [_EXPIRED, ["1", "0", "0"]], needs_seconds=1.1)
def expired_handle_of_fifo(sqs: Any, at: Bench) -> Any:
    """On a FIFO queue a handle whose timeout ran out is refused."""
    url = at.queue(fifo=True)
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    handle = at.receive(url, VisibilityTimeout=1)[0]["ReceiptHandle"]
    at.normaliser.name(handle, "handle 1")
    at.pass_time(1.1)
    return [at.refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle), at.counts(url)]


@scenario("DeleteMessage", "R82", [{}, ["0", "0", "0"]], needs_seconds=1.1)
def extended_handle_of_fifo(sqs: Any, at: Bench) -> Any:
    """On a FIFO queue a handle whose timeout was extended in time deletes."""
    url = at.queue(fifo=True)
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    handle = at.receive(url, VisibilityTimeout=1)[0]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=60)
    at.pass_time(1.1)
    return [at.refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle), at.counts(url)]

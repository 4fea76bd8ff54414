"""FIFO queues: order, locked groups, order of groups."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from ..bench import Bench
from ..scenario import error, invalid, missing, scenario


def _send(bench: Bench, url: str, *bodies: str) -> None:
    """Send messages; the group of each is its body without the last character."""
    for body in bodies:
        bench.sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=body[:-1])


def _handles(bench: Bench, url: str, count: int, **members: Any) -> dict[str, str]:
    return {message["Body"]: message["ReceiptHandle"] for message in bench.receive(url, count, **members)}


@scenario("SendMessage", "R86", missing("MessageGroupId"))
def no_group(sqs: Any, bench: Bench) -> Any:
    """A message of a FIFO queue needs a group."""
    return sqs.send_message(QueueUrl=bench.queue(fifo=True), MessageBody="x")


@scenario(
    "SendMessage",
    "R86",
    error(
        "InvalidParameterValue",
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    ),
)
def no_deduplication_id(sqs: Any, bench: Bench) -> Any:
    """A message of a FIFO queue needs a deduplication id without content-based deduplication."""
    url = bench.queue(fifo=True, ContentBasedDeduplication="false")
    return sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")


def _sequence_numbers(bench: Bench, url: str) -> list[str]:
    return [
        bench.sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")["SequenceNumber"] for body in "123"
    ]


@scenario("SendMessage", "A87", ["decimal text of 20 digits", "grows"])
def sequence_numbers(sqs: Any, bench: Bench) -> Any:
    """SequenceNumber is a decimal number of 20 digits that increases."""
    found = _sequence_numbers(bench, bench.queue(fifo=True))
    is_text = all(number.isdigit() and len(number) == 20 for number in found)
    grows = sorted(set(found)) == found
    return ["decimal text of 20 digits" if is_text else str(found), "grows" if grows else "does not grow"]


@scenario("SendMessage", "D87", "not consecutive")
def sequence_numbers_have_gaps(sqs: Any, bench: Bench) -> Any:
    """SequenceNumbers of messages sent one after the other are not consecutive."""
    found = [int(number) for number in _sequence_numbers(bench, bench.queue(fifo=True))]
    return "not consecutive" if all(two - one > 1 for one, two in pairwise(found)) else f"consecutive: {found}"


@scenario("ReceiveMessage", "A87", "the same")
def sequence_number_of_a_received_message(sqs: Any, bench: Bench) -> Any:
    """A received message has the SequenceNumber that SendMessage returned."""
    url = bench.queue(fifo=True)
    sent = _sequence_numbers(bench, url)
    received = bench.receive(url, 3, MessageSystemAttributeNames=["SequenceNumber"])
    found = [message["Attributes"]["SequenceNumber"] for message in received]
    return "the same" if found == sent else f"sent {sent}, received {found}"


@scenario("ReceiveMessage", "A88", [["a1", "a2", "a3", "b1"]])
def one_group_first(sqs: Any, bench: Bench) -> Any:
    """A receive returns messages of one group first, in order, then those of the next."""
    url = bench.queue(fifo=True)
    _send(bench, url, "a1", "b1", "a2", "a3")
    return [bench.bodies(url, 4)]


@scenario("ReceiveMessage", "A89", [["a1"], ["b1"], []])
def locked_group(sqs: Any, bench: Bench) -> Any:
    """While a message of a group is in flight, no other of the group is received; other groups are not affected."""
    url = bench.queue(fifo=True)
    _send(bench, url, "a1", "a2", "b1", "b2")
    return [
        bench.bodies(url, 1),
        bench.bodies(url, 1),
        [m["Body"] for m in sqs.receive_message(QueueUrl=url).get("Messages", [])],
    ]


@scenario("DeleteMessage", "A89", [["a1"], ["a2"]])
def deletion_frees_the_group(sqs: Any, bench: Bench) -> Any:
    """Deleting the message in flight unlocks its group at once."""
    url = bench.queue(fifo=True)
    _send(bench, url, "a1", "a2")
    handles = _handles(bench, url, 1)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handles["a1"])
    return [list(handles), bench.bodies(url, 1)]


@scenario("DeleteMessage", "A89", [[], ["a3"]])
def all_in_flight_must_go(sqs: Any, bench: Bench) -> Any:
    """Deleting some of the messages in flight does not unlock their group; deleting all does."""
    url = bench.queue(fifo=True)
    _send(bench, url, "a1", "a2")
    handles = _handles(bench, url, 2)
    _send(bench, url, "a3")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handles["a1"])
    locked = [message["Body"] for message in sqs.receive_message(QueueUrl=url).get("Messages", [])]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handles["a2"])
    return [locked, bench.bodies(url, 1)]


@scenario("DeleteMessage", "A89", ["a2"], needs_seconds=0.5)
def deletion_wakes_a_poll(sqs: Any, bench: Bench) -> Any:
    """A waiting long poll receives the next message of an unlocked group."""
    url = bench.queue(fifo=True)
    _send(bench, url, "a1", "a2")
    handle = _handles(bench, url, 1)["a1"]
    with bench.later(0.3, sqs.delete_message, QueueUrl=url, ReceiptHandle=handle):
        found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2).get("Messages", [])
    return [message["Body"] for message in found]


@scenario("ChangeMessageVisibility", "A90", [["a1"], []])
def released_message_is_next(sqs: Any, bench: Bench) -> Any:
    """A message made visible again is the next of its group; later ones in flight stay hidden."""
    url = bench.queue(fifo=True)
    _send(bench, url, "a1", "a2", "a3")
    handles = _handles(bench, url, 3)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handles["a1"], VisibilityTimeout=0)
    return [bench.bodies(url, 1), [m["Body"] for m in sqs.receive_message(QueueUrl=url).get("Messages", [])]]


@scenario("ChangeMessageVisibility", "R90", [["a1"]], needs_seconds=1.1)
def none_after_one_in_flight(sqs: Any, bench: Bench) -> Any:
    """Messages after one in flight are not received, even if their own timeouts have ended."""
    url = bench.queue(fifo=True)
    _send(bench, url, "a1", "a2", "a3")
    handles = _handles(bench, url, 3, VisibilityTimeout=1)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handles["a2"], VisibilityTimeout=60)
    bench.pass_time(1.1)
    return [[m["Body"] for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])]]


@scenario("ReceiveMessage", "A91", ["a1", "b1", "a2"])
def freed_group_goes_to_the_end(sqs: Any, bench: Bench) -> Any:
    """An unlocked group comes after the other groups."""
    url = bench.queue(fifo=True)
    _send(bench, url, "a1", "a2", "b1", "b2")
    found = _handles(bench, url, 1)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=next(iter(found.values())))
    second = bench.bodies(url, 1)
    return [*found, *second, *bench.bodies(url, 1)]


@scenario("ReceiveMessage", "A92", [["a1"], ["a1"]])
def visibility_of_zero_does_not_lock(sqs: Any, bench: Bench) -> Any:
    """A receive with VisibilityTimeout 0 does not lock the group."""
    url = bench.queue(fifo=True)
    _send(bench, url, "a1", "a2")
    return [bench.bodies(url, 1, VisibilityTimeout=0), bench.bodies(url, 1)]


@scenario("ReceiveMessage", "A90", [[], ["a1", "a2"]], needs_seconds=1.1)
def timeouts_end_together(sqs: Any, bench: Bench) -> Any:
    """After their timeouts the messages of a group are received again in order."""
    url = bench.queue(fifo=True)
    _send(bench, url, "a1", "a2")
    _handles(bench, url, 2, VisibilityTimeout=1)
    locked = sqs.receive_message(QueueUrl=url).get("Messages", [])
    bench.pass_time(1.1)
    return [locked, bench.bodies(url, 2)]


@scenario("ReceiveMessage", "P99", "the same message")
def receive_attempt_repeated(sqs: Any, bench: Bench) -> Any:
    """A repeated ReceiveRequestAttemptId returns the same messages."""
    url = bench.queue(fifo=True)
    _send(bench, url, "a1", "b1")
    one, two = (bench.receive(url, ReceiveRequestAttemptId="attempt")[0] for _ in range(2))
    return "the same message" if one["MessageId"] == two["MessageId"] else "another message"


@scenario("ReceiveMessage", "D99", "the same handle")
def handles_of_a_repeated_attempt(sqs: Any, bench: Bench) -> Any:
    """A repeated ReceiveRequestAttemptId returns the same receipt handles."""
    url = bench.queue(fifo=True)
    _send(bench, url, "a1")
    one, two = (bench.receive(url, ReceiveRequestAttemptId="attempt")[0] for _ in range(2))
    return "the same handle" if one["ReceiptHandle"] == two["ReceiptHandle"] else "another handle"


_NOT_RETRYABLE = invalid(
    "attempt",
    "ReceiveRequestAttemptId",
    "The receiveRequestAttemptId is not valid anymore since the receive call is not retryable.",
)


@scenario("ReceiveMessage", "D125", _NOT_RETRYABLE)
def attempt_after_a_deletion(sqs: Any, bench: Bench) -> Any:
    """A receive cannot be repeated after one of its messages was deleted."""
    url = bench.queue(fifo=True)
    _send(bench, url, "a1", "b1")
    found = bench.receive(url, 2, ReceiveRequestAttemptId="attempt")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
    return sqs.receive_message(QueueUrl=url, ReceiveRequestAttemptId="attempt")


@scenario("ReceiveMessage", "D125", _NOT_RETRYABLE)
def attempt_after_a_visibility_change(sqs: Any, bench: Bench) -> Any:
    """A receive cannot be repeated after the visibility of one of its messages was changed."""
    url = bench.queue(fifo=True)
    _send(bench, url, "a1", "b1")
    found = bench.receive(url, 2, ReceiveRequestAttemptId="attempt")
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"], VisibilityTimeout=100)
    return sqs.receive_message(QueueUrl=url, ReceiveRequestAttemptId="attempt")


@scenario("SendMessage", "A100", [["a1"], ["a2"]])
def emptied_group_is_usable(sqs: Any, bench: Bench) -> Any:
    """A group accepts messages again after it was emptied."""
    url = bench.queue(fifo=True)
    _send(bench, url, "a1")
    found = _handles(bench, url, 1)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=found["a1"])
    _send(bench, url, "a2")
    return [list(found), bench.bodies(url, 1)]


@scenario("ReceiveMessage", "R61", [[], ["a1"]], needs_seconds=1.1)
def delay_of_the_queue(sqs: Any, bench: Bench) -> Any:
    """The delay of a FIFO queue delays its messages."""
    url = bench.queue(fifo=True, DelaySeconds="1")
    _send(bench, url, "a1")
    hidden = sqs.receive_message(QueueUrl=url).get("Messages", [])
    bench.pass_time(1.1)
    return [hidden, bench.bodies(url, 1)]

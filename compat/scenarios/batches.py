"""Batch operations: order of checks, sizes, entries that fail alone."""

from __future__ import annotations

import hashlib
from typing import Any

from ..bench import Bench
from ..scenario import NO_QUEUE, error, missing, scenario

_PREFIX = "AWS.SimpleQueueService"
_ID = error(
    f"{_PREFIX}.InvalidBatchEntryId",
    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
    "It can be at most 80 letters long.",
)


def _entries(*ids: str, **more: Any) -> list[dict[str, Any]]:
    return [{"Id": one, "MessageBody": "x", **more} for one in ids]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@scenario(
    "SendMessageBatch",
    "R69 A9",
    {"Successful": [{"Id": "a", "MessageId": "<id 1>", "MD5OfMessageBody": _md5("x")}]},
)
def success_alone(sqs: Any, bench: Bench) -> Any:
    """If nothing failed, the result has no Failed member."""
    return sqs.send_message_batch(QueueUrl=bench.queue(), Entries=_entries("a"))


@scenario(
    "SendMessageBatch",
    "A64",
    error(f"{_PREFIX}.EmptyBatchRequest", "There should be at least one SendMessageBatchRequestEntry in the request."),
)
def empty_batch(sqs: Any, bench: Bench) -> Any:
    """An empty batch of sends is refused."""
    return sqs.send_message_batch(QueueUrl=bench.queue(), Entries=[])


@scenario(
    "DeleteMessageBatch",
    "A64",
    error(
        f"{_PREFIX}.EmptyBatchRequest", "There should be at least one DeleteMessageBatchRequestEntry in the request."
    ),
)
def empty_batch_of_deletes(sqs: Any, bench: Bench) -> Any:
    """An empty batch of deletes is refused."""
    return sqs.delete_message_batch(QueueUrl=bench.queue(), Entries=[])


@scenario(
    "ChangeMessageVisibilityBatch",
    "P64",
    error(
        f"{_PREFIX}.EmptyBatchRequest",
        "There should be at least one ChangeMessageVisibilityBatchRequestEntry in the request.",
    ),
)
def empty_batch_of_changes(sqs: Any, bench: Bench) -> Any:
    """An empty batch of visibility changes is refused."""
    return sqs.change_message_visibility_batch(QueueUrl=bench.queue(), Entries=[])


@scenario(
    "SendMessageBatch",
    "R64",
    error(
        f"{_PREFIX}.TooManyEntriesInBatchRequest",
        "Maximum number of entries per request are 10. You have sent 20.",
    ),
)
def too_many_entries(sqs: Any, bench: Bench) -> Any:
    """A batch has at most ten entries."""
    return sqs.send_message_batch(QueueUrl=bench.queue(), Entries=_entries(*(f"e{n}" for n in range(20))))


@scenario(
    "DeleteMessageBatch",
    "R64",
    error(
        f"{_PREFIX}.TooManyEntriesInBatchRequest",
        "Maximum number of entries per request are 10. You have sent 11.",
    ),
)
def too_many_deletes(sqs: Any, bench: Bench) -> Any:
    """A batch of deletes has at most ten entries."""
    entries = [{"Id": f"e{n}", "ReceiptHandle": "x"} for n in range(11)]
    return sqs.delete_message_batch(QueueUrl=bench.queue(), Entries=entries)


@scenario("SendMessageBatch", "R64", [_ID, "0"])
def bad_id(sqs: Any, bench: Bench) -> Any:
    """An entry's id may have letters, digits, hyphens and underscores only; otherwise nothing is sent."""
    url = bench.queue()
    return [bench.refusal(sqs.send_message_batch, QueueUrl=url, Entries=_entries("a", "b c")), bench.counts(url)[0]]


@scenario("SendMessageBatch", "R64", _ID)
def id_too_long(sqs: Any, bench: Bench) -> Any:
    """An entry's id has at most 80 characters."""
    return sqs.send_message_batch(QueueUrl=bench.queue(), Entries=_entries("i" * 81))


@scenario("SendMessageBatch", "R64", _ID)
def empty_id(sqs: Any, bench: Bench) -> Any:
    """An entry's id must not be empty."""
    return sqs.send_message_batch(QueueUrl=bench.queue(), Entries=_entries(""))


@scenario("SendMessageBatch", "A64", [error(f"{_PREFIX}.BatchEntryIdsNotDistinct", "Id id_2 repeated."), "0"])
def id_repeated(sqs: Any, bench: Bench) -> Any:
    """Ids must be distinct; otherwise nothing is sent."""
    url = bench.queue()
    entries = _entries("id_1", "id_2", "id_2")
    return [bench.refusal(sqs.send_message_batch, QueueUrl=url, Entries=entries), bench.counts(url)[0]]


@scenario(
    "SendMessageBatch",
    "R65",
    error(
        f"{_PREFIX}.BatchRequestTooLong",
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
    ),
)
def batch_too_long(sqs: Any, bench: Bench) -> Any:
    """A batch has at most 1 MiB in total."""
    entries = [{"Id": "a", "MessageBody": "x" * (1 << 19)}, {"Id": "b", "MessageBody": "x" * ((1 << 19) + 1)}]
    return sqs.send_message_batch(QueueUrl=bench.queue(), Entries=entries)


@scenario("SendMessageBatch", "R65", ["a", "b"])
def limit_is_not_the_queues(sqs: Any, bench: Bench) -> Any:
    """A batch may be longer than the queue's MaximumMessageSize."""
    entries = [{"Id": one, "MessageBody": "x" * 1000} for one in "ab"]
    response = sqs.send_message_batch(QueueUrl=bench.queue(MaximumMessageSize="1024"), Entries=entries)
    return [entry["Id"] for entry in response["Successful"]]


_LONG = {
    "Id": "b",
    "Code": "InvalidParameterValue",
    "SenderFault": True,
    "Message": "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.",
}


@scenario("SendMessageBatch", "R66", [["a"], [_LONG]])
def entry_too_long(sqs: Any, bench: Bench) -> Any:
    """An entry over the queue's MaximumMessageSize fails alone, with another error text than SendMessage."""
    entries = [{"Id": "a", "MessageBody": "x"}, {"Id": "b", "MessageBody": "x" * 1025}]
    response = sqs.send_message_batch(QueueUrl=bench.queue(MaximumMessageSize="1024"), Entries=entries)
    return [[entry["Id"] for entry in response.get("Successful", [])], response.get("Failed")]


@scenario("SendMessageBatch", "R69", {"Failed": [_LONG]})
def failure_alone(sqs: Any, bench: Bench) -> Any:
    """If nothing succeeded, the result has no Successful member."""
    entries = [{"Id": "b", "MessageBody": "x" * 1025}]
    return sqs.send_message_batch(QueueUrl=bench.queue(MaximumMessageSize="1024"), Entries=entries)


@scenario("SendMessageBatch", "A67", [9, [["e9", "InvalidMessageContents"]]])
def forbidden_character(sqs: Any, bench: Bench) -> Any:
    """An entry with a forbidden character fails alone; the other nine are sent."""
    entries = [*_entries(*(f"e{n}" for n in range(9))), {"Id": "e9", "MessageBody": "\x08"}]
    response = sqs.send_message_batch(QueueUrl=bench.queue(), Entries=entries)
    failed = [[entry["Id"], entry["Code"]] for entry in response.get("Failed", [])]
    return [len(response.get("Successful", [])), failed]


@scenario("SendMessageBatch", "P71", [["a"], [["b", "InvalidParameterValue"]]])
def delay_of_an_entry(sqs: Any, bench: Bench) -> Any:
    """An entry whose DelaySeconds is over 900 fails alone."""
    entries = [*_entries("a"), *_entries("b", DelaySeconds=901)]
    return _ids_and_codes(sqs.send_message_batch(QueueUrl=bench.queue(), Entries=entries))


@scenario("SendMessageBatch", "R68", error("InvalidParameterValue", missing("MessageGroupId")["message"]))
def entry_without_group(sqs: Any, bench: Bench) -> Any:
    """On FIFO one entry without a group fails the whole batch, with another code than SendMessage."""
    entries = [*_entries("a", MessageGroupId="g"), *_entries("b")]
    return sqs.send_message_batch(QueueUrl=bench.queue(fifo=True), Entries=entries)


@scenario(
    "SendMessageBatch",
    "R68 R86",
    [
        error(
            "InvalidParameterValue",
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly",
        ),
        "0",
    ],
)
def entry_without_deduplication_id(sqs: Any, bench: Bench) -> Any:
    """On FIFO one entry without a required deduplication id fails the whole batch."""
    url = bench.queue(fifo=True, ContentBasedDeduplication="false")
    entries = [*_entries("a", MessageGroupId="g", MessageDeduplicationId="d"), *_entries("b", MessageGroupId="g")]
    return [bench.refusal(sqs.send_message_batch, QueueUrl=url, Entries=entries), bench.counts(url)[0]]


@scenario("SendMessageBatch", "A88", ["1", "2", "3", "4", "5"])
def order_of_a_batch(sqs: Any, bench: Bench) -> Any:
    """Entries of one group are received in the batch's order."""
    url = bench.queue(fifo=True)
    entries = [{"Id": body, "MessageBody": body, "MessageGroupId": "g"} for body in "12345"]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    return bench.bodies(url, 5)


@scenario(
    "DeleteMessageBatch",
    "P70",
    {
        "Successful": [{"Id": "good"}],
        "Failed": [
            {
                "Id": "bad",
                "Code": "ReceiptHandleIsInvalid",
                "SenderFault": True,
                "Message": 'The input receipt handle "x" is not a valid receipt handle.',
            }
        ],
    },
)
def bad_handle(sqs: Any, bench: Bench) -> Any:
    """An entry with a bad receipt handle fails alone."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = bench.receive(url)[0]["ReceiptHandle"]
    entries = [{"Id": "good", "ReceiptHandle": handle}, {"Id": "bad", "ReceiptHandle": "x"}]
    return sqs.delete_message_batch(QueueUrl=url, Entries=entries)


@scenario("DeleteMessageBatch", "R69", [{"Successful": [{"Id": "e0"}, {"Id": "e1"}]}, ["0", "0", "0"]])
def deletes(sqs: Any, bench: Bench) -> Any:
    """DeleteMessageBatch deletes its messages."""
    url = bench.queue()
    sqs.send_message_batch(QueueUrl=url, Entries=_entries("a", "b"))
    entries = [
        {"Id": f"e{n}", "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(bench.receive(url, 2))
    ]
    return [bench.refusal(sqs.delete_message_batch, QueueUrl=url, Entries=entries), bench.counts(url)]


@scenario("ChangeMessageVisibilityBatch", "R69", [{"Successful": [{"Id": "e0"}, {"Id": "e1"}]}, ["2", "0", "0"]])
def visibility_changes(sqs: Any, bench: Bench) -> Any:
    """A batch with VisibilityTimeout 0 makes its messages visible at once."""
    url = bench.queue()
    sqs.send_message_batch(QueueUrl=url, Entries=_entries("a", "b"))
    entries = [
        {"Id": f"e{n}", "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
        for n, message in enumerate(bench.receive(url, 2))
    ]
    return [bench.refusal(sqs.change_message_visibility_batch, QueueUrl=url, Entries=entries), bench.counts(url)]


@scenario("ChangeMessageVisibilityBatch", "P70", [["bad", "ReceiptHandleIsInvalid", True]])
def visibility_of_a_bad_handle(sqs: Any, bench: Bench) -> Any:
    """An entry with a bad receipt handle fails alone in a batch of visibility changes."""
    entries = [{"Id": "bad", "ReceiptHandle": "x", "VisibilityTimeout": 0}]
    response = sqs.change_message_visibility_batch(QueueUrl=bench.queue(), Entries=entries)
    return [[entry["Id"], entry["Code"], entry["SenderFault"]] for entry in response.get("Failed", [])]


@scenario("DeleteMessageBatch", "R20", [NO_QUEUE] * 3)
def bad_entries_on_a_missing_queue(sqs: Any, bench: Bench) -> Any:
    """A queue that does not exist fails the whole batch, even if every entry is bad."""
    missing_queue = {"QueueUrl": f"{bench.queue()}-missing"}
    bad = {"Id": "a", "ReceiptHandle": "x"}
    return [
        bench.refusal(sqs.delete_message_batch, **missing_queue, Entries=[bad]),
        bench.refusal(sqs.change_message_visibility_batch, **missing_queue, Entries=[{**bad, "VisibilityTimeout": 0}]),
        bench.refusal(sqs.send_message_batch, **missing_queue, Entries=[{"Id": "a", "MessageBody": "\x00"}]),
    ]


@scenario("SendMessageBatch", "R64", error(f"{_PREFIX}.TooManyEntriesInBatchRequest"))
def number_before_ids(sqs: Any, bench: Bench) -> Any:
    """A batch with too many entries and bad ids is refused for the number of entries."""
    return sqs.send_message_batch(QueueUrl=bench.queue(), Entries=_entries(*["b c"] * 11))


@scenario("SendMessageBatch", "P64", _ID)
def bad_ids_before_repeated_ones(sqs: Any, bench: Bench) -> Any:
    """A batch with bad ids and repeated ids is refused for the bad ids."""
    return sqs.send_message_batch(QueueUrl=bench.queue(), Entries=_entries("b c", "b c"))


@scenario("SendMessageBatch", "P68", [["a"], [["b", "InvalidParameterValue"]]])
def delay_of_an_entry_on_fifo(sqs: Any, bench: Bench) -> Any:
    """On FIFO an entry with DelaySeconds fails alone."""
    entries = [*_entries("a", MessageGroupId="g"), *_entries("b", MessageGroupId="h", DelaySeconds=2)]
    return _ids_and_codes(sqs.send_message_batch(QueueUrl=bench.queue(fifo=True), Entries=entries))


@scenario("SendMessageBatch", "P68", [["a"], [["b", "InvalidParameterValue"]]])
def empty_attribute_of_an_entry(sqs: Any, bench: Bench) -> Any:
    """An entry with an empty attribute value fails alone."""
    empty = {"name": {"DataType": "String", "StringValue": ""}}
    entries = [*_entries("a"), *_entries("b", MessageAttributes=empty)]
    return _ids_and_codes(sqs.send_message_batch(QueueUrl=bench.queue(), Entries=entries))


def _ids_and_codes(response: dict[str, Any]) -> list[Any]:
    """Return the ids of successful entries, and the ids and codes of failed ones."""
    failed = [[entry["Id"], entry["Code"]] for entry in response.get("Failed", [])]
    return [[entry["Id"] for entry in response.get("Successful", [])], failed]

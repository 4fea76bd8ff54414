"""ReceiveMessage, DeleteMessage, ChangeMessageVisibility, and the batch operations of the last two."""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from sqs_facade import addresses, bounds, content, digests, receipts
from sqs_facade.codecs.query import listed
from sqs_facade.errors import SqsError, missing, of_receipt_fact
from sqs_facade.operations import overrides
from sqs_facade.operations.batches import WHOLE_BATCH, BatchId, Failed, check_ids, failed, in_order
from sqs_facade.registry import OF_A_QUEUE, QueueUrl, Shape, SqsCall, operation
from sqs_facade.sequence_numbers import sequence_number
from zaqar_core.core import leases
from zaqar_core.domain.model import Receipt, StoredMessage
from zaqar_core.domain.names import QueueRef

Visibility = Annotated[int, bounds.VISIBILITY.meta]


class ReceiveMessage(Shape):
    queue_url: QueueUrl | None = None
    max_number_of_messages: Annotated[int, bounds.MESSAGES.meta] | None = None
    wait_time_seconds: Annotated[int, bounds.WAIT.meta] | None = None
    visibility_timeout: Visibility | None = None
    attribute_names: Annotated[list[str], listed("AttributeName", bounds.SYSTEM_ATTRIBUTE_NAMES)] | None = None
    message_system_attribute_names: (
        Annotated[list[str], listed("MessageSystemAttributeName", bounds.SYSTEM_ATTRIBUTE_NAMES)] | None
    ) = None
    message_attribute_names: (
        Annotated[list[str], listed("MessageAttributeName", bounds.MESSAGE_ATTRIBUTE_NAMES)] | None
    ) = None
    receive_request_attempt_id: Annotated[str, bounds.ATTEMPT_ID] | None = None


class Message(Shape):
    message_id: str
    receipt_handle: str
    md5_of_body: str = field(name="MD5OfBody")
    body: str
    attributes: dict[str, str] | None = None
    md5_of_attributes: str | None = field(default=None, name="MD5OfMessageAttributes")
    message_attributes: dict[str, content.AttributeValue] | None = None


class ReceiveMessageResult(Shape):
    messages: list[Message] = []


@operation(raises=(*OF_A_QUEUE, "OverLimit", "KmsInvalidState", "KmsNotFound"))
def receive_message(call: SqsCall, parameters: ReceiveMessage) -> ReceiveMessageResult:
    """Receive up to ten messages. With a wait time, wait until one is visible."""
    ref = call.queue(parameters.queue_url)
    most, wait, attempt = (
        parameters.max_number_of_messages,
        parameters.wait_time_seconds,
        parameters.receive_request_attempt_id,
    )
    if most is not None:
        bounds.MESSAGES.check(most)
    if wait is not None:
        bounds.WAIT.check(wait)
    if parameters.visibility_timeout is not None:
        bounds.VISIBILITY.check(parameters.visibility_timeout)
    if attempt is not None:
        content.check_identifier(attempt, "ReceiveRequestAttemptId")
    system = _system_names(parameters)
    environ = call.request.environ
    if overrides.COUNT_HEADER in environ or overrides.WAIT_HEADER in environ:
        found = overrides.receive(
            call.session,
            ref,
            environ,
            max_messages=most or 1,
            wait_seconds=wait,
            visibility_seconds=parameters.visibility_timeout,
        )
    else:
        found = leases.receive(
            call.session,
            ref,
            max_messages=most or 1,
            visibility_seconds=parameters.visibility_timeout,
            wait_seconds=wait,
            attempt_id=attempt,
        )
    wanted = content.Selector(parameters.message_attribute_names or ())
    return ReceiveMessageResult([_shown(call, one, ref, system, wanted) for one in found])


def _system_names(parameters: ReceiveMessage) -> frozenset[str]:
    """Return the requested system attributes, of both lists. Unknown names are ignored (recorded from AWS)."""
    if not parameters.attribute_names and not parameters.message_system_attribute_names:
        return _NONE
    names = (parameters.attribute_names or []) + (parameters.message_system_attribute_names or [])
    return SYSTEM_ATTRIBUTES.intersection(names)


_NONE: frozenset[str] = frozenset()
SYSTEM_ATTRIBUTES = frozenset(
    {
        "All", "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp",
        "SequenceNumber", "MessageDeduplicationId", "MessageGroupId", "AWSTraceHeader", "DeadLetterQueueSourceArn",
    }
)  # fmt: skip


def _shown(
    call: SqsCall, found: StoredMessage, ref: QueueRef, system: frozenset[str], wanted: content.Selector
) -> Message:
    assert found.receipt is not None
    message = Message(
        found.id, receipts.encode(found.receipt, call.session.secret), digests.of_body(found.body), found.body.decode()
    )
    if system:
        every = system_attributes(found, ref)
        chosen = every if "All" in system else {name: value for name, value in every.items() if name in system}
        message.attributes = chosen or None
    if found.attributes:
        kept = wanted.of(found.attributes)
        if kept:
            message.md5_of_attributes = digests.of_attributes(kept)
            message.message_attributes = content.shown(kept)
    return message


def system_attributes(found: StoredMessage, ref: QueueRef) -> dict[str, str]:
    """Return all system attributes of a message in a queue. Times are milliseconds, as text."""
    every = {
        "ApproximateFirstReceiveTimestamp": str(found.first_received_ms or 0),
        "ApproximateReceiveCount": str(found.receive_count),
        "SenderId": found.sender or ref.project,
        "SentTimestamp": str(found.sent_ms),
    }
    for one in found.system_attributes:
        every[one.name] = one.value.decode(errors="replace")
    if found.source_queue is not None:
        every["DeadLetterQueueSourceArn"] = addresses.arn(found.source_queue)
    if found.group is not None:
        every["MessageGroupId"] = found.group
    if ref.is_fifo:
        if found.dedup_id is not None:
            every["MessageDeduplicationId"] = found.dedup_id
        every["SequenceNumber"] = sequence_number(found.sequence)
    return every


class DeleteMessage(Shape):
    queue_url: QueueUrl | None = None
    receipt_handle: str | None = None


def _receipt(call: SqsCall, handle: str | None) -> Receipt:
    if not handle:
        raise missing("ReceiptHandle")
    return receipts.decode(handle, call.session.secret)


@operation(raises=(*OF_A_QUEUE, "MissingParameter", "ReceiptHandleIsInvalid"))
def delete_message(call: SqsCall, parameters: DeleteMessage) -> None:
    """Delete a message. A message that is already deleted is not an error. One round trip.

    Raises ReceiptHandleIsInvalid.
    """
    ref = call.queue(parameters.queue_url)
    [outcome] = leases.delete_received(call.session, ref, [_receipt(call, parameters.receipt_handle)])
    if outcome is not None:
        raise of_receipt_fact(outcome, parameters.receipt_handle or "")


class ChangeMessageVisibility(Shape):
    queue_url: QueueUrl | None = None
    receipt_handle: str | None = None
    visibility_timeout: Visibility | None = None


@operation(raises=(*OF_A_QUEUE, "MissingParameter", "ReceiptHandleIsInvalid"))
def change_message_visibility(call: SqsCall, parameters: ChangeMessageVisibility) -> None:
    """Change the visibility timeout of a message in flight; the new timeout starts now.

    Raises ReceiptHandleIsInvalid, InvalidParameterValue.
    """
    ref = call.queue(parameters.queue_url)
    [outcome] = leases.change_visibility(call.session, ref, [_visibility(call, parameters)])
    if outcome is not None:
        raise of_receipt_fact(outcome, parameters.receipt_handle or "")


def _visibility(call: SqsCall, parameters: ChangeMessageVisibility | VisibilityEntry) -> tuple[Receipt, int]:
    """Return the receipt and the requested seconds. Validate the parameters before decoding the handle."""
    if not parameters.receipt_handle:
        raise missing("ReceiptHandle")
    if parameters.visibility_timeout is None:
        raise missing("VisibilityTimeout")
    bounds.VISIBILITY_CHANGE.check(parameters.visibility_timeout)
    return receipts.decode(parameters.receipt_handle, call.session.secret), parameters.visibility_timeout


class DeleteEntry(Shape):
    id: BatchId | None = None
    receipt_handle: str | None = None


class DeleteMessageBatch(Shape):
    queue_url: QueueUrl | None = None
    entries: Annotated[list[DeleteEntry], listed("DeleteMessageBatchRequestEntry", bounds.BATCH)] = []


class DoneEntry(Shape):
    id: str


class BatchResult(Shape):
    successful: list[DoneEntry] = []
    failed: list[Failed] = []


@operation(raises=(*OF_A_QUEUE, *WHOLE_BATCH))
def delete_message_batch(call: SqsCall, parameters: DeleteMessageBatch) -> BatchResult:
    """Delete up to ten messages; an entry that fails does not affect the others. One round trip."""
    ref = call.queue(parameters.queue_url)
    ids = check_ids(parameters.entries, "DeleteMessageBatchRequestEntry")
    result = BatchResult([], [])
    good: list[tuple[str, str, Receipt]] = []
    for name, entry in zip(ids, parameters.entries, strict=True):
        try:
            good.append((name, entry.receipt_handle or "", _receipt(call, entry.receipt_handle)))
        except SqsError as error:
            result.failed.append(failed(name, error))
    outcomes = leases.delete_received(call.session, ref, [receipt for _, _, receipt in good])
    for (name, handle, _), outcome in zip(good, outcomes, strict=True):
        if outcome is None:
            result.successful.append(DoneEntry(name))
        else:
            result.failed.append(failed(name, of_receipt_fact(outcome, handle)))
    result.failed = in_order(result.failed, ids)
    return result


class VisibilityEntry(DeleteEntry):
    visibility_timeout: Visibility | None = None


class ChangeMessageVisibilityBatch(Shape):
    queue_url: QueueUrl | None = None
    entries: Annotated[list[VisibilityEntry], listed("ChangeMessageVisibilityBatchRequestEntry", bounds.BATCH)] = []


@operation(raises=(*OF_A_QUEUE, *WHOLE_BATCH))
def change_message_visibility_batch(call: SqsCall, parameters: ChangeMessageVisibilityBatch) -> BatchResult:
    """Change the visibility timeout of up to ten messages; an entry that fails does not affect the others.

    One round trip.
    """
    ref = call.queue(parameters.queue_url)
    ids = check_ids(parameters.entries, "ChangeMessageVisibilityBatchRequestEntry")
    result = BatchResult([], [])
    good: list[tuple[str, str, tuple[Receipt, int]]] = []
    for name, entry in zip(ids, parameters.entries, strict=True):
        try:
            good.append((name, entry.receipt_handle or "", _visibility(call, entry)))
        except SqsError as error:
            result.failed.append(failed(name, error))
    outcomes = leases.change_visibility(call.session, ref, [change for _, _, change in good])
    for (name, handle, _), outcome in zip(good, outcomes, strict=True):
        if outcome is None:
            result.successful.append(DoneEntry(name))
        else:
            result.failed.append(failed(name, of_receipt_fact(outcome, handle)))
    result.failed = in_order(result.failed, ids)
    return result

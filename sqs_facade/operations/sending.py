"""SendMessage, SendMessageBatch."""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from sqs_facade import bounds, content, digests
from sqs_facade.codecs.query import listed
from sqs_facade.errors import SqsError, missing, of_fact, too_long, wrong_queue_type
from sqs_facade.operations.batches import WHOLE_BATCH, BatchId, Failed, check_ids, failed, in_order
from sqs_facade.registry import OF_A_QUEUE, QueueUrl, Shape, SqsCall, operation
from sqs_facade.sequence_numbers import sequence_number
from zaqar_core.core import messages
from zaqar_core.domain import limits
from zaqar_core.domain.errors import MessageTooLong
from zaqar_core.domain.model import NewMessage
from zaqar_core.domain.names import QueueRef


class SendMessage(Shape):
    message_body: Annotated[str, bounds.BODY] | None = None
    queue_url: QueueUrl | None = None
    delay_seconds: Annotated[int, bounds.DELAY.meta] | None = None
    message_attributes: content.AttributeMap | None = None
    message_system_attributes: content.SystemAttributeMap | None = None
    message_deduplication_id: Annotated[str, bounds.DEDUPLICATION_ID] | None = None
    message_group_id: Annotated[str, bounds.IDENTIFIER] | None = None


class SendMessageResult(Shape):
    md5_of_body: str = field(name="MD5OfMessageBody")
    message_id: str
    md5_of_attributes: str | None = field(default=None, name="MD5OfMessageAttributes")
    md5_of_system_attributes: str | None = field(default=None, name="MD5OfMessageSystemAttributes")
    sequence_number: str | None = None


class SendMessageBatchRequestEntry(Shape):
    id: BatchId | None = None
    message_body: Annotated[str, bounds.BODY] | None = None
    delay_seconds: Annotated[int, bounds.DELAY.meta] | None = None
    message_attributes: content.AttributeMap | None = None
    message_system_attributes: content.SystemAttributeMap | None = None
    message_deduplication_id: Annotated[str, bounds.DEDUPLICATION_ID] | None = None
    message_group_id: Annotated[str, bounds.IDENTIFIER] | None = None


class SendMessageBatch(Shape):
    queue_url: QueueUrl | None = None
    entries: Annotated[list[SendMessageBatchRequestEntry], listed("SendMessageBatchRequestEntry", bounds.BATCH)] = []


class SentEntry(Shape):
    id: str
    message_id: str
    md5_of_body: str = field(name="MD5OfMessageBody")
    md5_of_attributes: str | None = field(default=None, name="MD5OfMessageAttributes")
    md5_of_system_attributes: str | None = field(default=None, name="MD5OfMessageSystemAttributes")
    sequence_number: str | None = None


class SendMessageBatchResult(Shape):
    successful: list[SentEntry] = []
    failed: list[Failed] = []


def _new_message(
    parameters: SendMessage | SendMessageBatchRequestEntry,
    trace_header: str | None,
    sender: str | None,
    *,
    is_fifo: bool,
) -> NewMessage:
    delay = parameters.delay_seconds
    if delay is not None:
        bounds.DELAY.check(delay)
        if is_fifo:
            if delay:
                raise wrong_queue_type(delay, "DelaySeconds")
            delay = None  # on a FIFO queue 0 means the queue's delay
    body = content.body(parameters.message_body)
    attributes = content.attributes(parameters.message_attributes) if parameters.message_attributes else ()
    given = parameters.message_system_attributes
    system = content.system_attributes(given or {}, trace_header) if given or trace_header else ()
    group, dedup_id = parameters.message_group_id, parameters.message_deduplication_id
    if group is not None:
        content.check_identifier(group, "MessageGroupId")
    elif is_fifo:
        raise missing("MessageGroupId")
    if dedup_id is not None:
        content.check_identifier(dedup_id, "MessageDeduplicationId")
        if not is_fifo:
            raise wrong_queue_type(dedup_id, "MessageDeduplicationId")
    return NewMessage(
        body,
        "text",
        attributes,
        system,
        content.size(body, attributes) if attributes else len(body),
        delay,
        sender=sender,
        group=group,
        dedup_id=dedup_id,
    )


def _sender(call: SqsCall, ref: QueueRef) -> str | None:
    """Return the caller's account, or None if the queue belongs to it."""
    return call.caller.account if call.caller.account != ref.project else None


@operation(raises=(*OF_A_QUEUE, "MissingParameter", "InvalidMessageContents", "UnsupportedOperation", "KmsNotFound"))
def send_message(call: SqsCall, parameters: SendMessage) -> SendMessageResult:
    """Send one message to a queue. One round trip."""
    ref = call.queue(parameters.queue_url)
    is_fifo = ref.is_fifo
    new = _new_message(parameters, call.request.header("X_AMZN_TRACE_ID"), _sender(call, ref), is_fifo=is_fifo)
    [sent] = messages.send(call.session, ref, [new])
    if isinstance(sent, MessageTooLong):
        raise of_fact(sent)
    of_body, of_attributes, of_system = _digests(new)
    number = sequence_number(sent.sequence) if is_fifo else None
    return SendMessageResult(of_body, sent.id, of_attributes, of_system, number)


@operation(raises=(*OF_A_QUEUE, *WHOLE_BATCH, "BatchRequestTooLong", "KmsNotFound"))
def send_message_batch(call: SqsCall, parameters: SendMessageBatch) -> SendMessageBatchResult:
    """Send up to ten messages to a queue; an entry that fails does not affect the others. One round trip."""
    ref = call.queue(parameters.queue_url)
    is_fifo = ref.is_fifo
    ids = check_ids(parameters.entries, "SendMessageBatchRequestEntry")
    if is_fifo and any(entry.message_group_id is None for entry in parameters.entries):
        # Recorded from AWS: the code differs from that of SendMessage, and the whole batch fails.
        raise SqsError("InvalidParameterValue", missing("MessageGroupId").message)
    trace_header, sender = call.request.header("X_AMZN_TRACE_ID"), _sender(call, ref)
    result = SendMessageBatchResult([], [])
    names: list[str] = []
    accepted: list[NewMessage] = []
    total = 0
    for place, (name, entry) in enumerate(zip(ids, parameters.entries, strict=True), 1):
        try:
            if not entry.message_body:
                # Recorded from AWS: the code and the text differ from those of SendMessage.
                parameter = f"SendMessageBatchRequestEntry.{place}.MessageBody"
                raise SqsError("EmptyValue", f"No Value Found for {parameter}.")
            new = _new_message(entry, trace_header, sender, is_fifo=is_fifo)
            names.append(name)
            accepted.append(new)
            total += new.size_bytes or 0
        except SqsError as error:
            result.failed.append(failed(name, error))
            total += _size(entry)
    if total > limits.MESSAGE_BYTES:
        raise SqsError(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {limits.MESSAGE_BYTES} bytes. You have sent {total} bytes.",
        )
    for name, new, sent in zip(names, accepted, messages.send(call.session, ref, accepted), strict=True):
        if isinstance(sent, MessageTooLong):
            reason = f"One or more parameters cannot be validated. Reason: {too_long(sent.limit_bytes)}"
            result.failed.append(failed(name, SqsError("InvalidParameterValue", reason)))
        else:
            number = sequence_number(sent.sequence) if is_fifo else None
            result.successful.append(SentEntry(name, sent.id, *_digests(new), number))
    result.failed = in_order(result.failed, ids)
    return result


def _size(entry: SendMessageBatchRequestEntry) -> int:
    """Return the bytes of an entry that failed: they count toward the size of the batch too."""
    size = len((entry.message_body or "").encode())
    for name, value in (entry.message_attributes or {}).items():
        size += len(f"{name}{value.data_type or ''}{value.string_value or ''}".encode()) + len(
            value.binary_value or b""
        )
    return size


def _digests(new: NewMessage) -> tuple[str, str | None, str | None]:
    """Return the MD5 of the body, of the attributes and of the system attributes, as far as there are any."""
    return (
        digests.of_body(new.body),
        digests.of_attributes(new.attributes) if new.attributes else None,
        digests.of_attributes(new.system_attributes) if new.system_attributes else None,
    )

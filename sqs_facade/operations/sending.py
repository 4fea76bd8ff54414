"""SendMessage, SendMessageBatch."""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from sqs_facade import content, digests
from sqs_facade.codecs.query import listed
from sqs_facade.errors import SqsError, invalid, of_fact, too_long
from sqs_facade.operations.batches import Failed, check_ids, failed
from sqs_facade.registry import Call, Shape, operation
from zaqar_core import limits, messages
from zaqar_core.errors import MessageTooLong
from zaqar_core.model import NewMessage
from zaqar_core.names import QueueRef

MOST_DELAY_SECONDS = 900


class SendMessage(Shape):
    message_body: str | None = None
    queue_url: str | None = None
    delay_seconds: int | None = None
    message_attributes: content.AttributeMap | None = None
    message_system_attributes: content.SystemAttributeMap | None = None
    message_deduplication_id: str | None = None
    message_group_id: str | None = None


class SendMessageResult(Shape):
    md5_of_body: str = field(name="MD5OfMessageBody")
    message_id: str
    md5_of_attributes: str | None = field(default=None, name="MD5OfMessageAttributes")
    md5_of_system_attributes: str | None = field(default=None, name="MD5OfMessageSystemAttributes")
    sequence_number: str | None = None


class SendMessageBatchRequestEntry(SendMessage):
    id: str | None = None


class SendMessageBatch(Shape):
    queue_url: str | None = None
    entries: Annotated[list[SendMessageBatchRequestEntry], listed("SendMessageBatchRequestEntry")] = []


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


def _new_message(asked: SendMessage, trace_header: str | None, sender: str | None) -> NewMessage:
    delay = asked.delay_seconds
    if delay is not None and not 0 <= delay <= MOST_DELAY_SECONDS:
        reason = "DelaySeconds must be >= 0 and <= 900."
        raise invalid(delay, "DelaySeconds", reason)
    body = content.body(asked.message_body)
    attributes = content.attributes(asked.message_attributes) if asked.message_attributes else ()
    given = asked.message_system_attributes
    system = content.system_attributes(given or {}, trace_header) if given or trace_header else ()
    return NewMessage(
        body,
        "text",
        attributes,
        system,
        content.size(body, attributes) if attributes else len(body),
        delay,
        sender=sender,
        group=content.identifier(asked.message_group_id, "MessageGroupId"),
        dedup_id=content.identifier(asked.message_deduplication_id, "MessageDeduplicationId"),
    )


def _sender(call: Call, ref: QueueRef) -> str | None:
    """The caller's account, where it is not the queue's own."""
    return call.who.account if call.who.account != ref.project else None


@operation()
def send_message(call: Call, asked: SendMessage) -> SendMessageResult:
    """Put one message into a queue. One round trip."""
    ref = call.queue(asked.queue_url)
    new = _new_message(asked, call.request.header("X_AMZN_TRACE_ID"), _sender(call, ref))
    [sent] = messages.send(call.session, ref, [new])
    if isinstance(sent, MessageTooLong):
        raise of_fact(sent)
    return SendMessageResult(
        digests.of_body(new.body),
        sent.id,
        digests.of_attributes(new.attributes) if new.attributes else None,
        digests.of_attributes(new.system_attributes) if new.system_attributes else None,
    )


@operation()
def send_message_batch(call: Call, asked: SendMessageBatch) -> SendMessageBatchResult:
    """Put up to ten messages into a queue, each on its own terms. One round trip."""
    ref = call.queue(asked.queue_url)
    ids = check_ids(asked.entries, "SendMessageBatchRequestEntry")
    trace_header, sender = call.request.header("X_AMZN_TRACE_ID"), _sender(call, ref)
    result = SendMessageBatchResult([], [])
    accepted: list[tuple[str, NewMessage]] = []
    for name, entry in zip(ids, asked.entries, strict=True):
        try:
            accepted.append((name, _new_message(entry, trace_header, sender)))
        except SqsError as error:
            result.failed.append(failed(name, error))
    total = sum(new.size_bytes or 0 for _, new in accepted)
    if total > limits.MESSAGE_BYTES:
        raise SqsError(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {limits.MESSAGE_BYTES} bytes. You have sent {total} bytes.",
        )
    sent_all = messages.send(call.session, ref, [new for _, new in accepted])
    for (name, new), sent in zip(accepted, sent_all, strict=True):
        if isinstance(sent, MessageTooLong):
            reason = f"One or more parameters cannot be validated. Reason: {too_long(sent.limit_bytes)}"
            result.failed.append(failed(name, SqsError("InvalidParameterValue", reason)))
            continue
        result.successful.append(
            SentEntry(
                name,
                sent.id,
                digests.of_body(new.body),
                digests.of_attributes(new.attributes),
                digests.of_attributes(new.system_attributes),
            )
        )
    return result

"""What a subscriber is told of a message, as JSON."""

from __future__ import annotations

from typing import Any

import orjson

from zaqar_core.core.deliveries import OutboxMessage
from zaqar_core.domain.model import StoredMessage

#: In a subscription's ``post_data``, with the quotes around it: there the message stands.
PLACEHOLDER = b'"$zaqar_message$"'


def of_message(told: OutboxMessage, queue_name: str) -> bytes:
    """``{"body", "ttl"[, "delay"], "Message_Type": "Notification", "queue_name"}``, members as they were posted.

    A text that SQS sent is a JSON string; its ttl is what the queue's retention was.
    """
    document: dict[str, Any] = {"body": body(told.message), "ttl": told.ttl_seconds}
    if told.delay_seconds is not None:
        document["delay"] = told.delay_seconds
    return orjson.dumps({**document, "Message_Type": "Notification", "queue_name": queue_name})


def body(message: StoredMessage) -> Any:
    """The body to be written into a document."""
    return message.body.decode() if message.kind == "text" else orjson.Fragment(message.body)


def in_template(template: str | None, document: bytes) -> bytes:
    """The document, or the template with the document in place of its placeholder."""
    return document if template is None else template.encode().replace(PLACEHOLDER, document)

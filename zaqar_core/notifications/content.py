"""The JSON document that a subscriber gets for a message."""

from __future__ import annotations

from typing import Any

import orjson

from zaqar_core.core.deliveries import OutboxMessage
from zaqar_core.domain.model import StoredMessage

#: In a subscription's ``post_data``: the notification replaces this text, with the quotes around it.
PLACEHOLDER = b'"$zaqar_message$"'


def of_message(outbox_message: OutboxMessage, queue_name: str) -> bytes:
    """Return ``{"body", "ttl"[, "delay"], "Message_Type": "Notification", "queue_name"}`` with the members as posted.

    A text sent by SQS becomes a JSON string. Its ttl is the queue's retention at the time of the send.
    """
    document: dict[str, Any] = {"body": body(outbox_message.message), "ttl": outbox_message.ttl_seconds}
    if outbox_message.delay_seconds is not None:
        document["delay"] = outbox_message.delay_seconds
    return orjson.dumps({**document, "Message_Type": "Notification", "queue_name": queue_name})


def body(message: StoredMessage) -> Any:
    """Return the body in the form that the JSON encoder takes."""
    return message.body.decode() if message.kind == "text" else orjson.Fragment(message.body)


def in_template(template: str | None, document: bytes) -> bytes:
    """Return the document, or the template with the document in place of its placeholder."""
    return document if template is None else template.encode().replace(PLACEHOLDER, document)

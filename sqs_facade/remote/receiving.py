"""Receive and delete messages of a queue in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqs_facade.remote.service import Service
from zaqar_core.domain import limits

MOST_MESSAGES = limits.RECEIVED_MESSAGES.most
LONGEST_WAIT_SECONDS = limits.WAIT_SECONDS.most


def receive(
    service: Service, queue_url: str, most: int = MOST_MESSAGES, *, wait_seconds: int = 0, visibility: int | None = None
) -> list[dict[str, Any]]:
    """Receive up to ten messages with all attributes. Raises RemoteError."""
    found: list[dict[str, Any]] = service.call(
        "ReceiveMessage",
        QueueUrl=queue_url,
        MaxNumberOfMessages=min(most, MOST_MESSAGES),
        WaitTimeSeconds=wait_seconds,
        VisibilityTimeout=visibility,
        AttributeNames=["All"],  # the older name, which all endpoints know
        MessageAttributeNames=["All"],
    ).get("Messages", [])
    return found


def delete(service: Service, queue_url: str, messages: Sequence[dict[str, Any]]) -> list[str]:
    """Delete received messages, ten at most; return the reasons of those that failed. Raises RemoteError."""
    entries = [{"Id": str(at), "ReceiptHandle": one["ReceiptHandle"]} for at, one in enumerate(messages)]
    result = service.call("DeleteMessageBatch", QueueUrl=queue_url, Entries=entries)
    return [
        f"{messages[int(row['Id'])]['MessageId']} was not deleted: {row['Code']}: {row.get('Message', '')}"
        for row in result.get("Failed", [])
    ]

"""Shared code of the tests of FIFO queues."""

from __future__ import annotations

from typing import Any

from tests.sqs.wire import Sqs


def send(sqs: Sqs, queue: str, *messages: str) -> list[dict[str, Any]]:
    """Send messages written as ``group:body``; return the results."""
    pairs = [one.partition(":") for one in messages]
    return [sqs.send(queue, body, MessageGroupId=group) for group, _, body in pairs]


def receive(sqs: Sqs, queue: str, **more: Any) -> list[dict[str, Any]]:
    """Receive up to ten messages by default."""
    return sqs.receive(queue, **{"MaxNumberOfMessages": 10, **more})


def bodies(found: list[dict[str, Any]]) -> list[str]:
    return [one["Body"] for one in found]


def delete(sqs: Sqs, queue: str, message: dict[str, Any]) -> None:
    sqs.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

"""Receipt handles that no message of the queue has."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from tests.sqs.wire import Failure, Sqs


@pytest.mark.parametrize("operation", ["DeleteMessage", "ChangeMessageVisibility"])
@pytest.mark.parametrize("handle", ["garbage", " ", "ü", "=" * 8, b64encode(b"x" * 42).decode(), "A" * 5000])
def test_an_unknown_receipt_handle_is_refused(sqs: Sqs, queue: str, operation: str, handle: str) -> None:
    more: dict[str, Any] = {"VisibilityTimeout": 1} if operation == "ChangeMessageVisibility" else {}
    assert sqs.error(operation, QueueUrl=queue, ReceiptHandle=handle, **more) == Failure(
        "ReceiptHandleIsInvalid", 404, f'The input receipt handle "{handle}" is not a valid receipt handle.'
    )


@pytest.mark.parametrize("operation", ["DeleteMessage", "ChangeMessageVisibility"])
def test_a_receipt_handle_of_another_queue_is_refused(sqs: Sqs, queue: str, queue_name: str, operation: str) -> None:
    """Users quote this text of AWS."""
    other = sqs.queue(f"{queue_name}-other")
    sqs.send(other, "x")
    handle = sqs.receive(other)[0]["ReceiptHandle"]
    more: dict[str, Any] = {"VisibilityTimeout": 1} if operation == "ChangeMessageVisibility" else {}
    message = f'The receipt handle "{handle}" is not valid for this queue.'
    assert sqs.error(operation, QueueUrl=queue, ReceiptHandle=handle, **more) == Failure(
        "ReceiptHandleIsInvalid", 404, message
    )
    batch = [{"Id": "a", "ReceiptHandle": handle, **more}]
    [failed] = sqs.call(f"{operation}Batch", QueueUrl=queue, Entries=batch)["Failed"]
    assert (failed["Code"], failed["Message"]) == ("ReceiptHandleIsInvalid", message)


@pytest.mark.parametrize("operation", ["DeleteMessage", "ChangeMessageVisibility"])
def test_a_handle_must_be_given(sqs: Sqs, queue: str, operation: str) -> None:
    assert sqs.error(operation, QueueUrl=queue, VisibilityTimeout=1) == Failure(
        "MissingParameter", 400, "The request must contain the parameter ReceiptHandle."
    )

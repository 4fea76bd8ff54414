"""Required members that a request lacks, and queues that do not exist: what is named first."""

from __future__ import annotations

from typing import Any

from ..bench import Bench
from ..scenario import NO_QUEUE, error, missing, scenario


@scenario("SendMessage", "R119", [NO_QUEUE] * 2)
def no_queue_url(sqs: Any, at: Bench) -> Any:
    """Without a QueueUrl, or with an empty one, there is no such queue."""
    given: list[dict[str, str]] = [{}, {"QueueUrl": ""}]
    return [at.refusal(sqs.send_message, MessageBody="x", **one) for one in given]


@scenario("GetQueueUrl", "R119", error("InvalidParameterValue"))
def no_queue_name(sqs: Any, at: Bench) -> Any:
    """GetQueueUrl without a QueueName is an invalid value."""
    return sqs.get_queue_url()


@scenario("ChangeMessageVisibility", "R119", missing("VisibilityTimeout"))
def no_visibility_timeout(sqs: Any, at: Bench) -> Any:
    """ChangeMessageVisibility without a VisibilityTimeout lacks a parameter."""
    url = at.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    return sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=at.receive(url)[0]["ReceiptHandle"])


@scenario("DeleteMessage", "R119", missing("ReceiptHandle"))
def no_receipt_handle(sqs: Any, at: Bench) -> Any:
    """DeleteMessage without a ReceiptHandle lacks a parameter."""
    return sqs.delete_message(QueueUrl=at.queue())

"""Missing members and missing queues: the error that is reported first."""

from __future__ import annotations

from typing import Any

from ..bench import Bench
from ..scenario import NO_QUEUE, error, missing, scenario


@scenario("SendMessage", "R119", [NO_QUEUE] * 2)
def no_queue_url(sqs: Any, bench: Bench) -> Any:
    """A QueueUrl that is absent or empty is a queue that does not exist."""
    given: list[dict[str, str]] = [{}, {"QueueUrl": ""}]
    return [bench.refusal(sqs.send_message, MessageBody="x", **one) for one in given]


@scenario("GetQueueUrl", "R119", error("InvalidParameterValue"))
def no_queue_name(sqs: Any, bench: Bench) -> Any:
    """GetQueueUrl without a QueueName fails with InvalidParameterValue."""
    return sqs.get_queue_url()


@scenario("ChangeMessageVisibility", "R119", missing("VisibilityTimeout"))
def no_visibility_timeout(sqs: Any, bench: Bench) -> Any:
    """ChangeMessageVisibility without a VisibilityTimeout fails with MissingParameter."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    return sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=bench.receive(url)[0]["ReceiptHandle"])


@scenario("DeleteMessage", "R119", missing("ReceiptHandle"))
def no_receipt_handle(sqs: Any, bench: Bench) -> Any:
    """DeleteMessage without a ReceiptHandle fails with MissingParameter."""
    return sqs.delete_message(QueueUrl=bench.queue())

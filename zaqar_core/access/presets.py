"""Identity policies with a name, for users who need no document of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_READS_QUEUES = ("sqs:GetQueueUrl", "sqs:GetQueueAttributes")


def _allows(*actions: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


#: Documents by name.
PRESETS: Mapping[str, dict[str, Any]] = {
    "admin": _allows("*"),
    "sender": _allows("sqs:SendMessage", *_READS_QUEUES),
    "receiver": _allows("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", *_READS_QUEUES),
    "observer": _allows(
        "sqs:ListQueues", "sqs:ListQueueTags", "sqs:ListDeadLetterSourceQueues", "sqs:ListMessageMoveTasks",
        "cloudwatch:GetMetricData", "cloudwatch:GetMetricStatistics", "cloudwatch:ListMetrics",
        *_READS_QUEUES,
    ),
}  # fmt: skip

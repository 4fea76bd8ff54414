"""The ARNs of queues and accounts, as policies name them."""

from __future__ import annotations

from functools import lru_cache

from zaqar_core.access.principals import ANONYMOUS, Principal
from zaqar_core.domain.names import QueueRef


def of_queue(ref: QueueRef) -> str:
    """Return the ARN of a queue. A topic is ``topics/NAME``, which is no name of a queue."""
    if ref.is_topic:
        region, _, topics = ref.region.partition("/")
        return f"arn:aws:sqs:{region}:{ref.project}:{topics}/{ref.name}"
    return f"arn:aws:sqs:{ref.region}:{ref.project}:{ref.name}"


def of_account(account: str, region: str) -> str:
    """Return the resource of actions on no queue, such as listing them: an ARN without a name, as AWS reports it."""
    return f"arn:aws:sqs:{region}:{account}:"


@lru_cache(maxsize=1024)
def root(account: str) -> Principal:
    """Return the root user of an account; an anonymous caller without an account."""
    return Principal(account, f"arn:aws:iam::{account}:root", account) if account else ANONYMOUS

"""Queues of an endpoint: by name, URL or ARN, and lists of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqs_facade.remote.errors import NotConfigured
from sqs_facade.remote.service import Service

_PAGE = 1000
_ARN_PARTS = 6


def url(service: Service, queue: str) -> str:
    """Return the URL of the queue that a name, URL or ARN names. Raises RemoteError."""
    if "://" in queue:
        return queue
    owner = None
    if queue.startswith("arn:"):
        parts = queue.split(":")
        if len(parts) != _ARN_PARTS or parts[2] != "sqs":
            raise NotConfigured(f"the ARN of a queue is arn:aws:sqs:REGION:ACCOUNT:NAME: {queue}")
        region, owner, queue = parts[3:]
        if region != service.region:
            raise NotConfigured(
                f"the queue is in region {region}, and the call goes to {service.region}: give --region {region}"
            )
    found: str = service.call("GetQueueUrl", QueueName=queue, QueueOwnerAWSAccountId=owner)["QueueUrl"]
    return found


def name(queue_url: str) -> str:
    """Return the name of a queue from its URL or ARN."""
    return queue_url.rstrip("/").rpartition("/")[2].rpartition(":")[2]


def urls(service: Service, prefix: str = "") -> Iterator[str]:
    """Iterate over the URLs of the queues whose names begin with the prefix. Raises RemoteError."""
    token = None
    while True:
        page = service.call("ListQueues", QueueNamePrefix=prefix or None, MaxResults=_PAGE, NextToken=token)
        yield from page.get("QueueUrls", [])
        token = page.get("NextToken")
        if not token:
            return


def attributes(service: Service, queue_url: str, *names: str) -> dict[str, str]:
    """Return attributes of a queue, by default all. Raises RemoteError."""
    found: dict[str, Any] = service.call(
        "GetQueueAttributes", QueueUrl=queue_url, AttributeNames=list(names or ("All",))
    )
    return {str(key): str(value) for key, value in found.get("Attributes", {}).items()}

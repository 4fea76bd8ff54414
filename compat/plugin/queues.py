"""Queues for moto's other services: the facade's queues as ``backend.queues``, and messages for Lambda functions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, MutableMapping
from types import SimpleNamespace
from typing import Any

from moto.sqs.exceptions import QueueDoesNotExist
from moto.sqs.models import Queue, sqs_backends

from . import client

#: Attribute of a backend with its queue objects. moto stores event source mappings in them, so they must persist.
_SHOWN = "queues_shown"
_KEPT = (
    "FifoQueue",
    "ContentBasedDeduplication",
    "DelaySeconds",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
)
#: Largest number of batches for one send, so that a function that sends to its own queue does not run forever.
_MOST_BATCHES = 100
_MOST_RECEIVED = 10


def _shown(backend: Any) -> dict[str, Any]:
    found: dict[str, Any] = backend.__dict__.setdefault(_SHOWN, {})
    return found


class Queues(MutableMapping[str, Any]):
    """Replaces ``SQSBackend.queues``: moto's queue objects, with the facade's attributes and without messages."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def __getitem__(self, name: str) -> Any:
        at = client.queue_url(self._backend, name)
        shown = _shown(self._backend)
        try:
            attributes = client.run(self._backend, "GetQueueAttributes", QueueUrl=at, AttributeNames=["All"])[
                "Attributes"
            ]
            tags = client.run(self._backend, "ListQueueTags", QueueUrl=at).get("Tags", {})
        except QueueDoesNotExist:
            shown.pop(name, None)
            raise KeyError(name) from None
        kept = {key: attributes[key] for key in _KEPT if key in attributes}
        if name not in shown:
            shown[name] = Queue(name, self._backend.region_name, self._backend.account_id, **kept)
        else:
            shown[name]._set_attributes(kept)
        shown[name].tags = tags
        return shown[name]

    def __setitem__(self, name: str, queue: Any) -> None:
        _shown(self._backend)[name] = queue

    def __delitem__(self, name: str) -> None:
        _shown(self._backend).pop(name, None)
        client.run(self._backend, "DeleteQueue", QueueUrl=client.queue_url(self._backend, name))

    def __iter__(self) -> Iterator[str]:
        members: dict[str, Any] = {"MaxResults": 1000}
        while True:
            page = client.run(self._backend, "ListQueues", **members)
            yield from [one.rpartition("/")[2] for one in page.get("QueueUrls", [])]
            if "NextToken" not in page:
                return
            members["NextToken"] = page["NextToken"]

    def __len__(self) -> int:
        return sum(1 for _ in self)


def backend_of(queue: Any) -> Any:
    """Return the backend of a queue object of moto."""
    return sqs_backends[queue.account_id][queue.region]


def forget(account: str, region: str, name: str) -> None:
    """Remove the queue object of a deleted queue, with its event source mappings."""
    _shown(sqs_backends[account][region]).pop(name, None)


def have_mappings(account: str, region: str) -> bool:
    """Return whether a queue of the account in the region has event source mappings."""
    return any(queue.lambda_event_source_mappings for queue in _shown(sqs_backends[account][region]).values())


def deliver(account: str, region: str, name: str) -> None:
    """Deliver the messages of a queue to the Lambda functions that are mapped to it, at once, as moto does."""
    backend = sqs_backends[account][region]
    queue = _shown(backend).get(name)
    if queue is None:
        return
    for function, mapping in list(queue.lambda_event_source_mappings.items()):
        for _ in range(_MOST_BATCHES):
            if not mapping.enabled or not _deliver_batch(backend, queue, function, mapping.batch_size):
                break


def _deliver_batch(backend: Any, queue: Any, function: str, batch_size: int) -> bool:
    """Deliver one batch; return whether there was one and the function processed it."""
    from moto.awslambda.utils import get_backend

    at = client.queue_url(backend, queue.name)
    most = min(batch_size, _MOST_RECEIVED)
    found = client.run(
        backend, "ReceiveMessage", QueueUrl=at, MaxNumberOfMessages=most, WaitTimeSeconds=0, AttributeNames=["All"]
    ).get("Messages", [])
    if not found:
        return False
    messages = [
        SimpleNamespace(
            id=one["MessageId"],
            receipt_handle=one["ReceiptHandle"],
            body=one["Body"],
            group_id=one["Attributes"].get("MessageGroupId"),
            deduplication_id=one["Attributes"].get("MessageDeduplicationId"),
        )
        for one in found
    ]
    is_processed = bool(
        get_backend(backend.account_id, backend.region_name).send_sqs_batch(function, messages, queue.queue_arn)
    )
    for one in messages:
        handle = {"QueueUrl": at, "ReceiptHandle": one.receipt_handle}
        with contextlib.suppress(QueueDoesNotExist):  # the function may have deleted it
            if is_processed:
                client.run(backend, "DeleteMessage", **handle)
            else:
                client.run(backend, "ChangeMessageVisibility", VisibilityTimeout=0, **handle)
    return is_processed

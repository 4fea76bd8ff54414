"""What moto's other services see of queues: a backend's ``queues`` are the facade's, and Lambda functions are fed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, MutableMapping
from types import SimpleNamespace
from typing import Any

from moto.sqs.exceptions import QueueDoesNotExist
from moto.sqs.models import Queue, sqs_backends

from . import calls

#: Where a backend keeps the objects that it handed out: moto hangs event source mappings on them.
_SHOWN = "queues_shown"
_KEPT = (
    "FifoQueue",
    "ContentBasedDeduplication",
    "DelaySeconds",
    "ReceiveMessageWaitTimeSeconds",
    "VisibilityTimeout",
)
#: Batches that a mapping is given for one send; a function that sends to its own queue must come to an end.
_MOST_BATCHES = 100
_MOST_RECEIVED = 10


def _shown(backend: Any) -> dict[str, Any]:
    found: dict[str, Any] = backend.__dict__.setdefault(_SHOWN, {})
    return found


class Queues(MutableMapping[str, Any]):
    """Stands for ``SQSBackend.queues``: names, and queues of moto's kind that show the facade's. Holds no messages."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def __getitem__(self, name: str) -> Any:
        at = calls.url(self._backend, name)
        shown = _shown(self._backend)
        try:
            attributes = calls.call(self._backend, "GetQueueAttributes", QueueUrl=at, AttributeNames=["All"])[
                "Attributes"
            ]
            tags = calls.call(self._backend, "ListQueueTags", QueueUrl=at).get("Tags", {})
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
        calls.call(self._backend, "DeleteQueue", QueueUrl=calls.url(self._backend, name))

    def __iter__(self) -> Iterator[str]:
        asked: dict[str, Any] = {"MaxResults": 1000}
        while True:
            page = calls.call(self._backend, "ListQueues", **asked)
            yield from [one.rpartition("/")[2] for one in page.get("QueueUrls", [])]
            if "NextToken" not in page:
                return
            asked["NextToken"] = page["NextToken"]

    def __len__(self) -> int:
        return sum(1 for _ in self)


def backend_of(queue: Any) -> Any:
    """The backend that a queue of moto's kind is of."""
    return sqs_backends[queue.account_id][queue.region]


def forget(account: str, region: str, name: str) -> None:
    """The queue was deleted, and its event source mappings feed nobody."""
    _shown(sqs_backends[account][region]).pop(name, None)


def are_fed(account: str, region: str) -> bool:
    """Whether a queue there has event source mappings."""
    return any(queue.lambda_event_source_mappings for queue in _shown(sqs_backends[account][region]).values())


def feed(account: str, region: str, name: str) -> None:
    """Lambda functions that are mapped to the queue have had its messages, as moto gives them: at once."""
    backend = sqs_backends[account][region]
    queue = _shown(backend).get(name)
    if queue is None:
        return
    for function, mapping in list(queue.lambda_event_source_mappings.items()):
        for _ in range(_MOST_BATCHES):
            if not mapping.enabled or not _fed(backend, queue, function, mapping.batch_size):
                break


def _fed(backend: Any, queue: Any, function: str, batch_size: int) -> bool:
    """Whether there was a batch, and the function took it."""
    from moto.awslambda.utils import get_backend

    at = calls.url(backend, queue.name)
    most = min(batch_size, _MOST_RECEIVED)
    found = calls.call(
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
    is_taken = bool(
        get_backend(backend.account_id, backend.region_name).send_sqs_batch(function, messages, queue.queue_arn)
    )
    for one in messages:
        handle = {"QueueUrl": at, "ReceiptHandle": one.receipt_handle}
        with contextlib.suppress(QueueDoesNotExist):  # the function may have deleted it
            if is_taken:
                calls.call(backend, "DeleteMessage", **handle)
            else:
                calls.call(backend, "ChangeMessageVisibility", VisibilityTimeout=0, **handle)
    return is_taken

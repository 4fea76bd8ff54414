"""CreateQueue, GetQueueUrl, ListQueues, DeleteQueue, PurgeQueue, ListDeadLetterSourceQueues."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated

import msgspec
import orjson

from sqs_facade import addresses, attributes, content
from sqs_facade.codecs.query import mapped
from sqs_facade.errors import SqsError, invalid
from sqs_facade.registry import Call, Shape, operation
from zaqar_core import queues
from zaqar_core.errors import PurgeInProgress, QueueNotFound
from zaqar_core.model import Queue
from zaqar_core.names import QueueRef

AttributeTexts = Annotated[dict[str, str], mapped("Name", "Value", "Attribute")]
MOST_URLS = 1000


class CreateQueue(Shape):
    queue_name: str = ""
    attributes: AttributeTexts = {}
    tags: Annotated[dict[str, str], mapped("Key", "Value", "Tag", "Tags")] = msgspec.field(
        default_factory=dict, name="tags"
    )


class QueueUrlResult(Shape):
    queue_url: str


@operation(on_queue_path=False)
def create_queue(call: Call, asked: CreateQueue) -> QueueUrlResult:
    """The queue exists with these attributes. An existing one must not differ in any attribute given."""
    name = asked.queue_name
    is_fifo_wanted = asked.attributes.get("FifoQueue", "").lower() == "true"
    if not addresses.is_name(name) or (
        name.endswith(".fifo") and "FifoQueue" in asked.attributes and not is_fifo_wanted
    ):
        raise SqsError(
            "InvalidParameterValue",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )
    if is_fifo_wanted != name.endswith(".fifo"):
        raise SqsError("InvalidParameterValue", "The name of a FIFO queue can only end with .fifo, and must.")
    ref = QueueRef(call.who.account, call.who.region, name)
    if is_fifo_wanted:
        raise SqsError("UnsupportedOperation", "FIFO queues are not available in this version.")
    wanted = attributes.check(asked.attributes, ref)
    require_target(call, wanted)
    settings = wanted.settings()
    if asked.tags:
        content.check_tags(asked.tags, name)
        settings.documents["tags"] = orjson.dumps(asked.tags)
    created = queues.create(call.session, ref, settings, creator="sqs")
    if not created.is_new:
        _require_same(created.queue, asked.attributes, wanted)
    return QueueUrlResult(call.url(ref))


def require_target(call: Call, wanted: attributes.Wanted) -> None:
    """The dead-letter queue that a RedrivePolicy names exists. Raises InvalidParameterValue."""
    if wanted.dead_letter_target is None:
        return
    try:
        queues.get(call.session, wanted.dead_letter_target)
    except QueueNotFound:
        arn = addresses.arn(wanted.dead_letter_target)
        raise SqsError(
            "InvalidParameterValue",
            f"Value {{deadLetterTargetArn={arn}}} for parameter RedrivePolicy is invalid. "
            "Reason: Dead letter target does not exist.",
        ) from None


def _require_same(queue: Queue, given: dict[str, str], wanted: attributes.Wanted) -> None:
    now = attributes.shown(queue, None)
    asked_for = attributes.shown(
        Queue(queue.ref, b"", queue.creator, queue.created_ms, queue.modified_ms, 0, wanted.settings()), None
    )
    for name in given:
        if now.get(name) != asked_for.get(name):
            raise SqsError(
                "QueueNameExists",
                f"A queue already exists with the same name and a different value for attribute {name}",
            )


class GetQueueUrl(Shape):
    queue_name: str = ""
    owner_account: str | None = msgspec.field(default=None, name="QueueOwnerAWSAccountId")


@operation()
def get_queue_url(call: Call, asked: GetQueueUrl) -> QueueUrlResult:
    """The URL of a queue that exists. Raises QueueDoesNotExist."""
    if not addresses.is_addressed(asked.queue_name):
        raise QueueNotFound
    ref = QueueRef(asked.owner_account or call.who.account, call.who.region, asked.queue_name)
    queues.get(call.session, ref)
    return QueueUrlResult(call.url(ref))


class ListQueues(Shape):
    queue_name_prefix: str = ""
    max_results: int | None = None
    next_token: str | None = None


class ListQueuesResult(Shape):
    queue_urls: list[str] = []
    next_token: str | None = None


@operation(on_queue_path=False)
def list_queues(call: Call, asked: ListQueues) -> ListQueuesResult:
    """URLs in the order of names. Without MaxResults at most 1000, and never a NextToken."""
    most = _page(asked.max_results)
    names = queues.names(
        call.session,
        call.who.account,
        call.who.region,
        prefix=asked.queue_name_prefix,
        after=_after(asked.next_token),
        limit=most + 1 if asked.max_results is not None else most,
    )
    urls = [call.url(QueueRef(call.who.account, call.who.region, name)) for name in names[:most]]
    return ListQueuesResult(urls, _token(names[most - 1]) if len(names) > most else None)


def _page(most: int | None) -> int:
    if most is not None and not 1 <= most <= MOST_URLS:
        raise invalid(most, "MaxResults", f"Must be between 1 and {MOST_URLS}.")
    return most or MOST_URLS


def _token(name: str) -> str:
    return urlsafe_b64encode(name.encode()).decode()


def _after(token: str | None) -> str:
    if not token:
        return ""
    try:
        return urlsafe_b64decode(token.encode()).decode()
    except ValueError:
        raise SqsError("InvalidParameterValue", "Invalid or expired next token.") from None


class OfQueue(Shape):
    """Input of the operations that name a queue and nothing else."""

    queue_url: str | None = None


@operation()
def delete_queue(call: Call, asked: OfQueue) -> None:
    """The queue and its messages are gone. Raises QueueDoesNotExist."""
    queues.delete(call.session, call.queue(asked.queue_url))


@operation()
def purge_queue(call: Call, asked: OfQueue) -> None:
    """Every message is gone. Raises QueueDoesNotExist, PurgeQueueInProgress."""
    ref = call.queue(asked.queue_url)
    try:
        queues.purge_all(call.session, ref)
    except PurgeInProgress:
        raise SqsError(
            "PurgeQueueInProgress", f"Only one PurgeQueue operation on {ref.name} is allowed every 60 seconds."
        ) from None


class ListSources(Shape):
    queue_url: str | None = None
    max_results: int | None = None
    next_token: str | None = None


class ListSourcesResult(Shape):
    queue_urls: list[str] = msgspec.field(default_factory=list, name="queueUrls")
    next_token: str | None = None


@operation()
def list_dead_letter_source_queues(call: Call, asked: ListSources) -> ListSourcesResult:
    """Queues whose RedrivePolicy names this one, in the order of names. Raises QueueDoesNotExist."""
    target = call.queue(asked.queue_url)
    queues.get(call.session, target)
    most, after = _page(asked.max_results), _after(asked.next_token)
    found: list[str] = []
    while True:
        names = queues.names(call.session, target.project, target.region, after=after, limit=MOST_URLS)
        for queue in queues.get_many(call.session, [target.sibling(name) for name in names]):
            if (
                queue is not None
                and queue.settings.dead_letter_queue == target.name
                and queue.settings.max_receive_count
            ):
                if len(found) == most:
                    return ListSourcesResult([call.url(target.sibling(name)) for name in found], _token(found[-1]))
                found.append(queue.ref.name)
        if len(names) < MOST_URLS:
            return ListSourcesResult([call.url(target.sibling(name)) for name in found])
        after = names[-1]

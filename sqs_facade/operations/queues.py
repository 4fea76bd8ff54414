"""CreateQueue, GetQueueUrl, ListQueues, DeleteQueue, PurgeQueue, ListDeadLetterSourceQueues."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Annotated

import msgspec
import orjson

from sqs_facade import addresses, attributes, bounds, content, redrive
from sqs_facade.codecs.query import mapped
from sqs_facade.errors import SqsError
from sqs_facade.registry import OF_A_QUEUE, QueueUrl, Shape, SqsCall, operation
from zaqar_core.core import queues
from zaqar_core.core.session import Session
from zaqar_core.domain import limits
from zaqar_core.domain.errors import PurgeInProgress, QueueDeletedRecently, QueueNotFound
from zaqar_core.domain.model import Queue, QueueSettings
from zaqar_core.domain.names import QueueRef

AttributeTexts = Annotated[dict[str, str], mapped("Name", "Value", "Attribute", limits="see the table of attributes")]
QueueName = Annotated[str, bounds.QUEUE_NAME]
Page = Annotated[int, bounds.PAGE.meta]
Token = Annotated[str, bounds.described("NextToken of the previous page")]


class CreateQueue(Shape):
    queue_name: QueueName = ""
    attributes: AttributeTexts = {}
    tags: Annotated[dict[str, str], mapped("Key", "Value", "Tag", "Tags", limits=content.TAG_LIMITS)] = msgspec.field(
        default_factory=dict, name="tags"
    )


class QueueUrlResult(Shape):
    queue_url: str


@operation(
    raises=("QueueNameExists", "QueueDeletedRecently", "InvalidAttributeName", "InvalidAttributeValue", "OverLimit"),
    on_queue_path=False,
)
def create_queue(call: SqsCall, parameters: CreateQueue) -> QueueUrlResult:
    """Create a queue, or return the URL of an existing one if none of the given attributes differs."""
    name = parameters.queue_name
    check_name(name, parameters.attributes)
    ref = QueueRef(call.caller.account, call.caller.region, name)
    created, wanted = create(call.session, ref, parameters.attributes, parameters.tags)
    if not created.is_new:
        _require_same(created.queue, parameters.attributes, wanted)
    return QueueUrlResult(call.url(ref))


def create(
    session: Session,
    ref: QueueRef,
    given: Mapping[str, str],
    tags: Mapping[str, str],
    *,
    also: QueueSettings | None = None,
    flavor: str | None = None,
) -> tuple[queues.Created, attributes.Wanted]:
    """Create the queue with attributes and tags unless it exists; return it with the checked attributes.

    ``also`` are settings that SQS has no attributes for. Does not check the name. Raises SqsError.
    """
    wanted = attributes.check(given, ref, session.settings)
    wanted.require_scope(QueueSettings())
    wanted.require_key(has_key=session.keyring.can_seal)
    if tags:
        content.check_tags(tags, ref.name)
    if wanted.redrive is not None:
        redrive.require_target(session, wanted.redrive_policy, ref, wanted.redrive)
    settings = wanted.settings()
    if tags:
        settings.documents["tags"] = orjson.dumps(tags)
    if also is not None:
        settings = settings.with_all_of(also)
    try:
        return queues.create(session, ref, settings, creator="sqs", flavor=flavor), wanted
    except QueueDeletedRecently:
        seconds = session.settings.recreate_delay_seconds
        raise SqsError(
            "QueueDeletedRecently",
            f"You must wait {seconds} seconds after deleting a queue before you can create another with the same name.",
        ) from None


_LENGTH = f"1 to {limits.QUEUE_NAME_CHARACTERS} in length"


def check_name(name: str, given: Mapping[str, str]) -> None:
    """Check a queue name: with FifoQueue it must end in ``.fifo``, and only then. Raises InvalidParameterValue."""
    is_fifo_wanted = given.get("FifoQueue", "").lower() == "true"
    if addresses.is_name(name) and is_fifo_wanted == name.endswith(".fifo"):
        return
    if is_fifo_wanted:
        raise SqsError(
            "InvalidParameterValue",
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
            f"must end with .fifo suffix and be {_LENGTH}.",
        )
    raise SqsError(
        "InvalidParameterValue", f"Can only include alphanumeric characters, hyphens, or underscores. {_LENGTH}"
    )


def _require_same(queue: Queue, given: dict[str, str], wanted: attributes.Wanted) -> None:
    now = attributes.shown(queue, None)
    requested = attributes.shown(
        Queue(queue.ref, b"", queue.creator, queue.created_ms, queue.modified_ms, 0, wanted.settings()), None
    )
    for name in given:
        if now.get(name) != requested.get(name):
            raise SqsError(
                "QueueNameExists",
                f"A queue already exists with the same name and a different value for attribute {name}",
            )


class GetQueueUrl(Shape):
    queue_name: QueueName = ""
    owner_account: Annotated[str, bounds.described("12 digits")] | None = msgspec.field(
        default=None, name="QueueOwnerAWSAccountId"
    )


@operation(raises=("QueueDoesNotExist",))
def get_queue_url(call: SqsCall, parameters: GetQueueUrl) -> QueueUrlResult:
    """Return the URL of an existing queue. Raises QueueDoesNotExist."""
    if not parameters.queue_name:
        raise SqsError(
            "InvalidParameterValue", "Value for parameter QueueName is invalid. Reason: Must specify a queue name."
        )
    account = parameters.owner_account or call.caller.account
    if not addresses.is_addressed(parameters.queue_name) or not addresses.is_account(account):
        raise QueueNotFound
    ref = QueueRef(account, call.caller.region, parameters.queue_name)
    queues.get(call.session, ref)
    return QueueUrlResult(call.url(ref))


class ListQueues(Shape):
    queue_name_prefix: str = ""
    max_results: Page | None = None
    next_token: Token | None = None


class ListQueuesResult(Shape):
    queue_urls: list[str] = []
    next_token: str | None = None


@operation(on_queue_path=False)
def list_queues(call: SqsCall, parameters: ListQueues) -> ListQueuesResult:
    """List the URLs of queues, sorted by name. Without MaxResults, return the largest page and no NextToken."""
    most = _page(parameters.max_results)
    names = queues.names(
        call.session,
        call.caller.account,
        call.caller.region,
        prefix=parameters.queue_name_prefix,
        after=_after(parameters.next_token),
        limit=most + 1 if parameters.max_results is not None else most,
    )
    urls = [call.url(QueueRef(call.caller.account, call.caller.region, name)) for name in names[:most]]
    return ListQueuesResult(urls, _token(names[most - 1]) if len(names) > most else None)


def _page(most: int | None) -> int:
    if most is None:
        return bounds.PAGE.most
    bounds.PAGE.check(most)
    return most


def _token(name: str) -> str:
    return urlsafe_b64encode(name.encode()).decode()


def _after(token: str | None) -> str:
    if not token:
        return ""
    try:
        return b64decode(token.encode(), b"-_", validate=True).decode()
    except ValueError:
        raise SqsError("InvalidParameterValue", "Invalid or expired next token.") from None


class OfQueue(Shape):
    """Input of the operations whose only parameter is a queue."""

    queue_url: QueueUrl | None = None


@operation(raises=OF_A_QUEUE)
def delete_queue(call: SqsCall, parameters: OfQueue) -> None:
    """Delete a queue with its messages. Raises QueueDoesNotExist."""
    queues.delete(call.session, call.queue(parameters.queue_url))


@operation(raises=(*OF_A_QUEUE, "PurgeQueueInProgress"))
def purge_queue(call: SqsCall, parameters: OfQueue) -> None:
    """Delete every message of a queue. Raises QueueDoesNotExist."""
    ref = call.queue(parameters.queue_url)
    try:
        queues.purge_all(call.session, ref)
    except PurgeInProgress:
        seconds = call.session.settings.purge_interval_seconds
        raise SqsError(
            "PurgeQueueInProgress",
            f"Only one PurgeQueue operation on {ref.name} is allowed every {seconds} seconds.",
        ) from None


class ListSources(Shape):
    queue_url: QueueUrl | None = None
    max_results: Page | None = None
    next_token: Token | None = None


class ListSourcesResult(Shape):
    queue_urls: list[str] = msgspec.field(default_factory=list, name="queueUrls")
    next_token: str | None = None


@operation(raises=OF_A_QUEUE)
def list_dead_letter_source_queues(call: SqsCall, parameters: ListSources) -> ListSourcesResult:
    """List the queues whose RedrivePolicy names this queue, sorted by name. Raises QueueDoesNotExist."""
    target = call.queue(parameters.queue_url)
    queues.get(call.session, target)
    most, after = _page(parameters.max_results), _after(parameters.next_token)
    found: list[str] = []
    while True:
        names = queues.names(call.session, target.project, target.region, after=after, limit=bounds.PAGE.most)
        for queue in queues.get_many(call.session, [target.sibling(name) for name in names]):
            if (
                queue is not None
                and queue.settings.dead_letter_queue == target.name
                and queue.settings.max_receive_count
            ):
                if len(found) == most:
                    return ListSourcesResult([call.url(target.sibling(name)) for name in found], _token(found[-1]))
                found.append(queue.ref.name)
        if len(names) < bounds.PAGE.most:
            return ListSourcesResult([call.url(target.sibling(name)) for name in found])
        after = names[-1]

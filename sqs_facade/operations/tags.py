"""TagQueue, UntagQueue, ListQueueTags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import orjson

from sqs_facade import content
from sqs_facade.codecs.query import listed, mapped
from sqs_facade.errors import SqsError, missing
from sqs_facade.operations.queues import OfQueue
from sqs_facade.registry import OF_A_QUEUE, QueueUrl, Shape, SqsCall, operation
from zaqar_core.core import queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Queue, SettingsChange
from zaqar_core.domain.names import QueueRef


class TagQueue(Shape):
    queue_url: QueueUrl | None = None
    tags: Annotated[dict[str, str], mapped("Key", "Value", "Tag", "Tags", limits=content.TAG_LIMITS)] = {}


class UntagQueue(Shape):
    queue_url: QueueUrl | None = None
    tag_keys: Annotated[list[str], listed("TagKey")] = []


class Tags(Shape):
    tags: dict[str, str] = {}


def of_queue(queue: Queue) -> dict[str, str]:
    """Return the tags of a queue."""
    found: dict[str, str] = orjson.loads(queue.settings.documents.get("tags", b"{}"))
    return found


@operation(raises=(*OF_A_QUEUE, "MissingParameter"))
def tag_queue(call: SqsCall, parameters: TagQueue) -> None:
    """Set tags of a queue, replacing the values of existing keys. Too many tags are refused, and nothing changes."""
    ref = call.queue(parameters.queue_url)
    if not parameters.tags:
        raise missing("Tags")
    put(call.session, ref, parameters.tags)


def put(session: Session, ref: QueueRef, given: Mapping[str, str]) -> None:
    """Set tags of a queue; its other tags stay. Raises SqsError, QueueNotFound."""

    def edit(queue: Queue) -> SettingsChange:
        tags = {**of_queue(queue), **given}
        content.check_tags(tags, ref.name)
        return SettingsChange(documents={"tags": orjson.dumps(tags)})

    queues.revise(session, ref, edit)


@operation(raises=OF_A_QUEUE)
def untag_queue(call: SqsCall, parameters: UntagQueue) -> None:
    """Remove the tags with these keys. Unknown keys are ignored."""
    ref = call.queue(parameters.queue_url)
    if not parameters.tag_keys:
        raise SqsError("InvalidParameterValue", content.TAG_KEYS)
    gone = frozenset(parameters.tag_keys)

    def edit(queue: Queue) -> SettingsChange:
        tags = {key: value for key, value in of_queue(queue).items() if key not in gone}
        return SettingsChange(documents={"tags": orjson.dumps(tags) if tags else None})

    queues.revise(call.session, ref, edit)


@operation(raises=OF_A_QUEUE)
def list_queue_tags(call: SqsCall, parameters: OfQueue) -> Tags:
    """Return all tags of a queue."""
    return Tags(of_queue(queues.get(call.session, call.queue(parameters.queue_url))))

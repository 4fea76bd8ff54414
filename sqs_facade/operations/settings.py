"""GetQueueAttributes, SetQueueAttributes."""

from __future__ import annotations

from typing import Annotated

from sqs_facade import attributes
from sqs_facade.codecs.query import listed
from sqs_facade.errors import missing
from sqs_facade.operations.queues import AttributeTexts, require_target
from sqs_facade.registry import Call, Shape, operation
from zaqar_core import queues
from zaqar_core.model import SettingsChange


class GetQueueAttributes(Shape):
    queue_url: str | None = None
    attribute_names: Annotated[list[str], listed("AttributeName")] = []


class Attributes(Shape):
    attributes: dict[str, str] = {}


@operation()
def get_queue_attributes(call: Call, asked: GetQueueAttributes) -> Attributes:
    """Those asked for that the queue has. Its cost does not depend on the number of messages."""
    queue, counts = queues.get_with_counts(call.session, call.queue(asked.queue_url))
    return Attributes(attributes.select(attributes.shown(queue, counts), asked.attribute_names))


class SetQueueAttributes(Shape):
    queue_url: str | None = None
    attributes: AttributeTexts = {}


@operation()
def set_queue_attributes(call: Call, asked: SetQueueAttributes) -> None:
    """All attributes given are set, or none. An empty value takes an attribute away."""
    ref = call.queue(asked.queue_url)
    if not asked.attributes:
        raise missing("Attribute.Name")
    wanted = attributes.check(asked.attributes, ref)
    require_target(call, wanted)
    queues.change(
        call.session,
        ref,
        SettingsChange(
            set={name: value for name, value in wanted.numbers.items() if value is not None},
            unset=frozenset(name for name, value in wanted.numbers.items() if value is None),
            documents=wanted.documents,
        ),
    )

"""GetQueueAttributes, SetQueueAttributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from sqs_facade import attributes, redrive
from sqs_facade.codecs.query import listed
from sqs_facade.errors import missing
from sqs_facade.operations.queues import AttributeTexts
from sqs_facade.registry import OF_A_QUEUE, QueueUrl, Shape, SqsCall, operation
from zaqar_core.core import queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Queue, SettingsChange
from zaqar_core.domain.names import QueueRef


class GetQueueAttributes(Shape):
    queue_url: QueueUrl | None = None
    attribute_names: Annotated[list[str], listed("AttributeName", "`All`, or names of the table of attributes")] = []


class Attributes(Shape):
    attributes: dict[str, str] = {}


@operation(raises=(*OF_A_QUEUE, "InvalidAttributeName"))
def get_queue_attributes(call: SqsCall, parameters: GetQueueAttributes) -> Attributes:
    """Return the requested attributes of a queue. The cost does not depend on the number of messages."""
    queue, counts = queues.get_with_counts(call.session, call.queue(parameters.queue_url))
    return Attributes(attributes.select(attributes.shown(queue, counts), parameters.attribute_names))


class SetQueueAttributes(Shape):
    queue_url: QueueUrl | None = None
    attributes: AttributeTexts = {}


@operation(raises=(*OF_A_QUEUE, "MissingParameter", "InvalidAttributeName", "InvalidAttributeValue", "OverLimit"))
def set_queue_attributes(call: SqsCall, parameters: SetQueueAttributes) -> None:
    """Set all given attributes, or none if one is wrong. An empty value removes an attribute."""
    ref = call.queue(parameters.queue_url)
    if not parameters.attributes:
        raise missing("Attribute.Name")
    assign(call.session, ref, parameters.attributes)


def assign(session: Session, ref: QueueRef, given: Mapping[str, str]) -> None:
    """Set all given attributes of a queue, or none if one is wrong. Raises SqsError, QueueNotFound."""
    wanted = attributes.check(given, ref, session.settings)
    wanted.require_key(has_key=session.keyring.can_seal)
    if wanted.redrive is not None:
        redrive.require_target(session, wanted.redrive_policy, ref, wanted.redrive)
    if not wanted.depends_on_the_queue:
        queues.change(session, ref, wanted.change())
        return

    def edit(queue: Queue) -> SettingsChange:
        wanted.require_scope(queue.settings)
        return wanted.change()

    queues.revise(session, ref, edit)

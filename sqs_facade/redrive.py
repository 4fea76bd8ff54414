"""RedrivePolicy and RedriveAllowPolicy: the dead-letter queue of a queue, and the queues that may choose it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from sqs_facade import addresses
from sqs_facade.errors import SqsError, invalid
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues
from zaqar_core.core.session import Session
from zaqar_core.domain import limits
from zaqar_core.domain.digits import whole_number
from zaqar_core.domain.errors import QueueNotFound
from zaqar_core.domain.model import Queue
from zaqar_core.domain.names import QueueRef

ALLOW_DOCUMENT = "redrive_allow_policy"
_ALLOW_MEMBERS = {"redrivePermission", "sourceQueueArns"}
PERMISSIONS = ("allowAll", "denyAll", "byQueue")


class Redrive(NamedTuple):
    """A checked RedrivePolicy."""

    target: QueueRef
    max_receive_count: int


def _refused(parameter: str, value: str, reason: str) -> SqsError:
    return invalid(value, parameter, reason)


def _map(value: str) -> dict[str, Any] | None:
    """Parse a JSON map; return None for any other text."""
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def policy(value: str, source: QueueRef, settings: Settings) -> Redrive:
    """Parse and check the RedrivePolicy of a queue, without access to the store.

    Raises SqsError InvalidParameterValue.
    """
    document = _map(value)
    if document is None:
        raise _refused("RedrivePolicy", value, "Redrive policy is not a valid JSON map.")
    for name in ("maxReceiveCount", "deadLetterTargetArn"):
        if name not in document:
            reason = f"Redrive policy does not contain mandatory attribute: {name}."
            raise _refused("RedrivePolicy", value, reason)
    if len(document) > 2:
        reason = "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount]."
        raise _refused("RedrivePolicy", value, reason)
    given = count = document["maxReceiveCount"]
    if isinstance(count, str):
        count = whole_number(count, most=9)
    least, most = limits.RECEIVE_COUNT
    if not isinstance(count, int) or isinstance(count, bool) or not least <= count <= most:
        reason = f"Invalid value for maxReceiveCount: {given}, valid values are from {least} to {most} both inclusive."
        raise _refused("RedrivePolicy", value, reason)
    target = addresses.of_arn(str(document["deadLetterTargetArn"]), settings)
    if target is None:
        raise _refused("RedrivePolicy", value, "Invalid value for deadLetterTargetArn.")
    if target.region != source.region:
        raise _refused("RedrivePolicy", value, "Dead-letter target must be in same region as the source.")
    if target.project != source.project:
        raise _refused("RedrivePolicy", value, "Dead-letter target owner should be same as the source.")
    if target.is_fifo != source.is_fifo:
        raise _refused("RedrivePolicy", value, "Dead-letter queue must be same type of queue as the source.")
    return Redrive(target, count)


def require_target(session: Session, value: str, source: QueueRef, wanted: Redrive) -> None:
    """Check that the dead-letter queue exists and that its RedriveAllowPolicy allows the source.

    ``value`` is the policy as it was given, for the error text. Raises SqsError InvalidParameterValue.
    """
    try:
        target = queues.get(session, wanted.target)
    except QueueNotFound:
        raise _refused("RedrivePolicy", value, "Dead letter target does not exist.") from None
    if not _allows(target, source, session.settings):
        reason = "The dead letter target's RedriveAllowPolicy does not allow this source queue."
        raise _refused("RedrivePolicy", value, reason)


def check_allow_policy(value: str, settings: Settings) -> None:
    """Check a RedriveAllowPolicy.

    Raises SqsError: InvalidAttributeValue for an unsupported format, InvalidParameterValue for members that contradict
    each other.
    """
    document = _map(value)
    if document is None or not document.keys() <= _ALLOW_MEMBERS:
        raise _no_allow_format()
    permission, sources = document.get("redrivePermission"), document.get("sourceQueueArns")
    if permission not in PERMISSIONS or not isinstance(sources, list | None):
        raise _no_allow_format()
    if not all(isinstance(arn, str) and addresses.of_arn(arn, settings) for arn in sources or ()):
        raise _no_allow_format()
    reason = ""
    if permission != "byQueue":
        if sources:
            reason = "To specify one or more source queue ARNs, you must set redrivePermission to byQueue."
    elif not sources:
        reason = (
            "When you specify the byQueue permission type, you must also specify one or more sourceQueueArns values."
        )
    elif len(sources) > limits.SOURCE_QUEUES:
        reason = f"The maximum number of source queue ARNs you can specify is {limits.SOURCE_QUEUES}."
    if reason:
        raise _refused("RedriveAllowPolicy", value, f"Amazon SQS can't create the redrive allow policy. {reason}")


def _no_allow_format() -> SqsError:
    reason = "Amazon SQS can't create the redrive allow policy, as it’s in an unsupported format."  # noqa: RUF001 - AWS's own spelling
    return SqsError("InvalidAttributeValue", f"Invalid value for the parameter RedriveAllowPolicy. Reason: {reason}")


def _allows(target: Queue, source: QueueRef, settings: Settings) -> bool:
    text = target.settings.documents.get(ALLOW_DOCUMENT)
    if text is None:
        return True
    document: Mapping[str, Any] = orjson.loads(text)
    match document.get("redrivePermission"):
        case "denyAll":
            return False
        case "byQueue":
            return source in [addresses.of_arn(arn, settings) for arn in document["sourceQueueArns"]]
    return True


def shown(queue: Queue) -> str | None:
    """Return the RedrivePolicy of a queue as JSON; None if it has none, or only one of Zaqar's two settings for it."""
    settings = queue.settings
    if not settings.dead_letter_queue or not settings.max_receive_count:
        return None
    arn = addresses.arn(queue.ref.sibling(settings.dead_letter_queue))
    return orjson.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": settings.max_receive_count}).decode()

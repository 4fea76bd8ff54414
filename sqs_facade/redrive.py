"""RedrivePolicy and RedriveAllowPolicy: which queue takes another's dead letters, and which queues it lets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from sqs_facade import addresses
from sqs_facade.errors import SqsError, invalid
from zaqar_core import queues
from zaqar_core.core import Session
from zaqar_core.errors import QueueNotFound
from zaqar_core.model import Queue
from zaqar_core.names import QueueRef
from zaqar_core.settings import Settings

ALLOW_DOCUMENT = "redrive_allow_policy"
MOST_RECEIVES = 1000
MOST_SOURCES = 10
PERMISSIONS = ("allowAll", "denyAll", "byQueue")


class Redrive(NamedTuple):
    """A checked RedrivePolicy."""

    target: QueueRef
    max_receive_count: int


def _refused(parameter: str, value: str, reason: str) -> SqsError:
    return invalid(value, parameter, reason)


def _document(parameter: str, value: str) -> dict[str, Any]:
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise _refused(parameter, value, "Redrive policy is not a valid JSON map.")
    return document


def policy(value: str, source: QueueRef, settings: Settings) -> Redrive:
    """What a RedrivePolicy of that queue says. Raises InvalidParameterValue; looks nothing up."""
    document = _document("RedrivePolicy", value)
    for name in ("deadLetterTargetArn", "maxReceiveCount"):
        if name not in document:
            reason = f"Redrive policy does not contain mandatory attribute: {name}."
            raise _refused("RedrivePolicy", value, reason)
    count = document["maxReceiveCount"]
    if isinstance(count, str) and count.isascii() and count.isdigit() and len(count) < 10:
        count = int(count)
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MOST_RECEIVES:
        reason = f"Invalid value for maxReceiveCount: must be from 1 to {MOST_RECEIVES}."
        raise _refused("RedrivePolicy", value, reason)
    target = addresses.of_arn(str(document["deadLetterTargetArn"]), settings)
    if target is None:
        raise _refused("RedrivePolicy", value, "Invalid value for deadLetterTargetArn.")
    if (target.project, target.region) != (source.project, source.region):
        reason = "The dead-letter queue must be in the same account and region."
        raise _refused("RedrivePolicy", value, reason)
    if target.is_fifo != source.is_fifo:
        raise _refused("RedrivePolicy", value, "Dead-letter queue must be same type of queue as the source.")
    return Redrive(target, count)


def require_target(session: Session, value: str, source: QueueRef, wanted: Redrive) -> None:
    """The dead-letter queue exists and its RedriveAllowPolicy lets that source. Raises InvalidParameterValue."""
    try:
        target = queues.get(session, wanted.target)
    except QueueNotFound:
        raise _refused("RedrivePolicy", value, "Dead letter target does not exist.") from None
    if not _allows(target, source, session.settings):
        reason = "The dead letter target's RedriveAllowPolicy does not allow this source queue."
        raise _refused("RedrivePolicy", value, reason)


def check_allow_policy(value: str, settings: Settings) -> None:
    """A RedriveAllowPolicy that can work. Raises InvalidParameterValue."""
    document = _document("RedriveAllowPolicy", value)
    permission, sources = document.get("redrivePermission"), document.get("sourceQueueArns")
    if permission not in PERMISSIONS:
        raise _refused("RedriveAllowPolicy", value, f"redrivePermission must be one of {', '.join(PERMISSIONS)}.")
    if permission != "byQueue":
        if sources is not None:
            raise _refused("RedriveAllowPolicy", value, "sourceQueueArns can be given only with byQueue.")
        return
    if not isinstance(sources, list) or not 1 <= len(sources) <= MOST_SOURCES:
        raise _refused("RedriveAllowPolicy", value, f"byQueue needs 1 to {MOST_SOURCES} sourceQueueArns.")
    if not all(isinstance(arn, str) and addresses.of_arn(arn, settings) for arn in sources):
        raise _refused("RedriveAllowPolicy", value, "sourceQueueArns must be ARNs of queues.")


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
    """The queue's RedrivePolicy as it reads back, None where it has none (or only Zaqar's half of one)."""
    settings = queue.settings
    if not settings.dead_letter_queue or not settings.max_receive_count:
        return None
    arn = addresses.arn(queue.ref.sibling(settings.dead_letter_queue))
    return orjson.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": settings.max_receive_count}).decode()

"""The catalogue of queue attributes: bounds, defaults, where each is kept, and how it reads back.

Numbers are kept in the settings both dialects share; documents are SQS's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from sqs_facade import addresses
from sqs_facade.content import is_text
from sqs_facade.errors import SqsError
from zaqar_core import limits
from zaqar_core.model import Counts, Queue, QueueSettings
from zaqar_core.names import QueueRef


class Number(NamedTuple):
    """An attribute that is a whole number. ``default`` None: it depends on who made the queue."""

    field: str
    least: int
    most: int
    default: int | None


NUMBERS: dict[str, Number] = {
    "DelaySeconds": Number("delay_seconds", 0, 900, 0),
    "MaximumMessageSize": Number("max_message_bytes", 1024, limits.MESSAGE_BYTES, limits.MESSAGE_BYTES),
    "MessageRetentionPeriod": Number("retention_seconds", 60, 1_209_600, None),
    "ReceiveMessageWaitTimeSeconds": Number("receive_wait_seconds", 0, 20, 0),
    "VisibilityTimeout": Number("visibility_timeout_seconds", 0, 43_200, 30),
}
#: Attribute -> name of its document.
DOCUMENTS = {
    "Policy": "policy",
    "RedriveAllowPolicy": "redrive_allow_policy",
    "KmsMasterKeyId": "kms_key",
    "KmsDataKeyReusePeriodSeconds": "kms_reuse",
    "SqsManagedSseEnabled": "sse",
}
COUNTED = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)
READ_ONLY = (*COUNTED, "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn")
ONLY_FIFO = ("FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit")
NAMES = frozenset({*NUMBERS, *DOCUMENTS, *READ_ONLY, *ONLY_FIFO, "RedrivePolicy", "All"})

_KMS_REUSE_DEFAULT = "300"
_FLAGS = {"true": "true", "false": "false"}


@dataclass(slots=True)
class Wanted:
    """Attributes as a client gave them, checked. None in a map means: take it away."""

    numbers: dict[str, int | str | None] = field(default_factory=dict)
    documents: dict[str, bytes | None] = field(default_factory=dict)
    dead_letter_target: QueueRef | None = None

    def settings(self) -> QueueSettings:
        """As the settings of a new queue."""
        numbers = {name: value for name, value in self.numbers.items() if value is not None}
        documents = {name: value for name, value in self.documents.items() if value is not None}
        return QueueSettings(**numbers, documents=documents)  # type: ignore[arg-type] # names come from the tables


def unknown(name: str) -> SqsError:
    return SqsError("InvalidAttributeName", f"Unknown Attribute {name}.")


def _invalid(name: str, reason: str = "") -> SqsError:
    return SqsError("InvalidAttributeValue", f"Invalid value for the parameter {name}.{reason and ' Reason: '}{reason}")


def check(given: Mapping[str, str], ref: QueueRef) -> Wanted:
    """Names and values, in the order given. Raises SqsError."""
    wanted = Wanted()
    for name, value in given.items():
        if name not in NAMES or name in READ_ONLY or name == "All":
            raise unknown(name)
        if name in NUMBERS:
            wanted.numbers[NUMBERS[name].field] = _number(name, value)
        elif name == "RedrivePolicy":
            _redrive(value, ref, wanted)
        elif name in ONLY_FIFO:
            _only_fifo(name)
        else:
            wanted.documents[DOCUMENTS[name]] = _document(name, value)
    _one_encryption(given, wanted)
    return wanted


def _number(name: str, value: str) -> int | None:
    spec = NUMBERS[name]
    if value == "":
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 10 and spec.least <= int(value) <= spec.most):
        raise _invalid(name)
    return int(value)


def _only_fifo(name: str) -> None:
    if name in ("DeduplicationScope", "FifoThroughputLimit"):
        raise SqsError("InvalidAttributeName", f"You can specify the {name} only when FifoQueue is set to true.")
    raise unknown(name)


def _document(name: str, value: str) -> bytes | None:
    if value == "":
        return None
    if not is_text(value):
        raise _invalid(name)
    if name == "SqsManagedSseEnabled":
        flag = _FLAGS.get(value.lower())
        if flag is None:
            raise _invalid(name)
        return flag.encode()
    if name == "KmsDataKeyReusePeriodSeconds":
        if not (value.isascii() and value.isdigit() and len(value) <= 9 and 60 <= int(value) <= 86_400):
            raise _invalid(name)
        return None if value == _KMS_REUSE_DEFAULT else value.encode()
    if name in ("Policy", "RedriveAllowPolicy"):
        try:
            document = orjson.loads(value)
        except orjson.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            raise _invalid(name, "It must be a JSON object.")
        statements = document.get("Statement", [])
        if name == "Policy" and not all(
            isinstance(one, dict) for one in (statements if isinstance(statements, list) else [statements])
        ):
            raise _invalid(name, "Its statements must be JSON objects.")
    return value.encode()


def _redrive(value: str, ref: QueueRef, wanted: Wanted) -> None:
    if value == "":
        wanted.numbers |= {"dead_letter_queue": None, "max_receive_count": None}
        return
    problem = f"Value {value} for parameter RedrivePolicy is invalid. Reason: "
    try:
        policy = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise SqsError("InvalidParameterValue", problem + "Redrive policy is not a valid JSON map.") from None
    if not isinstance(policy, dict):
        raise SqsError("InvalidParameterValue", problem + "Redrive policy is not a valid JSON map.")
    for name in ("deadLetterTargetArn", "maxReceiveCount"):
        if name not in policy:
            raise SqsError(
                "InvalidParameterValue", problem + f"Redrive policy does not contain mandatory attribute: {name}."
            )
    count = policy["maxReceiveCount"]
    if isinstance(count, str) and count.isascii() and count.isdigit() and len(count) < 10:
        count = int(count)
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= 1000:
        raise SqsError("InvalidParameterValue", problem + "Invalid value for maxReceiveCount: must be from 1 to 1000.")
    target = addresses.of_arn(str(policy["deadLetterTargetArn"]))
    if target is None:
        raise SqsError("InvalidParameterValue", problem + "Invalid value for deadLetterTargetArn.")
    if (target.project, target.region) != (ref.project, ref.region):
        reason = "The dead-letter queue must be in the same account and region."
        raise SqsError("InvalidParameterValue", problem + reason)
    wanted.dead_letter_target = target
    wanted.numbers |= {"dead_letter_queue": target.name, "max_receive_count": count}


def _one_encryption(given: Mapping[str, str], wanted: Wanted) -> None:
    if given.get("KmsMasterKeyId"):
        if given.get("SqsManagedSseEnabled", "").lower() == "true":
            raise SqsError(
                "InvalidAttributeName",
                "You can use one type of server-side encryption (SSE) at one time. "
                "You can either enable KMS SSE or SQS SSE.",
            )
        wanted.documents["sse"] = b"false"
    elif wanted.documents.get("sse") == b"true":
        wanted.documents["kms_key"] = None


def shown(queue: Queue, counts: Counts | None) -> dict[str, str]:
    """Every attribute that the queue has, in AWS's order of names; counts only where given."""
    settings = queue.settings
    keep = queue.default_retention_seconds
    found: dict[str, str] = {}
    if counts is not None:
        numbers = (counts.visible, counts.delayed, counts.in_flight)
        found.update(zip(COUNTED, map(str, numbers), strict=True))
    found["CreatedTimestamp"] = str(queue.created_ms // 1000)
    for name, spec in NUMBERS.items():
        value = getattr(settings, spec.field)
        found[name] = str(value if value is not None else keep if spec.default is None else spec.default)
    found["LastModifiedTimestamp"] = str(queue.modified_ms // 1000)
    found["QueueArn"] = addresses.arn(queue.ref)
    for name, document in DOCUMENTS.items():
        if document in settings.documents:
            found[name] = settings.documents[document].decode()
    found.setdefault("SqsManagedSseEnabled", "true")
    if settings.dead_letter_queue and settings.max_receive_count:
        target = addresses.arn(queue.ref.sibling(settings.dead_letter_queue))
        policy = {"deadLetterTargetArn": target, "maxReceiveCount": settings.max_receive_count}
        found["RedrivePolicy"] = orjson.dumps(policy).decode()
    return dict(sorted(found.items()))


def select(found: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Those asked for. Raises InvalidAttributeName for one that does not exist."""
    wanted = list(names)
    for name in wanted:
        if name not in NAMES:
            raise unknown(name)
    if "All" in wanted:
        return dict(found)
    return {name: found[name] for name in wanted if name in found}

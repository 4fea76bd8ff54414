"""The table of queue attributes: bounds, defaults, the field that stores each, and how it is returned.

Numbers are stored in the queue settings that both faces share; documents belong to SQS alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from sqs_facade import addresses, redrive
from sqs_facade.content import is_text
from sqs_facade.errors import SqsError
from zaqar_core.access import policies
from zaqar_core.access.errors import PolicyInvalid
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain import limits
from zaqar_core.domain.digits import whole_number
from zaqar_core.domain.model import Counts, Queue, QueueSettings, SettingsChange
from zaqar_core.domain.names import QueueRef


class Number(NamedTuple):
    """An attribute that is a whole number. ``default`` is None if it depends on the face that created the queue."""

    field: str
    least: int
    most: int
    default: int | None
    unit: str


NUMBERS: dict[str, Number] = {
    "DelaySeconds": Number("delay_seconds", *limits.DELAY_SECONDS, 0, "s"),
    "MaximumMessageSize": Number("max_message_bytes", *limits.MAXIMUM_MESSAGE_BYTES, limits.MESSAGE_BYTES, "bytes"),
    "MessageRetentionPeriod": Number("retention_seconds", *limits.RETENTION_SECONDS, None, "s"),
    "ReceiveMessageWaitTimeSeconds": Number("receive_wait_seconds", *limits.WAIT_SECONDS, 0, "s"),
    "VisibilityTimeout": Number(
        "visibility_timeout_seconds", *limits.VISIBILITY_SECONDS, limits.DEFAULT_VISIBILITY_SECONDS, "s"
    ),
}


class Choice(NamedTuple):
    """An attribute of FIFO queues with a fixed set of values; the first is the default."""

    field: str
    words: tuple[str, ...]


CHOICES: dict[str, Choice] = {
    "DeduplicationScope": Choice("deduplication_scope", ("queue", "messageGroup")),
    "FifoThroughputLimit": Choice("fifo_throughput_limit", ("perQueue", "perMessageGroupId")),
}
#: Attribute -> name of the document that stores it.
DOCUMENTS = {
    "Policy": "policy",
    "RedriveAllowPolicy": redrive.ALLOW_DOCUMENT,
    "KmsMasterKeyId": "kms_key",
    "KmsDataKeyReusePeriodSeconds": "kms_reuse",
}
#: Stored in the queue setting ``managed_encryption``, 1 or 0.
MANAGED = "SqsManagedSseEnabled"
COUNTED = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)
READ_ONLY = (*COUNTED, "CreatedTimestamp", "LastModifiedTimestamp", "QueueArn")
ONLY_FIFO = ("FifoQueue", "ContentBasedDeduplication", *CHOICES)
NAMES = frozenset({*NUMBERS, *DOCUMENTS, MANAGED, *READ_ONLY, *ONLY_FIFO, "RedrivePolicy", "All"})
KMS_REUSE_DEFAULT = str(limits.DEFAULT_KMS_REUSE_SECONDS)

_FLAGS = {"true": True, "false": False}


@dataclass(slots=True)
class Wanted:
    """Checked attributes of a request. A value of None removes the attribute."""

    numbers: dict[str, int | str | None] = field(default_factory=dict)
    documents: dict[str, bytes | None] = field(default_factory=dict)
    redrive_policy: str = ""
    redrive: redrive.Redrive | None = None

    def settings(self) -> QueueSettings:
        """Return the settings of a new queue with these attributes."""
        numbers: dict[str, Any] = {name: value for name, value in self.numbers.items() if value is not None}
        documents = {name: value for name, value in self.documents.items() if value is not None}
        return QueueSettings(**numbers, documents=documents)

    def change(self) -> SettingsChange:
        """Return the change that sets these attributes on an existing queue."""
        return SettingsChange(
            set={name: value for name, value in self.numbers.items() if value is not None},
            unset=frozenset(name for name, value in self.numbers.items() if value is None),
            documents=self.documents,
        )

    @property
    def depends_on_the_queue(self) -> bool:
        """Whether :meth:`require_scope` needs the present attributes of the queue."""
        return any(choice.field in self.numbers for choice in CHOICES.values())

    def require_key(self, *, has_key: bool) -> None:
        """Refuse encryption when the service has no key. Raises SqsError InvalidAttributeValue."""
        if self.numbers.get("managed_encryption") and not has_key:
            raise _invalid(MANAGED, "The setting encryption_keys of this service contains no key.")

    def require_scope(self, now: QueueSettings) -> None:
        """Refuse a throughput limit per message group without deduplication per message group, as AWS documents.

        ``now`` are the present settings of the queue. Raises SqsError InvalidAttributeValue.
        """
        scope, limit = (
            self.numbers.get(choice.field, getattr(now, choice.field)) or choice.words[0] for choice in CHOICES.values()
        )
        if limit == "perMessageGroupId" and scope != "messageGroup":
            reason = "perMessageGroupId is allowed only when the value for DeduplicationScope is messageGroup."
            raise _invalid("FifoThroughputLimit", reason)


def unknown(name: str) -> SqsError:
    """Build the error for an attribute name that does not exist."""
    return SqsError("InvalidAttributeName", f"Unknown Attribute {name}.")


def _invalid(name: str, reason: str = "") -> SqsError:
    return SqsError("InvalidAttributeValue", f"Invalid value for the parameter {name}.{reason and ' Reason: '}{reason}")


def check(given: Mapping[str, str], ref: QueueRef, settings: Settings) -> Wanted:
    """Check the names and values of attributes in the order of the request. Raises SqsError."""
    wanted = Wanted()
    for name, value in given.items():
        if name not in NAMES or name in READ_ONLY or name == "All":
            raise unknown(name)
        if name in NUMBERS:
            wanted.numbers[NUMBERS[name].field] = _number(name, value)
        elif name in ONLY_FIFO:
            _of_fifo(name, value, ref, wanted)
        elif name == MANAGED:
            wanted.numbers["managed_encryption"] = int(_flag(name, value)) if value else None
        elif name != "RedrivePolicy":
            wanted.documents[DOCUMENTS[name]] = _document(name, value, settings)
        elif value:
            wanted.redrive_policy, wanted.redrive = value, redrive.policy(value, ref, settings)
            wanted.numbers["dead_letter_queue"] = wanted.redrive.target.name
            wanted.numbers["max_receive_count"] = wanted.redrive.max_receive_count
        else:
            wanted.numbers |= {"dead_letter_queue": None, "max_receive_count": None}
    _one_encryption(given, wanted)
    return wanted


def _number(name: str, value: str) -> int | None:
    spec = NUMBERS[name]
    if value == "":
        return None
    number = whole_number(value, most=10)
    if number is None or not spec.least <= number <= spec.most:
        raise _invalid(name)
    return number


def _flag(name: str, value: str) -> bool:
    found = _FLAGS.get(value.lower())
    if found is None:
        raise _invalid(name)
    return found


def _of_fifo(name: str, value: str, ref: QueueRef, wanted: Wanted) -> None:
    if not ref.is_fifo:
        if name in CHOICES:
            raise SqsError("InvalidAttributeName", f"You can specify the {name} only when FifoQueue is set to true.")
        raise unknown(name)
    if name in CHOICES:
        choice = CHOICES[name]
        if value and value not in choice.words:
            raise _invalid(name)
        wanted.numbers[choice.field] = value or None
    elif name == "ContentBasedDeduplication":
        wanted.numbers["content_based_deduplication"] = int(_flag(name, value)) if value else None
    elif not _flag(name, value):
        raise _invalid(name, "Modifying queue type is not supported.")


def _document(name: str, value: str, settings: Settings) -> bytes | None:
    if value == "":
        return None
    if not is_text(value):
        raise _invalid(name)
    if name == "KmsDataKeyReusePeriodSeconds":
        (least, most), seconds = limits.KMS_REUSE_SECONDS, whole_number(value, most=9)
        if seconds is None or not least <= seconds <= most:
            raise _invalid(name)
        return None if value == KMS_REUSE_DEFAULT else value.encode()
    if name == "RedriveAllowPolicy":
        redrive.check_allow_policy(value, settings)
    if name == "Policy":
        _check_policy(value, is_enforced=settings.enforces_policies)
    return value.encode()


def _check_policy(value: str, *, is_enforced: bool) -> None:
    """Check the form of a policy. A policy that is to be enforced must also be one that can be evaluated."""
    try:
        document = policies.form(value)
        policy_document(document)
        found = len(policies.statements(document))
        if found > limits.POLICY_STATEMENTS:
            counted = f"{found} statements were found in the submitted policy"
            raise SqsError("OverLimit", f"{counted}, max allowed is {limits.POLICY_STATEMENTS}")
        if is_enforced:
            policies.Policy.parse(value, "resource")
    except PolicyInvalid as problem:
        explained = _invalid("Policy", str(problem))
        if is_enforced:
            raise explained from None
        # Recorded from AWS without a reason.
        message = _invalid("Policy").message
        raise SqsError("InvalidAttributeValue", message, operator_message=explained.message) from None


def policy_document(document: dict[str, Any]) -> bytes:
    """Return a policy as JSON. Raises SqsError: OverLimit, or InvalidAttributeValue if it is nested too deeply."""
    try:
        written = orjson.dumps(document)
    except orjson.JSONEncodeError:
        raise _invalid("Policy", "It is nested too deeply.") from None
    found = len(written)
    if found > limits.POLICY_BYTES:
        raise SqsError(
            "OverLimit", f"{found} bytes were found in the submitted policy, max allowed is {limits.POLICY_BYTES}"
        )
    return written


def _one_encryption(given: Mapping[str, str], wanted: Wanted) -> None:
    if given.get("KmsMasterKeyId"):
        if given.get(MANAGED, "").lower() == "true":
            raise SqsError(
                "InvalidAttributeName",
                "You can use one type of server-side encryption (SSE) at one time. "
                "You can either enable KMS SSE or SQS SSE.",
            )
        wanted.numbers["managed_encryption"] = 0
    elif wanted.numbers.get("managed_encryption"):
        wanted.documents["kms_key"] = None


def shown(queue: Queue, counts: Counts | None) -> dict[str, str]:
    """Return every attribute of a queue, sorted by name. Without ``counts`` the numbers of messages are left out."""
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
    if queue.ref.is_fifo:
        found["FifoQueue"] = "true"
        found["ContentBasedDeduplication"] = "true" if settings.content_based_deduplication else "false"
        for name, choice in CHOICES.items():
            found[name] = getattr(settings, choice.field) or choice.words[0]
    for name, document in DOCUMENTS.items():
        if document in settings.documents:
            found[name] = settings.documents[document].decode()
    found[MANAGED] = "false" if settings.managed_encryption == 0 else "true"
    if "KmsMasterKeyId" in found:
        found.setdefault("KmsDataKeyReusePeriodSeconds", KMS_REUSE_DEFAULT)
    else:
        found.pop("KmsDataKeyReusePeriodSeconds", None)
    policy = redrive.shown(queue)
    if policy is not None:
        found["RedrivePolicy"] = policy
    return dict(sorted(found.items()))


def select(found: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return the attributes with these names. Raises SqsError InvalidAttributeName for a name that does not exist."""
    wanted = list(names)
    for name in wanted:
        if name not in NAMES:
            raise unknown(name)
    if "All" in wanted:
        return dict(found)
    return {name: found[name] for name in wanted if name in found}

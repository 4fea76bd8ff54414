"""Bounds of parameters. The checks, the schema and the generated reference all use these definitions."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from sqs_facade.errors import invalid
from zaqar_core.domain import limits


def described(limits: str) -> msgspec.Meta:
    """Return the annotation of a member whose limits its operation checks. ``limits`` is text for the reference."""
    return msgspec.Meta(description=limits)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The smallest and largest value of a parameter. ``reason`` is SQS's wording of the error."""

    parameter: str
    least: int
    most: int
    unit: str
    reason: str

    @property
    def meta(self) -> msgspec.Meta:
        """The annotation of the member, with the limits as text for the reference."""
        return described(f"{self.least} to {self.most:,} {self.unit}".rstrip())

    def check(self, value: int) -> None:
        """Raise SqsError InvalidParameterValue if the value is out of bounds."""
        if not self.least <= value <= self.most:
            raise invalid(value, self.parameter, self.reason)


def between(parameter: str, allowed: limits.Range, unit: str, reason: str) -> Bounds:
    """Define the bounds of a parameter; ``{least}`` and ``{most}`` in the reason are replaced by the limits."""
    least, most = allowed
    return Bounds(parameter, least, most, unit, reason.format(least=least, most=most))


DELAY = between("DelaySeconds", limits.DELAY_SECONDS, "s", "DelaySeconds must be >= {least} and <= {most}.")
VISIBILITY = between(
    "VisibilityTimeout", limits.VISIBILITY_SECONDS, "s", "Must be >= {least} and <= {most}, if provided."
)
VISIBILITY_CHANGE = between(
    "VisibilityTimeout",
    limits.VISIBILITY_SECONDS,
    "s",
    "VisibilityTimeout must be between {least} and {most} seconds.",
)
MESSAGES = between(
    "MaxNumberOfMessages", limits.RECEIVED_MESSAGES, "", "Must be between {least} and {most}, if provided."
)
WAIT = between("WaitTimeSeconds", limits.WAIT_SECONDS, "s", "Must be >= {least} and <= {most}, if provided.")
PAGE = between("MaxResults", limits.PAGE, "", "Must be between {least} and {most}.")

BODY = described(f"1 to {limits.MESSAGE_BYTES:,} bytes with its attributes, or the queue's MaximumMessageSize")
_IDENTIFIER = f"1 to {limits.IDENTIFIER_CHARACTERS} letters, digits and punctuation"
IDENTIFIER = described(_IDENTIFIER)
ATTEMPT_ID = described(f"{_IDENTIFIER}; has no effect on a standard queue")
DEDUPLICATION_ID = described(f"{_IDENTIFIER}; refused on a standard queue")
BATCH = f"1 to {limits.BATCH_ENTRIES} entries"
SYSTEM_ATTRIBUTE_NAMES = "system attributes of messages, or `All`; other names are ignored"
MESSAGE_ATTRIBUTE_NAMES = "names, `prefix.*`, or `All`; names that match nothing are ignored"
BATCH_ID = described(f"1 to {limits.BATCH_ID_CHARACTERS} letters, digits, hyphens and underscores; distinct")
QUEUE_NAME = described(
    f"1 to {limits.QUEUE_NAME_CHARACTERS} letters, digits, hyphens and underscores; a FIFO queue's name ends in `.fifo`"
)
QUEUE_URL = described("URL of the queue in any known form, or its bare name; defaults to the path of the request")
LABEL = described(f"1 to {limits.LABEL_CHARACTERS} letters, digits, hyphens and underscores")

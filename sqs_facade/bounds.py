"""Whole numbers with a least and a most: said once, read by the check, the schema and the reference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from sqs_facade.errors import invalid
from zaqar_core import limits


def described(limits: str) -> msgspec.Meta:
    """The annotation of a member whose limits its operation checks: words for the reference."""
    return msgspec.Meta(description=limits)


@dataclass(frozen=True, slots=True)
class Bounds:
    """``reason`` is SQS's own wording for a value outside."""

    parameter: str
    least: int
    most: int
    unit: str
    reason: str

    @property
    def meta(self) -> msgspec.Meta:
        """The annotation of the member."""
        return described(f"{self.least} to {self.most:,} {self.unit}".rstrip())

    def check(self, value: int) -> None:
        """Raises InvalidParameterValue for a value outside."""
        if not self.least <= value <= self.most:
            raise invalid(value, self.parameter, self.reason)


DELAY = Bounds("DelaySeconds", 0, 900, "s", "DelaySeconds must be >= 0 and <= 900.")
VISIBILITY = Bounds("VisibilityTimeout", 0, 43_200, "s", "Must be >= 0 and <= 43200, if provided.")
VISIBILITY_CHANGE = replace(VISIBILITY, reason="VisibilityTimeout must be between 0 and 43200 seconds.")
MESSAGES = Bounds("MaxNumberOfMessages", 1, 10, "", "Must be between 1 and 10, if provided.")
WAIT = Bounds("WaitTimeSeconds", 0, 20, "s", "Must be >= 0 and <= 20, if provided.")
PAGE = Bounds("MaxResults", 1, 1000, "", "Must be between 1 and 1000.")

BODY = described(f"1 to {limits.MESSAGE_BYTES:,} bytes with its attributes, or the queue's MaximumMessageSize")
IDENTIFIER = described("1 to 128 letters, digits and punctuation")
ATTEMPT_ID = described("1 to 128 letters, digits and punctuation; has no effect on a standard queue")
DEDUPLICATION_ID = described("1 to 128 letters, digits and punctuation; refused on a standard queue")
BATCH = "1 to 10 entries"
SYSTEM_ATTRIBUTE_NAMES = "system attributes of messages, or `All`; other names are ignored"
MESSAGE_ATTRIBUTE_NAMES = "names, `prefix.*`, or `All`; those that match nothing are ignored"
BATCH_ID = described("1 to 80 letters, digits, hyphens and underscores; distinct")
QUEUE_NAME = described("1 to 80 letters, digits, hyphens and underscores; `.fifo` at the end makes it FIFO")
QUEUE_URL = described("the queue's address in any known shape, or its bare name; else the path of the request")
LABEL = described("1 to 80 letters, digits, hyphens and underscores")

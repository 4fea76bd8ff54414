"""What the model, the drivers and the machines say to one another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

#: Of a queue, by the core's names.
SettingsOf = Mapping[str, int | str]


#: In place of a deduplication id: the message's own id, which the model does not know.
OWN_ID = "(its own id)"


class Outcome(Enum):
    """How one act on one queue, message or handle ended."""

    OK = "ok"
    NO_QUEUE = "no queue"
    MESSAGE_TOO_LONG = "message too long"
    DEDUP_ID_MISSING = "deduplication id missing"
    OVER_LIMIT = "too many in flight"
    RECEIPT_INVALID = "receipt invalid"
    NOT_IN_FLIGHT = "not in flight"
    LEASE_EXPIRED = "lease expired"
    VISIBILITY_TOO_LONG = "visibility too long"
    PURGE_IN_PROGRESS = "purge in progress"
    NOT_RETRYABLE = "receive not retryable"


@dataclass(frozen=True, slots=True)
class Entry:
    """One message to send."""

    body: bytes
    delay_seconds: int | None = None
    group: str | None = None
    dedup_id: str | None = None

    @property
    def size_bytes(self) -> int:
        return len(self.body)

    def __repr__(self) -> str:
        shown = repr(self.body) if len(self.body) < 20 else f"b'x' * {len(self.body)}"
        more = "".join(
            f", {name}={value!r}"
            for name, value in (
                ("delay_seconds", self.delay_seconds), ("group", self.group), ("dedup_id", self.dedup_id),
            )
            if value is not None
        )  # fmt: skip
        return f"Entry({shown}{more})"


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as received, without its handle and its position."""

    number: int
    body: bytes
    group: str | None
    dedup_id: str | None
    sent_ms: int
    receive_count: int
    first_received_ms: int | None
    source: str | None

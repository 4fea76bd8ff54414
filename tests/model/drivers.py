"""The real thing behind one small interface: the core as a library, or the service by HTTP.

Time is frozen: a queue's time is never before its own last ``now`` (DESIGN 4), so a ``now`` in the far future stands
still until it is moved. Every comparison can be exact, to the millisecond, and nobody sleeps.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import redis

from tests.model.words import Entry, Outcome, SettingsOf
from zaqar_core.core import leases, messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import (
    CoreError,
    DeduplicationIdMissing,
    InFlightLimitReached,
    LeaseExpired,
    MessageTooLong,
    NotInFlight,
    PurgeInProgress,
    QueueNotFound,
    ReceiptInvalid,
    ReceiveNotRetryable,
    VisibilityTooLong,
)
from zaqar_core.domain.model import NewMessage, QueueSettings, Receipt, Sent, SettingsChange, StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys

#: When every example begins: far enough ahead that no real clock comes near.
START_MS = 4_000_000_000_000

ACCOUNT = "000000000000"
REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer to one sent message. ``sequence`` is None where the dialect shows none."""

    id: str
    sequence: int | None


@dataclass(frozen=True, slots=True)
class Received:
    """One message of an answer. ``handle`` is what the dialect takes back."""

    id: str
    body: bytes
    group: str | None
    dedup_id: str | None
    sequence: int | None
    sent_ms: int
    receive_count: int
    first_received_ms: int | None
    source: str | None
    handle: Any


class Driver(Protocol):
    """One account's queues; names are short and the driver's own."""

    def create(self, name: str, settings: SettingsOf) -> None: ...
    def drop(self, name: str) -> Outcome: ...
    def change(self, name: str, settings: SettingsOf, forgotten: Sequence[str] = ()) -> Outcome: ...
    def send(self, name: str, entries: Sequence[Entry]) -> list[Accepted | Outcome]: ...
    def receive(
        self, name: str, most: int, visibility_seconds: int | None, attempt_id: str | None = None
    ) -> list[Received] | Outcome: ...
    def extend(self, name: str, changes: Sequence[tuple[Any, int]]) -> list[Outcome]: ...
    def delete(self, name: str, handles: Sequence[Any]) -> list[Outcome]: ...
    def purge(self, name: str) -> Outcome: ...
    def counts(self, name: str) -> tuple[int, int, int] | Outcome: ...
    def advance(self, ms: int) -> None: ...


class Clock:
    """Holds queues at a time of the test's own."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)

    def close(self) -> None:
        self._client.close()

    def freeze(self, ref: QueueRef, now_ms: int) -> None:
        self._client.hset(keys.queue(ref), "now", now_ms)
        self._be_noticed(ref)

    def advance(self, ref: QueueRef, ms: int) -> None:
        self._client.hincrby(keys.queue(ref), "now", ms)
        self._be_noticed(ref)

    def _be_noticed(self, ref: QueueRef) -> None:
        """Let the functions read the queue again, whose time they remember: see lua/shared/queue."""
        self._client.hset(keys.queue(ref), "gen", f"{uuid.uuid4().hex}:0")


_serial = itertools.count(1)


def fresh_prefix() -> str:
    """No other test uses this prefix."""
    return f"m{uuid.uuid4().hex[:8]}-{next(_serial)}-"


_OUTCOMES: dict[type[CoreError], Outcome] = {
    QueueNotFound: Outcome.NO_QUEUE,
    InFlightLimitReached: Outcome.OVER_LIMIT,
    ReceiptInvalid: Outcome.RECEIPT_INVALID,
    NotInFlight: Outcome.NOT_IN_FLIGHT,
    LeaseExpired: Outcome.LEASE_EXPIRED,
    VisibilityTooLong: Outcome.VISIBILITY_TOO_LONG,
    MessageTooLong: Outcome.MESSAGE_TOO_LONG,
    DeduplicationIdMissing: Outcome.DEDUP_ID_MISSING,
    PurgeInProgress: Outcome.PURGE_IN_PROGRESS,
    ReceiveNotRetryable: Outcome.NOT_RETRYABLE,
}


def outcome_of(error: CoreError | None) -> Outcome:
    return Outcome.OK if error is None else _OUTCOMES[type(error)]


class CoreDriver:
    """The core's own functions. What arrives as a dead letter is named by its source's short name."""

    def __init__(self, session: Session, clock: Clock, *, max_in_flight: int, purge_interval_seconds: int) -> None:
        session.settings = msgspec.structs.replace(
            session.settings, max_in_flight=max_in_flight, purge_interval_seconds=purge_interval_seconds
        )
        self.session = session
        self.clock = clock
        self.now_ms = START_MS
        self.prefix = fresh_prefix()
        self.alive: set[str] = set()

    def ref(self, name: str) -> QueueRef:
        return QueueRef(ACCOUNT, REGION, self.prefix + name)

    def create(self, name: str, settings: SettingsOf) -> None:
        made = queues.create(self.session, self.ref(name), QueueSettings(**self._real(settings)), creator="sqs")
        if made.is_new:
            self.clock.freeze(self.ref(name), self.now_ms)
            self.alive.add(name)

    def _real(self, settings: SettingsOf) -> dict[str, Any]:
        """The settings, with the dead-letter queue's whole name."""
        found = dict(settings)
        if "dead_letter_queue" in found:
            found["dead_letter_queue"] = f"{self.prefix}{found['dead_letter_queue']}"
        return found

    def drop(self, name: str) -> Outcome:
        try:
            queues.delete(self.session, self.ref(name))
        except CoreError as error:
            return outcome_of(error)
        self.alive.discard(name)
        return Outcome.OK

    def change(self, name: str, settings: SettingsOf, forgotten: Sequence[str] = ()) -> Outcome:
        wanted = SettingsChange(set=self._real(settings), unset=frozenset(forgotten))
        try:
            queues.change(self.session, self.ref(name), wanted)
        except CoreError as error:
            return outcome_of(error)
        return Outcome.OK

    def send(self, name: str, entries: Sequence[Entry]) -> list[Accepted | Outcome]:
        new = [
            NewMessage(
                entry.body,
                size_bytes=entry.size_bytes,
                delay_seconds=entry.delay_seconds,
                group=entry.group,
                dedup_id=entry.dedup_id,
            )
            for entry in entries
        ]
        try:
            answers = messages.send(self.session, self.ref(name), new)
        except CoreError as error:
            return [outcome_of(error)]
        return [
            Accepted(answer.id, answer.sequence) if isinstance(answer, Sent) else outcome_of(answer)
            for answer in answers
        ]

    def receive(
        self, name: str, most: int, visibility_seconds: int | None, attempt_id: str | None = None
    ) -> list[Received] | Outcome:
        try:
            found = leases.receive(
                self.session,
                self.ref(name),
                max_messages=most,
                visibility_seconds=visibility_seconds,
                wait_seconds=0,
                attempt_id=attempt_id,
            )
        except CoreError as error:
            return outcome_of(error)
        return [self._received(message) for message in found]

    def _received(self, message: StoredMessage) -> Received:
        assert message.now_ms == self.now_ms, "the clock is frozen"
        assert message.held
        assert isinstance(message.receipt, Receipt)
        assert message.receipt.sequence == message.sequence
        return Received(
            id=message.id,
            body=message.body,
            group=message.group,
            dedup_id=message.dedup_id,
            sequence=message.sequence,
            sent_ms=message.sent_ms,
            receive_count=message.receive_count,
            first_received_ms=message.first_received_ms,
            source=message.source_queue.name.removeprefix(self.prefix) if message.source_queue else None,
            handle=message.receipt,
        )

    def extend(self, name: str, changes: Sequence[tuple[Any, int]]) -> list[Outcome]:
        try:
            return [outcome_of(e) for e in leases.change_visibility(self.session, self.ref(name), changes)]
        except CoreError as error:
            return [outcome_of(error)]

    def delete(self, name: str, handles: Sequence[Any]) -> list[Outcome]:
        try:
            return [outcome_of(e) for e in leases.delete_received(self.session, self.ref(name), handles)]
        except CoreError as error:
            return [outcome_of(error)]

    def purge(self, name: str) -> Outcome:
        try:
            queues.purge_all(self.session, self.ref(name))
        except CoreError as error:
            return outcome_of(error)
        return Outcome.OK

    def counts(self, name: str) -> tuple[int, int, int] | Outcome:
        try:
            found = queues.get_with_counts(self.session, self.ref(name))[1]
        except CoreError as error:
            return outcome_of(error)
        return found.visible, found.in_flight, found.delayed

    def advance(self, ms: int) -> None:
        self.now_ms += ms
        for name in self.alive:
            self.clock.advance(self.ref(name), ms)

"""Values that the faces and the core exchange.

Times are integer milliseconds since 1970 unless named otherwise. Values of which a request may create many are structs
of msgspec, whose constructors take a fifth of a dataclass's time. They hold no references to containers that could
refer back to them, so the garbage collector need not track them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal

import msgspec

from zaqar_core.domain import limits
from zaqar_core.domain.names import QueueRef

#: Format of a body. ``text``: UTF-8 text, as SQS sends it; Zaqar shows it as a JSON string. ``json``: compact JSON text
#: of any other JSON value, as Zaqar sends it.
BodyKind = Literal["text", "json"]

#: The dialect that created a queue. It determines the queue's defaults.
Creator = Literal["sqs", "zaqar"]


class Attribute(msgspec.Struct, gc=False):
    """A message attribute. ``value`` is UTF-8 for String and Number types, raw bytes for Binary types."""

    name: str
    data_type: str
    value: bytes


class NewMessage(msgspec.Struct, gc=False):
    """A message to send.

    ``size_bytes`` is the size that counts against MaximumMessageSize (body, and name, type and value of each
    attribute); None skips the check. ``delay_seconds`` None means the queue's delay. ``ttl_seconds`` None means the
    queue's retention, including later changes of it. ``client_id`` is Zaqar's Client-ID, 16 bytes. ``sender`` is the
    SenderId of SQS; None means the project. ``group`` is the MessageGroupId, ``dedup_id`` the MessageDeduplicationId.
    """

    body: bytes
    kind: BodyKind = "text"
    attributes: tuple[Attribute, ...] = ()
    system_attributes: tuple[Attribute, ...] = ()
    size_bytes: int | None = None
    delay_seconds: int | None = None
    ttl_seconds: int | None = None
    client_id: bytes | None = None
    sender: str | None = None
    group: str | None = None
    dedup_id: str | None = None


class Sent(msgspec.Struct, gc=False):
    """A message that the store keeps with the configured durability. ``sequence`` increases within the queue."""

    id: str
    sequence: int


class Receipt(msgspec.Struct, gc=False):
    """The proof of one receive of a message; the SQS face encodes it as a receipt handle.

    ``incarnation`` (8 bytes) identifies the incarnation of the queue, ``nonce`` (8 bytes) the receive of the message.
    """

    incarnation: bytes
    partition: int
    sequence: int
    nonce: bytes
    received_ms: int


class StoredMessage(msgspec.Struct, gc=False):
    """A message as read from the store.

    ``now_ms`` is the store's time of the read; the age is ``now_ms - sent_ms``. ``receive_count`` is 0 and
    ``first_received_ms`` None before the first receive. ``ttl_seconds`` is the current ttl, which a claim may have
    extended. ``claim_id`` is the Zaqar claim that held the message last. ``held`` says whether a lease holds it now,
    ``delayed`` whether its delay has not ended. ``source_queue`` is the queue that it was moved from as a dead letter.
    """

    id: str
    sequence: int
    body: bytes
    kind: BodyKind
    attributes: tuple[Attribute, ...]
    system_attributes: tuple[Attribute, ...]
    sent_ms: int
    now_ms: int
    ttl_seconds: int
    receive_count: int = 0
    first_received_ms: int | None = None
    claim_id: str | None = None
    held: bool = False
    delayed: bool = False
    client_id: bytes | None = None
    sender: str | None = None
    group: str | None = None
    dedup_id: str | None = None
    source_queue: QueueRef | None = None
    receipt: Receipt | None = None


@dataclass(slots=True)
class Page:
    """One page of a listing. The next page begins after ``marker``, which is None when the page is empty."""

    messages: list[StoredMessage]
    marker: str | None


@dataclass(slots=True)
class Claim:
    """A Zaqar claim: a group of leases. ``age_seconds`` counts from its creation or last update."""

    id: str
    ttl_seconds: int
    age_seconds: int
    messages: list[StoredMessage]


@dataclass(slots=True)
class ClaimInForce:
    """A Zaqar claim in a list: when it was created or last updated, when it ends, and how many messages it holds."""

    id: str
    created_ms: int
    ttl_seconds: int
    ends_ms: int
    held: int


@dataclass(slots=True)
class QueueSettings:
    """The settings of a queue. None means not set: the defaults of the reading dialect apply (see ``limits``).

    Both dialects set the same fields, and the functions in the store read them. ``documents`` belong to the faces; the
    core stores them as opaque bytes by name (``policy``, ``tags``, ``metadata`` ...).
    """

    retention_seconds: int | None = None
    delay_seconds: int | None = None
    visibility_timeout_seconds: int | None = None
    receive_wait_seconds: int | None = None
    max_message_bytes: int | None = None
    max_post_bytes: int | None = None
    dead_letter_queue: str | None = None
    max_receive_count: int | None = None
    dead_letter_ttl_seconds: int | None = None
    content_based_deduplication: int | None = None
    #: Whether SQS and Zaqar, respectively, turned encryption on. Each dialect shows its own; new messages are encrypted
    #: if either is 1.
    managed_encryption: int | None = None
    encrypt_messages: int | None = None
    deduplication_scope: str | None = None
    fifo_throughput_limit: str | None = None
    documents: dict[str, bytes] = field(default_factory=dict)

    def with_all_of(self, other: QueueSettings) -> QueueSettings:
        """Return these settings with all that ``other`` sets."""
        given = {one.name: getattr(other, one.name) for one in fields(other) if getattr(other, one.name) is not None}
        return replace(self, **{**given, "documents": {**self.documents, **other.documents}})


@dataclass(slots=True)
class Queue:
    """A queue as read from the store. ``revision`` increases with each change of the settings.

    ``default_retention_seconds`` applies where ``settings.retention_seconds`` is None; it depends on the creator.
    """

    ref: QueueRef
    incarnation: bytes
    creator: Creator
    created_ms: int
    modified_ms: int
    revision: int
    settings: QueueSettings
    default_retention_seconds: int = limits.SQS_RETENTION_SECONDS


@dataclass(slots=True)
class Counts:
    """Numbers of messages that are visible, in flight and delayed. Expired messages do not count."""

    visible: int
    in_flight: int
    delayed: int


@dataclass(slots=True)
class Stats:
    """Counts of a queue with its oldest and newest message, for Zaqar."""

    counts: Counts
    oldest: StoredMessage | None
    newest: StoredMessage | None


@dataclass(slots=True)
class Figures:
    """Numbers of a queue for an overview. ``now_ms`` is the store's time.

    ``oldest_sent_ms`` is None in an empty queue. ``ever_sent`` counts all messages that the queue ever got.
    """

    queue: Queue
    counts: Counts
    oldest_sent_ms: int | None
    ever_sent: int
    now_ms: int


@dataclass(slots=True)
class Subscription:
    """A subscription to a queue's new messages. ``subscriber`` is a URI, ``options`` a JSON object as text.

    ``age_seconds`` counts from the creation; ``ttl_seconds`` from the creation or the last change.
    """

    id: str
    subscriber: str
    options: bytes
    ttl_seconds: int
    age_seconds: int
    is_confirmed: bool


#: CANCELLING: no more messages leave the source, but some have not arrived at their destination yet.
MoveTaskStatus = Literal["RUNNING", "COMPLETED", "CANCELLING", "CANCELLED", "FAILED"]


@dataclass(slots=True)
class MoveTask:
    """A task that moves messages out of a dead-letter queue. ``destination`` None: each message to its source queue.

    ``to_move`` is how many messages were visible at the start, ``moved`` how many have arrived. ``failure`` is the
    FailureReason of SQS, None unless ``status`` is FAILED.
    """

    id: str
    source: QueueRef
    destination: QueueRef | None
    started_ms: int
    messages_per_second: int | None
    moved: int
    to_move: int
    status: MoveTaskStatus
    failure: str | None = None


@dataclass(slots=True)
class SettingsChange:
    """Fields to set and to unset; a document of None is removed. ``expected_revision`` makes it a compare-and-set."""

    set: Mapping[str, int | str] = field(default_factory=dict)
    unset: frozenset[str] = frozenset()
    documents: Mapping[str, bytes | None] = field(default_factory=dict)
    expected_revision: int | None = None

"""The values that pass between the faces and the core.

Times are integer milliseconds since 1970 unless named otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from zaqar_core.domain import limits
from zaqar_core.domain.names import QueueRef

#: How a body is to be read. ``text``: UTF-8 text as SQS sends it (a JSON string to Zaqar). ``json``: compact JSON text
#: of any other JSON value, as Zaqar sends it.
BodyKind = Literal["text", "json"]

#: Which dialect created a queue; it decides the defaults.
Creator = Literal["sqs", "zaqar"]


@dataclass(slots=True)
class Attribute:
    """One message attribute: ``value`` is UTF-8 for String and Number types, raw bytes for Binary ones."""

    name: str
    data_type: str
    value: bytes


@dataclass(slots=True)
class NewMessage:
    """A message to be sent.

    ``size_bytes`` is what SQS counts against MaximumMessageSize (body, and each attribute's name, type and value);
    None skips that check. ``delay_seconds`` None means the queue's delay. ``ttl_seconds`` None means the queue's
    retention, also when that changes later. ``client_id`` is Zaqar's Client-ID, 16 bytes. ``sender`` is SQS's SenderId;
    None means the project. ``group`` is MessageGroupId, ``dedup_id`` MessageDeduplicationId.
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


@dataclass(slots=True)
class Sent:
    """The store holds the message, as durably as the service promises. ``sequence`` rises within the queue."""

    id: str
    sequence: int


@dataclass(slots=True)
class Receipt:
    """What a receive hands out for one message; the SQS face encodes it as a receipt handle.

    ``incarnation`` (8 bytes) names one life of the queue, ``nonce`` (8 bytes) one receive of the message.
    """

    incarnation: bytes
    partition: int
    sequence: int
    nonce: bytes
    received_ms: int


@dataclass(slots=True)
class StoredMessage:
    """A message as read, by whichever way.

    ``now_ms`` is the store's time of the reading; age is ``now_ms - sent_ms``. ``receive_count`` is 0 and
    ``first_received_ms`` None before the first receive. ``ttl_seconds`` is the current one (a claim may have lengthened
    it). ``claim_id`` is the Zaqar claim that last held it, ``held`` whether any live lease holds it now, ``delayed``
    whether it is not yet receivable. ``source_queue`` is set on messages that came from a dead-letter move.
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
    """One page of a listing. ``marker`` continues after the last message shown; None when the page is empty."""

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
class QueueSettings:
    """What a queue was told. None means never set: the reader's defaults hold (see ``limits``).

    The first block is read by the store's scripts, the same fields whichever dialect set them. ``documents`` belong to
    the faces; the core keeps them as opaque bytes by name (``policy``, ``tags``, ``metadata`` ...).
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
    #: SQS's and Zaqar's wish that new messages are encrypted: each is shown to its own dialect, one 1 suffices.
    managed_encryption: int | None = None
    encrypt_messages: int | None = None
    deduplication_scope: str | None = None
    fifo_throughput_limit: str | None = None
    documents: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Queue:
    """One queue as read: its settings and what the store knows of its life. ``revision`` grows with each change.

    ``default_retention_seconds`` holds where ``settings.retention_seconds`` was never set; its creator decided it.
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
    """How many messages are receivable now, leased, and delayed. Expired ones do not count."""

    visible: int
    in_flight: int
    delayed: int


@dataclass(slots=True)
class Stats:
    """Zaqar's view of a queue's messages. ``free`` includes delayed ones."""

    counts: Counts
    oldest: StoredMessage | None
    newest: StoredMessage | None


@dataclass(slots=True)
class Subscription:
    """Who is told of a queue's new messages. ``subscriber`` is a URI, ``options`` a JSON object as text.

    ``age_seconds`` counts from its creation; ``ttl_seconds`` from there or from its last change.
    """

    id: str
    subscriber: str
    options: bytes
    ttl_seconds: int
    age_seconds: int
    is_confirmed: bool


#: CANCELLING: nothing more leaves the source, but what has left it is not all in its destination.
MoveTaskStatus = Literal["RUNNING", "COMPLETED", "CANCELLING", "CANCELLED", "FAILED"]


@dataclass(slots=True)
class MoveTask:
    """A task that moves messages out of a dead-letter queue. ``destination`` None: each back to where it came from.

    ``to_move`` is how many were receivable at its start, ``moved`` how many have arrived. ``failure`` is SQS's word
    for why it failed, None unless ``status`` is FAILED.
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
    """Fields to write and to forget. ``expected_revision`` makes it compare-and-set."""

    set: Mapping[str, int | str] = field(default_factory=dict)
    unset: frozenset[str] = frozenset()
    documents: Mapping[str, bytes | None] = field(default_factory=dict)
    expected_revision: int | None = None

"""Queues: create, look up, change, delete, purge, list, count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from zaqar_core.core import stored_messages
from zaqar_core.core.session import Session
from zaqar_core.domain import limits
from zaqar_core.domain.errors import (
    CoreError,
    PurgeInProgress,
    QueueDeletedRecently,
    QueueNotFound,
    SettingsChanged,
    StoreUnavailable,
)
from zaqar_core.domain.model import Counts, Creator, Queue, QueueSettings, SettingsChange, Stats
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import ScriptFailed, catalogue, keys, registry, script

# These are the same for every kind of queue.
_LOOK = script("create", writes=False).plain
_CHANGE = script("change").plain
_PURGE_ALL = script("purge_all").plain
_PURGE_FREE = script("purge_free")
_COUNTS = script("counts")

#: Messages that one step of a Zaqar purge removes.
_PURGE_STEP = 1000
#: Steps after which a count is given although more expired messages wait to be forgotten.
_MOST_EXPIRY_STEPS = 50

#: Queues that are counted in one round trip.
_QUEUES_AT_ONCE = 200

#: Tries of a read-edit-write; each failed one means that another writer succeeded.
_MOST_REVISIONS = 32

#: Arguments of the create script that make nothing: no incarnation.
_ONLY_LOOK: tuple[str | int, ...] = ("", "", 0)

_DOCUMENT = "doc:"
_NUMBERS = (
    "retention_seconds", "delay_seconds", "visibility_timeout_seconds", "receive_wait_seconds", "max_message_bytes",
    "max_post_bytes", "max_receive_count", "dead_letter_ttl_seconds", "content_based_deduplication",
    "managed_encryption", "encrypt_messages",
)  # fmt: skip
_WORDS = ("dead_letter_queue", "deduplication_scope", "fifo_throughput_limit")


@dataclass(slots=True)
class Created:
    """``queue`` as it now stands; ``is_new`` says whether this call made it. An existing queue is never changed."""

    queue: Queue
    is_new: bool


def create(
    session: Session,
    ref: QueueRef,
    settings: QueueSettings,
    *,
    creator: Creator,
    flavor: str | None = None,
    pool: str | None = None,
) -> Created:
    """The queue exists. Whether an existing one's settings agree is for the caller to compare.

    Where there are pools a new queue is made in one of the ``flavor``, or in ``pool``, else by weight. Raises
    QueueDeletedRecently where ``recreate_delay_seconds`` is set and has not passed; FlavorUnusable.
    """
    try:
        reply = session.call(_LOOK, ref, _ONLY_LOOK)
    except ScriptFailed:
        if delay := session.settings.recreate_delay_seconds:
            left = registry.deleted_ms_ago(session.store, ref)
            if left is not None and left < delay * 1000:
                raise QueueDeletedRecently(delay) from None
        keep = limits.SQS_RETENTION_SECONDS if creator == "sqs" else session.settings.default_message_ttl
        fields = _fields(settings)
        reply = session.create_queue(ref, [creator, keep, *fields], flavor=flavor, pool=pool)
    return Created(_queue(ref, reply[1:]), bool(reply[0]))


def get(session: Session, ref: QueueRef) -> Queue:
    """Settings and life of one queue. One round trip. Raises QueueNotFound."""
    try:
        return _queue(ref, session.call(_LOOK, ref, _ONLY_LOOK)[1:])
    except ScriptFailed:
        raise QueueNotFound from None


def change(session: Session, ref: QueueRef, wanted: SettingsChange) -> Queue:
    """All of the change is applied, or none. Returns the queue afterwards.

    Wakes waiting receives that a new delay or retention concerns. Raises QueueNotFound, SettingsChanged.
    """
    written: list[bytes | str | int] = []
    forgotten: list[bytes | str | int] = list(wanted.unset)
    for name, value in wanted.set.items():
        written += (name, value)
    for name, document in wanted.documents.items():
        if document is None:
            forgotten.append(_DOCUMENT + name)
        else:
            written += (_DOCUMENT + name, document)
    expected = -1 if wanted.expected_revision is None else wanted.expected_revision
    try:
        reply = session.call(_CHANGE, ref, [expected, len(written) // 2, *written, *forgotten])
    except ScriptFailed as failed:
        raise (SettingsChanged if failed.word == "STALE" else QueueNotFound) from None
    return _queue(ref, reply)


def revise(session: Session, ref: QueueRef, edit: Callable[[Queue], SettingsChange]) -> Queue:
    """The change is what ``edit`` makes of the queue as it stands; what others write meanwhile is not lost.

    ``edit`` may run several times. Two round trips where nobody else writes. Returns the queue afterwards. Raises
    QueueNotFound, SettingsChanged after many failed tries, and whatever ``edit`` raises.
    """
    for _ in range(_MOST_REVISIONS):
        queue = get(session, ref)
        try:
            return change(session, ref, replace(edit(queue), expected_revision=queue.revision))
        except SettingsChanged:
            continue
    raise SettingsChanged


def delete(session: Session, ref: QueueRef) -> None:
    """The queue, its messages and claims are gone; waiting receives are released. Raises QueueNotFound."""
    try:
        incarnation = session.router.delete_queue(ref)
    except ScriptFailed:
        raise QueueNotFound from None
    registry.leave(session.store, ref, incarnation, session.settings.recreate_delay_seconds)


def purge_all(session: Session, ref: QueueRef) -> None:
    """SQS's purge: every message is gone: visible, in flight and delayed; what was deduplicated is forgotten.

    Raises QueueNotFound, PurgeInProgress (the last purge was less than ``purge_interval_seconds`` ago).
    """
    try:
        session.call(_PURGE_ALL, ref, [session.settings.purge_interval_seconds])
    except ScriptFailed as failed:
        if failed.word == "PURGING":
            raise PurgeInProgress(int(failed.detail)) from None
        raise QueueNotFound from None


def purge_free(session: Session, ref: QueueRef) -> None:
    """Remove all messages that nobody holds, delayed ones too: Zaqar's purge. A missing queue is no error.

    Messages that are posted meanwhile stay.
    """
    upto, more = -1, 1
    while more:
        try:
            upto, more = session.run(_PURGE_FREE, ref, [upto, _PURGE_STEP])
        except ScriptFailed:
            return


def names(
    session: Session, project: str, region: str, *, prefix: str = "", after: str = "", limit: int = 1000
) -> list[str]:
    """Names of the project's queues in the region, in byte order, beginning after ``after``. At most ``limit``."""
    return registry.names(session.store, project, region, prefix=prefix, after=after, limit=limit)


def number(session: Session, project: str, region: str) -> int:
    """How many queues the project has in the region."""
    return registry.number(session.store, project, region)


def get_many(
    session: Session, refs: list[QueueRef], *, unread: list[StoreUnavailable] | None = None
) -> list[Queue | None]:
    """Each queue's settings, None where it is missing. One round trip for all.

    Raises StoreUnavailable; with ``unread``, queues in pools that do not answer are None, and why is added to it.
    """
    replies = session.call_many(_LOOK, refs, _ONLY_LOOK)
    for reply in replies:
        if isinstance(reply, StoreUnavailable):
            if unread is None:
                raise reply
            unread.append(reply)
    return [
        None if isinstance(reply, CoreError | ScriptFailed) else _queue(ref, reply[1:])
        for ref, reply in zip(refs, replies, strict=True)
    ]


def get_with_counts(session: Session, ref: QueueRef) -> tuple[Queue, Counts]:
    """A queue and its counts in one round trip; the cost does not depend on the number of messages.

    Raises QueueNotFound.
    """
    reply = _count(session, ref, "counts")
    return _queue(ref, reply[8:]), Counts(*reply[:3])


def stats(session: Session, ref: QueueRef) -> Stats:
    """Counts with the oldest and the newest message. Raises QueueNotFound."""
    reply = _count(session, ref, "stats")
    oldest, newest = (
        stored_messages.without_content(session, row, now_ms=reply[6], keep_seconds=reply[7]) if row else None
        for row in reply[4:6]
    )
    return Stats(Counts(*reply[:3]), oldest, newest)


def totals(session: Session) -> dict[str, Counts]:
    """The counts of all queues (not topics) of all projects by pool ("" is the main store), some hundreds in a
    round trip.

    Queues in pools that do not answer are left out.
    """
    sums: dict[str, list[int]] = {catalogue.MAIN: [0, 0, 0]}
    for namespace in registry.namespaces(session.store):
        project, region = keys.namespace(namespace)
        if QueueRef(project, region, "").is_topic:
            continue
        after, found = "", [""]
        while found:
            found = names(session, project, region, after=after, limit=_QUEUES_AT_ONCE)
            refs = [QueueRef(project, region, name) for name in found]
            pools, replies = session.router.pools_of(refs), session.run_many(_COUNTS, refs, ["counts"])
            for pool, reply in zip(pools, replies, strict=True):
                if not isinstance(reply, CoreError | ScriptFailed):
                    sums[pool] = [one + more for one, more in zip(sums.get(pool, [0, 0, 0]), reply[:3], strict=True)]
            after = found[-1] if found else ""
    return {pool: Counts(*numbers) for pool, numbers in sums.items()}


def _count(session: Session, ref: QueueRef, what: str) -> list[Any]:
    for _ in range(_MOST_EXPIRY_STEPS):
        try:
            reply: list[Any] = session.run(_COUNTS, ref, [what])
        except ScriptFailed:
            raise QueueNotFound from None
        if not reply[3]:
            break
    return reply


def _fields(settings: QueueSettings) -> list[bytes | str | int]:
    found: list[bytes | str | int] = []
    for name in (*_NUMBERS, *_WORDS):
        value = getattr(settings, name)
        if value is not None:
            found += (name, value)
    for name, document in settings.documents.items():
        found += (_DOCUMENT + name, document)
    return found


def _queue(ref: QueueRef, flat: list[bytes]) -> Queue:
    fields = {name.decode(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}
    settings = QueueSettings(
        **{name: int(fields[name]) for name in _NUMBERS if name in fields},  # type: ignore[arg-type] # by table
        **{name: fields[name].decode() for name in _WORDS if name in fields},  # type: ignore[arg-type] # by table
        documents={name[len(_DOCUMENT) :]: value for name, value in fields.items() if name.startswith(_DOCUMENT)},
    )
    return Queue(
        ref,
        bytes.fromhex(fields["inc"].decode()),
        msgspec.convert(fields["by"].decode(), Creator),
        int(fields["at"]),
        int(fields["mod"]),
        int(fields["rev"]),
        settings,
        int(fields["ret0"]),
    )

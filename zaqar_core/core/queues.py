"""Queues: create, read, change, delete, purge, list, count.

Retention, delay, visibility timeout and the other settings of a queue are fields of ``QueueSettings``. ``change``
writes them; the functions in the store read them at each operation.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec

from zaqar_core.core import stored_messages
from zaqar_core.core.later_steps import later_step
from zaqar_core.core.session import Session
from zaqar_core.domain import limits
from zaqar_core.domain.errors import (
    AccessDenied,
    CoreError,
    PurgeInProgress,
    QueueDeletedRecently,
    QueueNotFound,
    SettingsChanged,
    StoreUnavailable,
    TooManyQueues,
)
from zaqar_core.domain.model import Counts, Creator, Figures, Queue, QueueSettings, SettingsChange, Stats
from zaqar_core.domain.names import QueueRef
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import note_refusal
from zaqar_core.store import ScriptFailed, catalogue, keys, registry, script

# These are the same for plain, fair and FIFO queues.
_READ = script("get").plain
_CHANGE = script("change").plain
_PURGE_ALL = script("purge_all").plain
_PURGE_FREE = script("purge_free")
_COUNTS = script("counts")

#: Messages that one step of a Zaqar purge deletes.
_PURGE_STEP = 1000
#: Steps of processing what has become due, after which a count is returned although more of it is left.
_MOST_DUE_STEPS = 5

#: Queues counted in one round trip.
_QUEUES_AT_ONCE = 200

#: Tries of a read-edit-write. Each failed try means that another writer succeeded.
_MOST_REVISIONS = 32

_DOCUMENT = "doc:"
_NUMBERS = (
    "retention_seconds", "delay_seconds", "visibility_timeout_seconds", "receive_wait_seconds", "max_message_bytes",
    "max_post_bytes", "max_receive_count", "dead_letter_ttl_seconds", "content_based_deduplication",
    "managed_encryption", "encrypt_messages",
)  # fmt: skip
_WORDS = ("dead_letter_queue", "deduplication_scope", "fifo_throughput_limit")


Result = TypeVar("Result")


@dataclass(slots=True)
class Created:
    """The queue, which this call created if ``is_new``."""

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
    """Create the queue unless it exists. An existing queue is returned unchanged; the caller compares its settings.

    With pools, a new queue is created in a pool of ``flavor``, in ``pool``, or else in a pool chosen by weight. Raises
    QueueDeletedRecently within ``recreate_delay_seconds`` of a deletion, FlavorUnusable, TooManyQueues.
    """
    try:
        reply = session.call(_READ, ref, [])
    except ScriptFailed:
        if delay := session.settings.recreate_delay_seconds:
            left = registry.deleted_ms_ago(session.store, ref)
            if left is not None and left < delay * 1000:
                note_refusal(remedies.RECREATION, ref.name)
                raise QueueDeletedRecently(delay) from None
        _require_room(session, ref)
        keep = limits.SQS_RETENTION_SECONDS if creator == "sqs" else session.settings.default_message_ttl
        fields = _fields(settings)
        reply = session.create_queue(ref, [creator, keep, *fields], flavor=flavor, pool=pool)
    return Created(_queue(ref, reply[1:]), bool(reply[0]))


def _require_room(session: Session, ref: QueueRef) -> None:
    """Raise TooManyQueues if the account has no room for one more queue in the region.

    Creations at the same time may exceed the limit by their number.
    """
    limit = session.settings.max_queues_per_account
    if limit is not None and registry.number(session.store, ref.project, ref.region) >= limit:
        note_refusal(remedies.QUEUES, ref.project)
        raise TooManyQueues(limit)


def get(session: Session, ref: QueueRef) -> Queue:
    """Read the queue. One round trip. Raises QueueNotFound."""
    try:
        return _queue(ref, session.call(_READ, ref, [])[1:])
    except ScriptFailed:
        raise QueueNotFound from None


def change(session: Session, ref: QueueRef, wanted: SettingsChange) -> Queue:
    """Apply the whole change or nothing; return the changed queue.

    Wakes the waiting receives that a new delay or retention affects. Raises QueueNotFound, SettingsChanged.
    """
    written: list[bytes | str | int] = []
    unset: list[bytes | str | int] = list(wanted.unset)
    for name, value in wanted.set.items():
        written += (name, value)
    for name, document in wanted.documents.items():
        if document is None:
            unset.append(_DOCUMENT + name)
        else:
            written += (_DOCUMENT + name, document)
    expected = -1 if wanted.expected_revision is None else wanted.expected_revision
    try:
        reply = session.call(_CHANGE, ref, [expected, len(written) // 2, *written, *unset])
    except ScriptFailed as failed:
        raise (SettingsChanged if failed.word == "STALE" else QueueNotFound) from None
    return _queue(ref, reply)


def revise(session: Session, ref: QueueRef, edit: Callable[[Queue], SettingsChange]) -> Queue:
    """Read the queue and apply the change that ``edit`` derives from it; return the changed queue.

    After a concurrent change the queue is read and ``edit`` called once more, so no change is lost. Two round trips
    without concurrent changes. Raises QueueNotFound, SettingsChanged after many tries, and what ``edit`` raises.
    """
    for _ in range(_MOST_REVISIONS):
        queue = get(session, ref)
        try:
            return change(session, ref, replace(edit(queue), expected_revision=queue.revision))
        except SettingsChanged:
            continue
    raise SettingsChanged


def delete(session: Session, ref: QueueRef) -> None:
    """Delete the queue with its messages and claims; end its waiting receives. Raises QueueNotFound."""
    confirm(session, ref)
    try:
        incarnation = session.router.delete_queue(ref)
    except ScriptFailed:
        raise QueueNotFound from None
    with later_step():
        registry.remove(session.store, ref, incarnation, session.settings.recreate_delay_seconds)
    session.traffic.forget(ref)


def confirm(session: Session, ref: QueueRef) -> None:
    """Have the store confirm the guard of the queue, unless a call of the request has done so. Raises AccessDenied.

    A queue that does not exist has no policy, so there is nothing to confirm.
    """
    guard = session.guard_of(ref)
    if guard is not None and not guard.is_confirmed:
        with contextlib.suppress(QueueNotFound):
            get(session, ref)


def confirmed(session: Session, run: Callable[..., Result], *arguments: Any) -> Result:
    """Call ``run``, and have the store confirm all guards of the request before its result or its error is used.

    So nothing is said about a queue, not even which input is wrong, to callers who may not use it. Raises AccessDenied.
    """
    try:
        result = run(*arguments)
    except (AccessDenied, StoreUnavailable):
        raise
    except Exception:
        confirm_all(session)
        raise
    guards = session.guards
    if guards is not None:
        for guard in guards:
            if not guard.is_confirmed:
                confirm(session, guard.ref)
    return result


def confirm_all(session: Session) -> None:
    """Have the store confirm all guards of the request. Raises AccessDenied."""
    for guard in session.guards or ():
        if not guard.is_confirmed:
            confirm(session, guard.ref)


def purge_all(session: Session, ref: QueueRef) -> None:
    """Delete all visible, in flight and delayed messages and the FIFO deduplication history: the purge of SQS.

    Raises QueueNotFound, PurgeInProgress (the last purge was less than ``purge_interval_seconds`` ago).
    """
    try:
        session.call(_PURGE_ALL, ref, [session.settings.purge_interval_seconds])
    except ScriptFailed as failed:
        if failed.word == "PURGING":
            note_refusal(remedies.PURGE, ref.name)
            raise PurgeInProgress(int(failed.detail)) from None
        raise QueueNotFound from None


def purge_free(session: Session, ref: QueueRef) -> None:
    """Delete all messages that are not in flight, including delayed ones: Zaqar's purge. A missing queue is no error.

    Messages posted during the purge stay.
    """
    with contextlib.suppress(ScriptFailed):
        upto, more = session.run(_PURGE_FREE, ref, [-1, _PURGE_STEP])
        with later_step():
            while more:
                upto, more = session.run(_PURGE_FREE, ref, [upto, _PURGE_STEP])


def names(
    session: Session, project: str, region: str, *, prefix: str = "", after: str = "", limit: int = 1000
) -> list[str]:
    """Return up to ``limit`` names of the project's queues in the region, in byte order, after the name ``after``."""
    return registry.names(session.store, project, region, prefix=prefix, after=after, limit=limit)


def pages(session: Session, project: str, region: str, *, limit: int, after: str = "") -> Iterator[list[QueueRef]]:
    """Yield the project's queues in the region, ``limit`` at a time, in byte order of their names.

    Each page is read when it is asked for.
    """
    while found := names(session, project, region, after=after, limit=limit):
        yield [QueueRef(project, region, name) for name in found]
        if len(found) < limit:
            return
        after = found[-1]


def number(session: Session, project: str, region: str) -> int:
    """Return the number of queues that the project has in the region."""
    return registry.number(session.store, project, region)


def get_many(
    session: Session, refs: list[QueueRef], *, unread: list[StoreUnavailable] | None = None
) -> list[Queue | None]:
    """Read many queues in one round trip for each deployment; None for each that does not exist.

    Raises StoreUnavailable. With ``unread``, a queue in a pool that does not answer is None too, and the error is
    appended to that list.
    """
    replies = session.call_many(_READ, refs, [])
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
    """Read a queue and its counts in one round trip, at a cost that does not depend on the number of messages.

    Raises QueueNotFound.
    """
    reply = _count(session, ref, "counts")
    return _queue(ref, reply[8:]), Counts(*reply[:3])


def stats(session: Session, ref: QueueRef) -> Stats:
    """Return the counts with the oldest and the newest message. Raises QueueNotFound."""
    reply = _count(session, ref, "stats")
    oldest, newest = (
        stored_messages.without_content(session, row, now_ms=reply[6], keep_seconds=reply[7]) if row else None
        for row in reply[4:6]
    )
    return Stats(Counts(*reply[:3]), oldest, newest)


def figures(session: Session, refs: list[QueueRef]) -> list[Figures | StoreUnavailable | None]:
    """Read many queues with their numbers, in one round trip for each deployment.

    None for a queue that does not exist, StoreUnavailable for one in a pool that does not answer. One step of what has
    become due is processed, so counts of a queue where very much has expired at once may lag. Raises StoreUnavailable.
    """
    found: list[Figures | StoreUnavailable | None] = []
    for ref, reply in zip(refs, session.run_many(_COUNTS, refs, ["figures"]), strict=True):
        if isinstance(reply, StoreUnavailable):
            found.append(reply)
        elif isinstance(reply, CoreError | ScriptFailed):
            found.append(None)
        else:
            counts = Counts(*reply[:3])
            found.append(Figures(_queue(ref, reply[8:]), counts, reply[4] or None, reply[5], reply[6]))
    return found


def totals(session: Session) -> dict[str, Counts]:
    """Sum the counts of all queues of all projects by pool ("" is the main store). Topics do not count.

    One round trip for some hundreds of queues. Queues in pools that do not answer are left out.
    """
    sums: dict[str, list[int]] = {catalogue.MAIN: [0, 0, 0]}
    for namespace in registry.namespaces(session.store):
        project, region = keys.namespace(namespace)
        if QueueRef(project, region, "").is_topic:
            continue
        for refs in pages(session, project, region, limit=_QUEUES_AT_ONCE):
            pools, replies = session.router.pools_of(refs), session.run_many(_COUNTS, refs, ["counts"])
            for pool, reply in zip(pools, replies, strict=True):
                if not isinstance(reply, CoreError | ScriptFailed):
                    sums[pool] = [one + more for one, more in zip(sums.get(pool, [0, 0, 0]), reply[:3], strict=True)]
    return {pool: Counts(*numbers) for pool, numbers in sums.items()}


def _count(session: Session, ref: QueueRef, kind: str) -> list[Any]:
    for _ in range(_MOST_DUE_STEPS):
        try:
            reply: list[Any] = session.run(_COUNTS, ref, [kind])
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

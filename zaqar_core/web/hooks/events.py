"""The spy's log: events of messages in their order, while it is on. They are sent, moved, received and deleted.

An event is derived from the arguments and the reply of a script, so recording does not change the queues. Purges,
deletions of queues and expiry are not recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from zaqar_core.core import messages, stored_messages
from zaqar_core.domain.errors import MessageUnreadable
from zaqar_core.domain.model import StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import Store, keys, records

if TYPE_CHECKING:
    from zaqar_core.core.session import Session

#: Approximate number of events that are kept for each project.
_MOST = 10_000
#: Events in one response.
PAGE = 1000
#: Placeholders in a record for the time and the own ttl, which the script writes into it.
_UNKNOWN_TIME, _UNKNOWN_TTL = b"0" * 13, b"0" * 8


class Event(msgspec.Struct, omit_defaults=True):
    """One event. ``receive_count`` is set for receives. ``attributes`` is name -> text, without binary attributes."""

    action: Literal["sent", "moved", "received", "deleted"]
    queue: str
    region: str
    message_id: str
    body: str
    sequence: int
    attributes: dict[str, str] = {}
    group: str | None = None
    receive_count: int = 0


def record(session: Session, name: str, ref: QueueRef, arguments: Sequence[Any], reply: Any) -> None:
    """Write the events of a script's call to the project's log. Other scripts have none."""
    match name:
        case "send":
            _keep(session.store, ref, "sent", _sent(session, ref, arguments, reply))
        case "move_in":
            _keep(session.store, ref, "moved", _moved(session, ref, arguments, reply))
        case "receive" | "claim" if isinstance(reply, bytes):
            _keep(session.store, ref, "received", _taken(session, ref, reply))
        case "pop":
            found = list(_rows(session, ref, reply[4:]))
            _keep(session.store, ref, "received", found)
            _forget(session.store, ref, [one.sequence for one in found])
        case "delete_received":
            step = 2 if ref.is_fifo else 1
            words = reply if ref.is_fifo else [b"OK"] * len(arguments[1:])
            given = zip(arguments[1::step], words, strict=True)
            _forget(session.store, ref, [sequence for sequence, word in given if word == b"OK"])
        case "delete_by_id":
            _forget(session.store, ref, [stored_messages.claim_text(one.hex()) for one in arguments[4::3]])


def since(store: Store, project: str, after: str, *, queue: str | None) -> tuple[list[Event], str]:
    """Return the next events after a position ("" is the start), of one queue or of all, and the position of the last
    one read."""
    rows = store.command("XRANGE", keys.test("log", project), f"({after}" if after else "-", "+", "COUNT", PAGE)
    found = [msgspec.json.decode(fields[1], type=Event) for _, fields in rows]
    return [one for one in found if queue is None or one.queue == queue], rows[-1][0].decode() if rows else after


def _sent(session: Session, ref: QueueRef, arguments: Sequence[Any], reply: Any) -> Iterable[StoredMessage]:
    packed = arguments[3 :: 4 if ref.is_fifo else 2]
    for record, outcome in zip(packed, messages.outcomes(reply, len(packed)), strict=True):
        if isinstance(outcome, int) and outcome > 0:
            yield _read(session, ref, outcome, record)


def _moved(session: Session, ref: QueueRef, arguments: Sequence[Any], reply: Any) -> Iterable[StoredMessage]:
    for record, sequence in zip(arguments[3::7], reply, strict=True):
        if sequence:
            with suppress(MessageUnreadable):
                yield _read(session, ref, sequence, record)


def _read(session: Session, ref: QueueRef, sequence: int, record: bytes) -> StoredMessage:
    """Read a record as it is passed to a script: without its time and own ttl."""
    if record[8] & records.OWN_TTL:
        record = record[:9] + _UNKNOWN_TTL + record[9:]
    return stored_messages.message(session, ref, (sequence, _UNKNOWN_TIME + record, b""), now_ms=0, keep_seconds=0)


def _rows(session: Session, ref: QueueRef, rows: Sequence[Any]) -> list[StoredMessage]:
    try:
        return stored_messages.messages(session, ref, rows, now_ms=0, keep_seconds=0)
    except MessageUnreadable:
        return []


def _taken(session: Session, ref: QueueRef, reply: bytes) -> list[StoredMessage]:
    try:
        return stored_messages.taken(session, ref, reply)
    except MessageUnreadable:
        return []


def _keep(
    store: Store, ref: QueueRef, action: Literal["sent", "moved", "received"], found: Iterable[StoredMessage]
) -> None:
    seen, address = keys.test("seen", ref.project), keys.address(ref)
    for one in found:
        event = Event(
            action,
            ref.name,
            ref.region,
            one.id,
            one.body.decode(errors="replace"),
            one.sequence,
            {given.name: given.value.decode() for given in one.attributes if not given.data_type.startswith("Binary")},
            one.group,
            one.receive_count,
        )
        _log(store, ref, event)
        store.command(
            "HSET", seen, f"{address}|{one.sequence}", msgspec.json.encode(event), f"{address}|{one.id}", one.sequence
        )


def _forget(store: Store, ref: QueueRef, named: Iterable[int | str]) -> None:
    """Record the deletion of the messages that were seen before, by sequence or id, each once."""
    seen, address = keys.test("seen", ref.project), keys.address(ref)
    for name in named:
        sequence = name
        if isinstance(name, str) and "-" in name:
            sequence = int(store.command("HGET", seen, f"{address}|{name}") or 0)
        kept = store.command("HGET", seen, f"{address}|{sequence}")
        if kept is None:
            continue
        event = msgspec.json.decode(kept, type=Event)
        if store.command("HDEL", seen, f"{address}|{sequence}", f"{address}|{event.message_id}"):
            event.action = "deleted"
            _log(store, ref, event)


def _log(store: Store, ref: QueueRef, event: Event) -> None:
    store.command("XADD", keys.test("log", ref.project), "MAXLEN", "~", _MOST, "*", "event", msgspec.json.encode(event))

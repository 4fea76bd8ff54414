"""The figures of queues, at a small cost for queues in which nothing has happened.

The function that counts a queue takes the server some 100 microseconds. Before it is called, plain commands read a few
numbers, the signs, that change whenever its result can have changed, until a lease, a delay or the life of a message
ends. While they are the same and nothing has ended, the last result is used again.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from zaqar_core.core import queues
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.model import Figures
from zaqar_core.domain.names import QueueRef
from zaqar_core.domain.randomness import randomness
from zaqar_core.store import keys
from zaqar_core.store.connection import pack

#: Queues whose signs are read, and queues that are counted, in one round trip. For either, the server works about half
#: a millisecond, then answers others.
SIGNS_AT_ONCE, COUNTED_AT_ONCE = 40, 5
#: A result is used again for between the half of this and all of it, so that queues that were counted together are not
#: counted together again.
_MOST_SECONDS = 600.0
_TIME = pack((b"TIME",))
_SETTINGS = (b"gen", b"rev", b"seq", b"due", b"off")
_DUE, _OFFSET = 3, 4
#: Plain commands for one queue.
_COMMANDS = 4

Answer = Figures | StoreUnavailable | None


@dataclass(slots=True)
class _Known:
    """The last result of a queue. ``signs`` were read before it; it is used until ``ends`` by this process's time."""

    signs: list[Any]
    figures: Figures
    ends: float


class KnownFigures:
    """The last results of queues. Only one task or thread at a time may use it."""

    def __init__(self) -> None:
        self._known: dict[QueueRef, _Known] = {}

    def keep(self, names: Collection[str]) -> None:
        """Forget the queues of all other names."""
        if len(self._known) > len(names):
            self._known = {ref: one for ref, one in self._known.items() if ref.name in names}

    def read(self, session: Session, refs: Sequence[QueueRef]) -> list[Answer]:
        """Do what ``queues.figures`` does, for up to SIGNS_AT_ONCE queues.

        One round trip, and one more for some of the queues in which something has happened. A cluster and pools have no
        plain commands for many queues: there each queue is counted. Raises StoreUnavailable.
        """
        if session.store.is_cluster or session.settings.pooling:
            return _counted(session, refs)
        commands = b"".join([_TIME, *map(_commands, refs)])
        replies = session.store.read(commands, 1 + _COMMANDS * len(refs))
        seconds, microseconds = replies[0]
        now, now_ms = time.monotonic(), int(seconds) * 1000 + int(microseconds) // 1000
        signs = [replies[at : at + _COMMANDS] for at in range(1, len(replies), _COMMANDS)]
        found: list[Answer] = []
        changed: list[int] = []
        for index, ref in enumerate(refs):
            known = self._known.get(ref)
            queue_ms = now_ms + int(signs[index][0][_OFFSET] or 0)
            if known is not None and known.signs == signs[index] and _is_valid(known, now, queue_ms):
                found.append(replace(known.figures, now_ms=queue_ms))
            else:
                found.append(None)
                changed.append(index)
        for index, figures in zip(changed, _counted(session, [refs[index] for index in changed]), strict=True):
            found[index] = figures
            if isinstance(figures, Figures):
                # The signs were read before it, so a change between the two is noticed the next time.
                ends = now + randomness.uniform(_MOST_SECONDS / 2, _MOST_SECONDS)
                self._known[refs[index]] = _Known(signs[index], figures, ends)
            else:
                self._known.pop(refs[index], None)
        return found


def _is_valid(known: _Known, now: float, queue_ms: int) -> bool:
    """Return whether nothing has ended since the queue was counted. ``queue_ms`` is the queue's time."""
    figures, due_ms = known.figures, known.signs[0][_DUE]
    if due_ms is None or queue_ms >= int(due_ms) or now > known.ends:
        return False
    if figures.oldest_sent_ms is None:
        return True
    retention_seconds = figures.queue.settings.retention_seconds or figures.queue.default_retention_seconds
    return queue_ms < figures.oldest_sent_ms + 1000 * retention_seconds


def _counted(session: Session, refs: Sequence[QueueRef]) -> list[Answer]:
    found: list[Answer] = []
    for first in range(0, len(refs), COUNTED_AT_ONCE):
        found += queues.figures(session, list(refs[first : first + COUNTED_AT_ONCE]))
    return found


def _commands(ref: QueueRef) -> bytes:
    key = keys.queue(ref)
    parts = [pack((b"HMGET", key, *_SETTINGS))]
    parts += [pack((b"ZCARD", key + part)) for part in (b":a", b":l", b":d")]
    return b"".join(parts)

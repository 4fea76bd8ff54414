"""Results of counting queues, at a small cost for queues in which nothing has happened.

A function that counts a queue takes the server 50 to 100 microseconds. Before it is called, plain commands read a few
numbers, the signs, that change whenever its result can have changed, until a lease, a delay or the life of a message
ends. While they are the same and nothing has ended, the last result is used again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from zaqar_core.core.session import Session
from zaqar_core.domain.batches import batched
from zaqar_core.domain.names import QueueRef
from zaqar_core.domain.randomness import randomness
from zaqar_core.store import keys
from zaqar_core.store.connection import pack

#: Queues that are counted in one round trip. The server works for a millisecond, then answers others.
COUNTED_AT_ONCE = 10
_TIME = pack((b"TIME",))
#: What every kind reads first: when the next lease or delay ends, and how far the clock of the queue is ahead.
_DUE, _OFFSET = 0, 1
_FIRST_FIELDS = (b"due", b"off")
#: The sorted sets of messages that are visible, in flight and delayed.
_SETS = (b":a", b":l", b":d")

T = TypeVar("T")
#: What stands for a queue without a result.
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T, U]):
    """What is read of queues, and how long it stays true while nothing happens."""

    result: type[T]
    #: Count queues in one round trip for each deployment.
    count: Callable[[Session, list[QueueRef]], Sequence[T | U]]
    #: Fields of the queue's hash that change with the result, and hashes whose number of fields does.
    fields: tuple[bytes, ...]
    hashes: tuple[bytes, ...]
    #: Whether a result still holds, given the numbers of ``hashes`` and the time of the queue in milliseconds.
    holds: Callable[[T, Sequence[int], int], bool]
    #: The same result after some seconds, at the time of the queue in milliseconds.
    after: Callable[[T, float, int], T]
    #: A result is used again for between the half of this and all of it, so that queues that were counted together are
    #: not counted together again.
    most_seconds: float


@dataclass(slots=True)
class _Known(Generic[T]):
    """The last result of a queue, until ``ends``. ``signs`` were read before it, at ``read_at``.

    Both times are of this process. ``commands`` read the signs.
    """

    commands: bytes
    signs: list[Any]
    result: T
    read_at: float
    ends: float


class KnownQueues(Generic[T, U]):
    """The last results of one kind. Only one task or thread at a time may use it."""

    def __init__(self, kind: Kind[T, U]) -> None:
        self._kind = kind
        self._known: dict[QueueRef, _Known[T]] = {}
        #: Plain commands for one queue.
        self._commands = 1 + len(_SETS) + len(kind.hashes)

    def keep(self, number: int, is_kept: Callable[[QueueRef], bool]) -> None:
        """Forget all other queues. ``number`` is how many there are."""
        if len(self._known) > number:
            self._known = {ref: one for ref, one in self._known.items() if is_kept(ref)}

    def read(self, session: Session, refs: Sequence[QueueRef]) -> list[T | U]:
        """Do what the kind's ``count`` does, for some dozens of queues.

        One round trip, and one more for some of the queues in which something has happened. A cluster and pools have no
        plain commands for many queues: there each queue is counted. Raises StoreUnavailable.
        """
        if session.store.is_cluster or session.settings.pooling:
            return self._counted(session, refs)
        last = [self._known.get(ref) for ref in refs]
        packed = [self._packed(ref) if one is None else one.commands for ref, one in zip(refs, last, strict=True)]
        replies = session.store.read(b"".join([_TIME, *packed]), 1 + self._commands * len(refs))
        seconds, microseconds = replies[0]
        now, now_ms = time.monotonic(), int(seconds) * 1000 + int(microseconds) // 1000
        found: dict[QueueRef, T | U] = {}
        changed: dict[QueueRef, tuple[bytes, list[Any]]] = {}
        for index, (ref, one) in enumerate(zip(refs, last, strict=True)):
            at = 1 + self._commands * index
            signs = replies[at : at + self._commands]
            queue_ms = now_ms + int(signs[0][_OFFSET] or 0)
            if one is not None and one.signs == signs and self._holds(one, now, queue_ms):
                found[ref] = self._kind.after(one.result, now - one.read_at, queue_ms)
            else:
                changed[ref] = packed[index], signs
        for ref, answer in zip(changed, self._counted(session, [*changed]), strict=True):
            found[ref] = answer
            if isinstance(answer, self._kind.result):
                # The signs were read before it, so a change between the two is noticed the next time.
                ends = now + randomness.uniform(self._kind.most_seconds / 2, self._kind.most_seconds)
                self._known[ref] = _Known(*changed[ref], answer, now, ends)
            else:
                self._known.pop(ref, None)
        return [found[ref] for ref in refs]

    def _holds(self, one: _Known[T], now: float, queue_ms: int) -> bool:
        due_ms = one.signs[0][_DUE]
        if due_ms is None or queue_ms >= int(due_ms) or now > one.ends:
            return False
        return self._kind.holds(one.result, one.signs[1 + len(_SETS) :], queue_ms)

    def _counted(self, session: Session, refs: Sequence[QueueRef]) -> list[T | U]:
        return [one for some in batched(refs, COUNTED_AT_ONCE) for one in self._kind.count(session, some)]

    def _packed(self, ref: QueueRef) -> bytes:
        key = keys.queue(ref)
        commands = [pack((b"HMGET", key, *_FIRST_FIELDS, *self._kind.fields))]
        commands += [pack((b"ZCARD", key + part)) for part in _SETS]
        commands += [pack((b"HLEN", key + part)) for part in self._kind.hashes]
        return b"".join(commands)

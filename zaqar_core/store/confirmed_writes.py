"""Writes of tasks that replicas must confirm too (durability ``replicated``).

WAITAOF blocks its connection, so these writes have connections of their own. The writes that arrive while all of them
are busy go out together on the next free one, and one WAITAOF confirms them all.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import hiredis

from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.eventloop import Signal, sleep
from zaqar_core.store.connection import pack
from zaqar_core.store.joined_calls import Commands, Exchange, alone, joined
from zaqar_core.store.shared_link import SharedLink

_CONNECTIONS = 4
#: Time that a task waits for a free connection or for the result of its round.
_PATIENCE_SECONDS = 30.0
#: Time-outs of the WAITAOF commands that wait for the disks of the primary and of one replica. A replica that is
#: queried before its disk has the write reports it only a second later. So WAITAOF is repeated after short waits, and
#: not sent in the packet of the write. Measured on an idle pair: 1000 ms in one packet, 0.5 ms this way. Once the write
#: is confirmed, the remaining WAITAOF return at once.
_PATIENCE_MS = (1, 1, 1, 5, 1000)
#: The same for a while after a round without confirmation: while no replica is there, writes fail fast.
_IMPATIENCE_MS = (1, 1, 1, 5, 50)
#: Until a round has the full time again, since the replica may only be slow.
_IMPATIENT_SECONDS = 1.0


def wait_commands(replicas: int, patience_ms: tuple[int, ...] = _PATIENCE_MS) -> tuple[bytes, int]:
    """Return the packed commands that wait for so many replicas, and their number. The last reply counts."""
    return b"".join(pack((b"WAITAOF", 1, replicas, patience)) for patience in patience_ms), len(patience_ms)


def check_replicas(confirmed: Any, replicas: int) -> None:
    """Raise StoreUnavailable unless the disks of the primary and of so many replicas have the write."""
    own, others = (0, 0) if isinstance(confirmed, hiredis.ReplyError) else confirmed
    if own < 1:
        raise StoreUnavailable("the primary did not have the write on disk within 1 s")
    if others < replicas:
        raise StoreUnavailable(f"{others} of {replicas} replicas confirmed the write within 1 s")


class ConfirmedWrites:
    """The connections for such writes. Only tasks of one loop use it."""

    __slots__ = ("_free", "_impatient_until", "_links", "_newest", "_next", "_queue", "_replicas")

    def __init__(self, new_link: Callable[[], SharedLink], newest: Callable[[], int], replicas: int) -> None:
        """``newest`` returns the present generation: it may grow while a round waits for a free connection."""
        self._newest = newest
        self._replicas = replicas
        self._links = [new_link() for _ in range(_CONNECTIONS)]
        self._free = list(self._links)
        self._queue: deque[Signal] = deque()
        self._next: _Round | None = None
        self._impatient_until = 0.0

    def exchange(self, commands: Commands, replies: int) -> list[Any]:
        """Send commands and return that many replies, once a replica has confirmed them.

        Raises StoreUnavailable, ``is_unsent`` when no connection could be opened; else the outcome is unknown.
        """
        found = self._next
        if found is not None:
            index = found.add(commands, replies)
            found.wait()
            return found.result(index)
        opened = self._next = _Round()
        index = opened.add(commands, replies)
        try:
            sleep(0)  # the other writes of this turn join
            self._lead(opened)
        finally:
            if self._next is opened:
                self._next = None
            opened.end()
        return opened.result(index)

    def close(self) -> None:
        """Close all connections; running exchanges fail."""
        for link in self._links:
            link.close()

    def _lead(self, opened: _Round) -> None:
        if not self._free:
            signal = Signal()
            self._queue.append(signal)
            signal.wait(_PATIENCE_SECONDS)
            if not self._free:
                if signal in self._queue:
                    self._queue.remove(signal)
                raise StoreUnavailable("all connections for confirmed writes are busy", is_unsent=True)
        link = self._free.pop()
        self._next = None  # from here on writes open another round
        is_patient = time.monotonic() >= self._impatient_until
        try:
            opened.run(link, self._newest(), self._replicas, _PATIENCE_MS if is_patient else _IMPATIENCE_MS)
            self._impatient_until = 0.0
        except StoreUnavailable as problem:
            opened.problem = problem
            if is_patient and not problem.is_disconnected:
                self._impatient_until = time.monotonic() + _IMPATIENT_SECONDS
        finally:
            self._free.append(link)
            if self._queue:
                self._queue.popleft().wake()


class _Round:
    """Writes that go out in one packet."""

    __slots__ = ("_found", "_waiting", "_writes", "problem")

    def __init__(self) -> None:
        self._writes: list[Exchange] = []
        #: The replies of each write whose replies have come, or the text of a problem, by its index.
        self._found: dict[int, list[Any] | str] = {}
        self._waiting: list[Signal] = []
        self.problem: StoreUnavailable | None = None

    def add(self, commands: Commands, replies: int) -> int:
        """Add a write; return its index in the round."""
        index = len(self._writes)
        self._writes.append((commands, partial(self._found.__setitem__, index), replies))
        return index

    def run(self, link: SharedLink, generation: int, replicas: int, patience_ms: tuple[int, ...]) -> None:
        """Send all writes and wait for so many replicas. Raises StoreUnavailable.

        WAITAOF waits for the writes of its own connection only, so both go over the same one.
        """
        channel = link.channel(generation)
        channel.require_fit()
        writes = joined(self._writes)
        found = channel.exchange(
            b"".join([alone(commands) for commands, _, _ in writes]), sum([count for _, _, count in writes])
        )
        if not all(isinstance(reply, hiredis.ReplyError) for reply in found):
            check_replicas(channel.exchange(*wait_commands(replicas, patience_ms))[-1], replicas)
        at = 0
        for _, keep, count in writes:
            keep(found[at : at + count])
            at += count

    def wait(self) -> None:
        """Wait for the end of the round."""
        signal = Signal()
        self._waiting.append(signal)
        signal.wait(_PATIENCE_SECONDS * 2)

    def end(self) -> None:
        """Resume all tasks that wait for the round."""
        for signal in self._waiting:
            signal.wake()

    def result(self, index: int) -> list[Any]:
        """Return the replies of one write. Raises StoreUnavailable."""
        found = self._found.get(index)
        if isinstance(found, list):
            return found
        raise self.problem or StoreUnavailable(found or "the write was not confirmed")

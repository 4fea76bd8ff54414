"""The connections to one server that the tasks of an event loop share, each kind of exchange on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store.confirmed_writes import ConfirmedWrites
from zaqar_core.store.joined_calls import Commands, JoinableCall, alone
from zaqar_core.store.shared_link import SharedLink
from zaqar_core.store.turns import Turns

Found = TypeVar("Found")

#: Commands and replies above this size have a connection of their own: smaller ones do not wait until they have passed.
LARGE_BYTES = 64 * 1024
#: Bytes of the large exchanges that run at the same time. The server executes all commands that have arrived on a
#: connection before it reads from the next one, so more would delay the small exchanges.
_MOST_LARGE_BYTES = 1 << 20
#: Exchanges of one queue that run at the same time, for the same reason, as long as its messages may be large: a few at
#: first, and one more after each small reply. From the second number on its messages are small, and nothing bounds
#: them.
_FEWEST, _SMALL = 4, 64
#: Queues whose replies are remembered. All are forgotten when there are more.
_MOST_QUEUES = 10_000
#: No reply without messages has more.
_EMPTY_BYTES = 38


class SharedLinks:
    """A connection for small exchanges, one for large ones, and those for writes that a replica must confirm."""

    __slots__ = (
        "_asking", "_bounds", "_confirmed", "_large", "_large_turns", "_new_link", "_newest", "_replicas", "_sizes",
        "_small", "_widths", "loop",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        new_link: Callable[[], SharedLink],
        newest: Callable[[], int],
        replicas: int,
    ) -> None:
        """``newest`` returns the present generation of connections. ``replicas`` must confirm a write."""
        self._replicas = replicas
        self.loop = loop
        self._newest = newest
        self._new_link = new_link
        self._small = new_link()
        self._large: SharedLink | None = None
        self._large_turns = Turns(_MOST_LARGE_BYTES)
        self._confirmed: ConfirmedWrites | None = None
        #: The expected size of a reply with messages, for each queue whose last ones were large.
        self._sizes: dict[bytes, int] = {}
        #: The turns of the other queues that are asked for messages now, and how many exchanges may run.
        self._asking: dict[bytes, Turns] = {}
        self._bounds: dict[bytes, int] = {}
        #: About the largest reply of late with messages of the queues without a bound: as much is expected of a call
        #: that others may join.
        self._widths: dict[bytes, int] = {}

    def exchange(
        self,
        commands: Commands,
        replies: int,
        generation: int,
        *,
        queue: bytes,
        returns_messages: bool,
        changes: bool,
        confirmed: bool,
    ) -> list[Any]:
        """Send commands and return that many replies.

        Raises StoreUnavailable: see ``links.Links.exchange``.
        """
        if returns_messages and isinstance(commands, JoinableCall):
            commands.expected_bytes = self._widths.get(queue, 0)
        if confirmed:
            if self._confirmed is None:
                self._confirmed = ConfirmedWrites(self._new_link, self._newest, self._replicas)
            found = self._confirmed.exchange(commands, replies)
            if returns_messages:
                self._remember_width(queue, _size(found[0]))
            return found
        if isinstance(commands, bytes) and len(commands) > LARGE_BYTES:
            self._bounds.pop(queue, None)  # what is sent to it comes back
            return self._exchange_large(commands, replies, generation, len(commands), changes=changes)
        if not returns_messages:
            return self._small.exchange(commands, replies, generation, changes=changes)
        received: list[Any] | None = None
        while received is None:
            expected = self._sizes.get(queue, 0)
            if expected:
                received = self._exchange_large(alone(commands), replies, generation, expected, changes=changes)
            elif self._bounds.get(queue) == _SMALL:
                received = self._small.exchange(commands, replies, generation, changes=changes)
            else:
                received = self._ask(alone(commands), replies, generation, queue, changes=changes)
        self._remember(queue, _size(received[0]), expected)
        return received

    def _exchange_large(self, packed: bytes, replies: int, generation: int, size: int, *, changes: bool) -> list[Any]:
        if self._large is None:
            self._large = self._new_link()
        large = self._large
        return _in_turn(self._large_turns, size, lambda: large.exchange(packed, replies, generation, changes=changes))

    def _ask(self, packed: bytes, replies: int, generation: int, queue: bytes, *, changes: bool) -> list[Any] | None:
        """Exchange for a queue whose messages seem to be small; return None if they turn out to be large meanwhile."""
        turns = self._asking.get(queue)
        if turns is None:
            turns = self._asking[queue] = Turns(self._bounds.get(queue, _FEWEST))

        def ask() -> list[Any] | None:
            return None if queue in self._sizes else self._small.exchange(packed, replies, generation, changes=changes)

        try:
            return _in_turn(turns, 1, ask)
        finally:
            if turns.is_free:
                self._asking.pop(queue, None)

    def _remember(self, queue: bytes, size: int, expected: int) -> None:
        """Expect replies of this size from a queue; after large ones a small one may be an exception."""
        size = max(size, expected // 2)
        if size > LARGE_BYTES:
            _put(self._sizes, queue, size)
            self._bounds.pop(queue, None)
        elif expected:
            self._sizes.pop(queue, None)
        elif (bound := self._bounds.get(queue, _FEWEST)) < _SMALL:
            _put(self._bounds, queue, bound + 1)
            if (turns := self._asking.get(queue)) is not None:
                turns.most = bound + 1
        self._remember_width(queue, size)

    def _remember_width(self, queue: bytes, size: int) -> None:
        if _EMPTY_BYTES < size != (width := self._widths.get(queue, 0)):
            _put(self._widths, queue, max(size, width - width // 16))

    def close(self) -> None:
        """Close all connections; running exchanges fail."""
        for link in (self._small, self._large, self._confirmed):
            if link is not None:
                link.close()


def _in_turn(turns: Turns, size: int, exchange: Callable[[], Found]) -> Found:
    turns.enter(size)
    try:
        return exchange()
    except StoreUnavailable as problem:
        if problem.is_unsent:
            turns.fail(problem)
        raise
    finally:
        turns.leave(size)


def _put(found: dict[bytes, int], queue: bytes, number: int) -> None:
    if len(found) >= _MOST_QUEUES:
        found.clear()
    found[queue] = number


def _size(reply: Any) -> int:
    """Return about how many bytes a reply has: its texts, and those of the lists in it."""
    if reply.__class__ is bytes:
        return len(reply)
    return sum([_size(one) for one in reply]) if reply.__class__ is list else 0

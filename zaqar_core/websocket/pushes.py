"""Notifications to the connections of this process: from the store's channel to each connection's own queue."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable

import orjson

from zaqar_core.domain import limits
from zaqar_core.notifications import websockets
from zaqar_core.store.wakeups import Waiters
from zaqar_core.websocket import frames
from zaqar_core.websocket.conversation import Conversation

#: Of one connection that were not written yet. A client that is so far behind is disconnected, so that it knows.
_MOST_WAITING, _MOST_WAITING_BYTES = limits.PUSHES_BEHIND, limits.PUSHES_BEHIND_BYTES
#: Close code for it: try again later.
TOO_SLOW = 1013


class Line:
    """What waits to be pushed to one connection. Used only on the event loop."""

    def __init__(self, conversation: Conversation, on_overrun: Callable[[], object]) -> None:
        """``on_overrun`` is called once, when too many are waiting: from then on all are lost."""
        self.conversation = conversation
        self._on_overrun = on_overrun
        self._is_overrun = False
        self._waiting: deque[str | bytes] = deque()
        self._bytes = 0
        self._something = asyncio.Event()

    def put(self, frame: str | bytes) -> None:
        """It is pushed after those before it."""
        if self._is_overrun:
            return
        if len(self._waiting) >= _MOST_WAITING or (self._waiting and self._bytes + len(frame) > _MOST_WAITING_BYTES):
            self._is_overrun = True
            self._waiting.clear()
            self._on_overrun()
            return
        self._bytes += len(frame)
        self._waiting.append(frame)
        self._something.set()

    async def next(self) -> str | bytes:
        """The next frame."""
        while not self._waiting:
            self._something.clear()
            await self._something.wait()
        frame = self._waiting.popleft()
        self._bytes -= len(frame)
        return frame


class Pushes:
    """The lines of all connections of this process."""

    def __init__(self, waiters: Waiters) -> None:
        self._process = waiters.channel.rpartition(":")[2]
        self._waiting = waiters
        self._numbers = itertools.count(1)
        self._lines: dict[int, Line] = {}

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on what comes on the channel is put into the lines."""

        def heard(payload: bytes) -> None:
            connection, subscription_id, document = websockets.parse(payload)
            loop.call_soon_threadsafe(self._put, connection, subscription_id, document)

        self._waiting.pushed = heard

    def open(self, conversation: Conversation, on_overrun: Callable[[], object]) -> tuple[int, Line]:
        """A line for a connection, and its number."""
        number, line = next(self._numbers), Line(conversation, on_overrun)
        conversation.subscriber = websockets.subscriber(self._process, number)
        self._lines[number] = line
        return number, line

    def close(self, number: int) -> None:
        """Nothing is pushed to the connection any more."""
        del self._lines[number]

    def _put(self, connection: int, subscription_id: str, document: bytes) -> None:
        line = self._lines.get(connection)
        if line is None:  # it has just gone
            return
        if line.conversation.is_pushed_in_binary(subscription_id):
            line.put(frames.write(orjson.loads(document), is_binary=True))
        else:
            line.put(document.decode())

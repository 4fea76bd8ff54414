"""Notifications to the connections of this process: from the store's channel to a buffer for each connection."""

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

#: Limits of the notifications that wait for one connection. A client beyond them is disconnected, so that it knows of
#: the loss.
_MOST_WAITING, _MOST_WAITING_BYTES = limits.PUSHES_BEHIND, limits.PUSHES_BEHIND_BYTES
#: The close code of such a client, and of one whose subscriptions were lost: 1013, try again later.
TOO_SLOW = 1013


class PushBuffer:
    """The frames that wait to be pushed to one connection. Used only on the event loop."""

    def __init__(self, conversation: Conversation, close: Callable[[str], object]) -> None:
        """``close`` closes the connection for a reason. It is called at most once; later frames are dropped."""
        self.conversation = conversation
        self._close = close
        self._is_closed = False
        self._waiting: deque[str | bytes] = deque()
        self._bytes = 0
        self._something = asyncio.Event()

    def put(self, frame: str | bytes) -> None:
        """Add a frame, which is pushed after all earlier ones."""
        if self._is_closed:
            return
        if len(self._waiting) >= _MOST_WAITING or (self._waiting and self._bytes + len(frame) > _MOST_WAITING_BYTES):
            self.close("The client is too far behind.")
            return
        self._bytes += len(frame)
        self._waiting.append(frame)
        self._something.set()

    def close(self, reason: str) -> None:
        """Close the connection, so that the client knows that it misses notifications."""
        self._is_closed = True
        self._waiting.clear()
        self._close(reason)

    async def next(self) -> str | bytes:
        """Wait for the next frame and return it."""
        while not self._waiting:
            self._something.clear()
            await self._something.wait()
        frame = self._waiting.popleft()
        self._bytes -= len(frame)
        return frame


class Pushes:
    """The buffers of all connections of this process."""

    def __init__(self, waiters: Waiters) -> None:
        self._process = waiters.channel.rpartition(":")[2]
        self._waiting = waiters
        self._numbers = itertools.count(1)
        self._buffers: dict[int, PushBuffer] = {}

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Put all later notifications on the store's channel into the buffers."""

        def on_pushed(payload: bytes) -> None:
            connection, subscription_id, document = websockets.parse(payload)
            loop.call_soon_threadsafe(self._put, connection, subscription_id, document)

        self._waiting.pushed = on_pushed

    def lose(self) -> None:
        """Close every connection with subscriptions of its own: the store has lost them."""
        for buffer in list(self._buffers.values()):
            if buffer.conversation.has_subscriptions:
                buffer.close("The subscriptions of this connection were lost.")

    def open(self, conversation: Conversation, close: Callable[[str], object]) -> tuple[int, PushBuffer]:
        """Create the buffer of a connection, and return it with the connection's number."""
        number, buffer = next(self._numbers), PushBuffer(conversation, close)
        conversation.subscriber = websockets.subscriber(self._process, number)
        self._buffers[number] = buffer
        return number, buffer

    def close(self, number: int) -> None:
        """Drop the buffer of a connection: nothing more is pushed to it."""
        del self._buffers[number]

    def _put(self, connection: int, subscription_id: str, document: bytes) -> None:
        buffer = self._buffers.get(connection)
        if buffer is None:  # the connection has just been closed
            return
        if buffer.conversation.is_pushed_in_binary(subscription_id):
            buffer.put(frames.write(orjson.loads(document), is_binary=True))
        else:
            buffer.put(document.decode())

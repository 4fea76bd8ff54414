"""A shared connection: all tasks of an event loop use it.

The commands of one turn of the loop go out in one write. The server answers in order, and each reply resumes its task.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable
from typing import Any

import hiredis

from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.eventloop import Signal, Threads, current_task
from zaqar_core.store.connection import Link
from zaqar_core.store.inspection import ServerState
from zaqar_core.store.joined_calls import Commands, Exchange, alone, joined

_RECEIVE_BYTES = 256 * 1024
#: How often a time-out of the server is looked for, as a part of it.
_CHECKS_PER_TIMEOUT = 4

_log = logging.getLogger("sqs_facade.store")

#: Threads of their own, so that no slow call of another service keeps the store from being connected.
_connecting = Threads(32, "connecting")
#: Time between two looks at an attempt; its end is signalled.
_ATTEMPT_SECONDS = 60.0

Resume = Callable[[Any], object]


class SharedLink:
    """The connection, which is opened and replaced on demand. Only tasks of its loop use it."""

    __slots__ = ("_channel", "_is_closed", "_link", "_opened", "_opening", "_patience_seconds", "loop")

    def __init__(
        self,
        link: Link,
        loop: asyncio.AbstractEventLoop,
        patience_seconds: float,
        opened: Callable[[], object] = lambda: None,
    ) -> None:
        """``link`` opens the sockets. ``opened`` is called whenever one is open."""
        self._opened = opened
        self._link = link
        self.loop = loop
        self._patience_seconds = patience_seconds
        self._channel: Channel | None = None
        #: The attempt to open a connection, while one runs.
        self._opening: _Opening | None = None
        self._is_closed = False

    def exchange(self, commands: Commands, replies: int, generation: int, *, changes: bool = False) -> list[Any]:
        """Send commands and return that many replies, on a connection of the generation or a newer one.

        Raises StoreUnavailable: see ``links.Links.exchange``.
        """
        channel = self._channel
        if channel is None or channel.generation < generation or channel.is_closed:
            channel = self._open(generation)
        if changes:
            channel.require_fit()
        return channel.exchange(commands, replies)

    def channel(self, generation: int) -> Channel:
        """Return the open connection of the generation or a newer one. Use it at once: it may be lost later.

        Raises StoreUnavailable, ``is_unsent``.
        """
        channel = self._channel
        if channel is None or channel.generation < generation or channel.is_closed:
            channel = self._open(generation)
        return channel

    def close(self) -> None:
        """Close the connection, also one that is being opened; running exchanges fail."""
        self._is_closed = True
        channel, self._channel = self._channel, None
        if channel is not None:
            try:
                self.loop.call_soon_threadsafe(channel.lose, "closed")
            except RuntimeError:  # the loop is closed, and its tasks with it
                channel.abandon()

    def _open(self, generation: int) -> Channel:
        while (opening := self._opening) is not None:
            opening.wait()
            channel = self._channel
            if channel is not None and channel.generation >= generation and not channel.is_closed:
                return channel
        opening = self._opening = _Opening()
        try:
            if self._channel is not None:
                self._channel.retire()
                self._channel = None
            link = self._link
            _connecting.run(link.open, self._patience_seconds)
            if self._is_closed:
                link.close()
                raise StoreUnavailable("the store is closed", is_unsent=True)
            channel = self._channel = Channel(self.loop, *link.detach(), generation, link.state)
            self._opened()
            return channel
        except StoreUnavailable as problem:
            opening.problem = problem.reason
            raise
        finally:
            self._opening = None
            opening.end()


class _Opening:
    """One attempt to open the connection. Its failure is that of all tasks that wait for it: none tries again."""

    __slots__ = ("_is_over", "_waiting", "problem")

    def __init__(self) -> None:
        self.problem: str | None = None
        self._is_over = False
        self._waiting: list[Signal] = []

    def wait(self) -> None:
        """Wait for its end. Raises StoreUnavailable when it has failed."""
        signal = Signal()
        self._waiting.append(signal)
        while not self._is_over:
            signal.wait(_ATTEMPT_SECONDS)
        if self.problem is not None:
            raise StoreUnavailable(self.problem, is_disconnected=True, is_unsent=True)

    def end(self) -> None:
        """Resume all tasks that wait."""
        self._is_over = True
        for signal in self._waiting:
            signal.wake()


class Channel:
    """An open connection. Every method runs on the loop."""

    __slots__ = (
        "_connection", "_is_retired", "_is_scheduled", "_loop", "_oldest", "_out", "_pending", "_reader", "_rest",
        "_silent_checks", "_socket", "_state", "_timeout_seconds", "_watch", "generation", "is_closed",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: Any,
        timeout_seconds: float,
        generation: int,
        state: ServerState | None = None,
    ) -> None:
        """``connection`` is redis-py's, connected. Without a reply for the time-out the connection is lost.

        ``state`` is that of the connected server.
        """
        self.generation = generation
        self._state = state
        self.is_closed = False
        self._is_retired = False
        self._loop = loop
        self._connection = connection
        self._socket = connection._sock
        self._timeout_seconds = timeout_seconds
        self._reader: Any = hiredis.Reader(notEnoughData=Ellipsis)
        #: What the next write sends.
        self._out: list[Exchange] = []
        self._is_scheduled = False
        #: What the kernel did not take yet.
        self._rest = memoryview(b"")
        #: For each exchange without its replies: how to resume its task, how many replies it waits for, and those that
        #: have come.
        self._pending: deque[tuple[Resume, int, list[Any]]] = deque()
        self._oldest: object = None
        self._silent_checks = 0
        self._socket.setblocking(False)
        loop.add_reader(self._socket, self._readable)
        self._watch = loop.call_later(timeout_seconds / _CHECKS_PER_TIMEOUT, self._check_time)

    def exchange(self, commands: Commands, replies: int) -> list[Any]:
        """Send and return the replies. Raises StoreUnavailable when the connection has ended or ends meanwhile."""
        task = current_task()
        assert task is not None
        if self.is_closed:
            raise StoreUnavailable("connection lost", is_disconnected=True)
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._flush)
        self._out.append((commands, task.switch, replies))
        found: list[Any] = task.suspend()
        if found.__class__ is not list:
            raise StoreUnavailable(f"connection lost: {found}", is_disconnected=True)
        return found

    def require_fit(self) -> None:
        """Raise StoreUnfit while the server must not acknowledge changes."""
        state = self._state
        if state is not None and state.problem is not None:
            raise state.refusal()

    def retire(self) -> None:
        """Close it as soon as the running exchanges are over."""
        self._is_retired = True
        if not self._pending and not self._out:
            self.lose("retired")

    def lose(self, problem: object) -> None:
        """Close the connection; the running exchanges fail."""
        if self.is_closed:
            return
        self.is_closed = True
        self._watch.cancel()
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._connection.disconnect()
        for resume in [*(one[0] for one in self._pending), *(one[1] for one in self._out)]:
            self._loop.call_soon(resume, str(problem))
        self._pending.clear()
        self._out.clear()

    def abandon(self) -> None:
        """Close the connection of a loop that is closed."""
        self.is_closed = True
        self._connection.disconnect()

    def _flush(self) -> None:
        self._is_scheduled = False
        if self.is_closed:
            return
        if self._rest:
            return  # the kernel takes no more now
        out, self._out = self._out, []
        packed: list[bytes] = []
        try:
            for commands, resume, replies in joined(out) if len(out) > 1 else out:
                packed.append(alone(commands))
                self._pending.append((resume, replies, []))
        except Exception:  # whatever it is, all tasks must go on
            _log.exception("commands for the store cannot be packed")
            for _ in packed:
                self._pending.pop()
            for _, resume, _ in out:
                self._loop.call_soon(resume, "commands cannot be sent")
            return
        self._rest = memoryview(b"".join(packed))
        self._write()

    def _write(self) -> None:
        """Write the rest, as much as the kernel takes."""
        try:
            while self._rest:
                self._rest = self._rest[self._socket.send(self._rest) :]
        except (BlockingIOError, InterruptedError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            self._loop.add_writer(self._socket, self._writable)
        except OSError as problem:
            self.lose(problem)

    def _writable(self) -> None:
        self._loop.remove_writer(self._socket)
        self._write()
        if not self._rest and self._out:
            self._flush()

    def _readable(self) -> None:
        reader = self._reader
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
            if not data:
                self.lose("the server closed the connection")
                return
            reader.feed(data)
            while isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
                reader.feed(self._socket.recv(_RECEIVE_BYTES))
            self._deliver(reader)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except (OSError, hiredis.ProtocolError) as problem:
            self.lose(problem)

    def _deliver(self, reader: Any) -> None:
        """Resume the tasks whose replies are complete, each up to its next wait."""
        pending = self._pending
        while pending:
            reply = reader.gets(False)
            if reply is Ellipsis:
                return
            resume, replies, found = pending[0]
            found.append(reply)
            if len(found) == replies:
                pending.popleft()
                resume(found)
        if self._is_retired and not self._out:
            self.lose("retired")

    def _check_time(self) -> None:
        """Lose the connection when the server has not answered the oldest exchange for the time-out."""
        oldest = self._pending[0] if self._pending else None
        if oldest is None or oldest is not self._oldest:
            self._oldest, self._silent_checks = oldest, 0
        else:
            self._silent_checks += 1
            if self._silent_checks >= _CHECKS_PER_TIMEOUT:
                self.lose("timed out")
                return
        self._watch = self._loop.call_later(self._timeout_seconds / _CHECKS_PER_TIMEOUT, self._check_time)

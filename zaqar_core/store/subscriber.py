"""The subscriber connection of a process: it carries the messages of the process's channel.

A thread opens the connection, watches it and replaces it. In a worker with an event loop the thread hands the open
connection to the loop, so that a message resumes a task in the turn in which it arrives: from another thread it would
first have to wait for the interpreter and then for the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import hiredis

from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store.connection import Link, pack

#: A silent server is pinged after this time; after the same time without a reply the connection is closed.
SILENCE_SECONDS = 5.0
_RECEIVE_BYTES = 65536
#: After an error that nobody has foreseen, so that it does not repeat without a pause.
_FAULT_PAUSE_SECONDS = 1.0
_log = logging.getLogger("sqs_facade.store")


class Listener(Protocol):
    """What a subscriber reports to. No method may block; all but ``received`` run on the subscriber's thread."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop that shall read the connection; None leaves it to the thread."""

    @property
    def is_released(self) -> bool:
        """Whether nothing waits for messages any more."""

    def received(self, message: bytes) -> None:
        """Process a message. Runs on the thread or on the loop."""

    def subscribed(self) -> None:
        """Messages may have been lost: the connection was replaced."""

    def lost(self) -> None:
        """The connection is lost."""


class Subscriber:
    """The connection and its thread."""

    def __init__(self, url: str, timeout_seconds: float, channel: str, listener: Listener) -> None:
        """Connect to nothing yet. Raises StoreUrlInvalid."""
        self._channel = channel
        self._link = Link(url, timeout_seconds)
        self._listener = listener
        self._reading: _Reading | None = None
        self._is_closed = False

    def start(self) -> None:
        """Subscribe, then listen in a daemon thread. Raises StoreUnavailable."""
        self._subscribe()
        threading.Thread(target=self._listen, name="wake-ups", daemon=True).start()

    def interrupt(self) -> None:
        """Replace the connection. Any thread may call it."""
        self._link.interrupt()

    def leave_loop(self) -> None:
        """Replace the connection that a loop reads which has been closed."""
        reading = self._reading
        if reading is not None:
            reading.abandon()

    def close(self) -> None:
        """Close the connection for good. Any thread may call it."""
        self._is_closed = True
        reading = self._reading
        if reading is not None:
            reading.stop()
        else:
            self._link.interrupt()  # the thread closes it

    def _subscribe(self) -> None:
        self._link.open()
        self._link.send(pack(("SUBSCRIBE", self._channel)))
        if self._link.next_message(SILENCE_SECONDS) is None:
            self._link.close()
            raise StoreUnavailable(f"the server did not answer SUBSCRIBE within {SILENCE_SECONDS:.0f} s")

    @property
    def _is_over(self) -> bool:
        return self._is_closed or self._listener.is_released

    def _listen(self) -> None:
        while not self._is_over:
            try:
                if not self._link.is_open:
                    self._subscribe()
                    self._listener.subscribed()
                loop = self._read_until_a_loop_takes_over()
                if loop is not None:
                    self._leave_to(loop)
            except (StoreUnavailable, OSError):
                self._listener.lost()
                self._link.close()
            except Exception:  # without a subscriber, nothing that waits is woken
                _log.exception("the connection for wake-ups failed, will open another one")
                self._listener.lost()
                self._link.close()
                time.sleep(_FAULT_PAUSE_SECONDS)
        self._link.close()

    def _read_until_a_loop_takes_over(self) -> asyncio.AbstractEventLoop | None:
        """Read in this thread; return the loop that takes over, None when the subscriber is closed."""
        is_pinged = False
        while not self._is_over:
            loop = self._listener.loop
            if loop is not None and not loop.is_closed():
                return loop
            message = self._link.next_message(SILENCE_SECONDS)
            if message is not None:
                is_pinged = False
                self._process(message)
            elif is_pinged:
                raise _silent()
            else:
                is_pinged = True
                self._link.send(pack(("PING",)))
        return None

    def _leave_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch the loop as it reads. Raises StoreUnavailable when the connection is lost, or the loop has ended."""
        reading = self._reading = _Reading(loop, self._link, self._process, lambda: self._is_over)
        try:
            reading.watch()
        finally:
            self._reading = None

    def _process(self, message: Any) -> None:
        if isinstance(message, list) and message[0] == b"message":
            self._listener.received(message[2])


class _Reading:
    """The part of a connection's life in which an event loop reads it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        link: Link,
        process: Callable[[Any], None],
        is_released: Callable[[], bool],
    ) -> None:
        self._loop = loop
        self._socket, self._reader = link.give_to_loop()
        self._process = process
        self._is_released = is_released
        self._is_reading = False
        self._reads = 0
        self._problem: object = "the event loop has ended"
        self._is_over = threading.Event()

    def watch(self) -> None:
        """Let the loop read; ping a silent server. Called by the thread. Raises StoreUnavailable at the end."""
        self._on_loop(self._start)
        reads, is_pinged = -1, False
        while not self._is_over.wait(SILENCE_SECONDS):
            if self._loop.is_closed():
                break
            if self._is_released():
                self.stop()
                continue
            if reads != self._reads:
                reads, is_pinged = self._reads, False
            elif is_pinged:
                self.stop()
                raise _silent()
            else:
                is_pinged = True
                self._on_loop(self._ping)
        raise StoreUnavailable(f"connection lost: {self._problem}", is_disconnected=True)

    def stop(self) -> None:
        """Stop reading. Any thread may call it."""
        self._on_loop(self._end, "closed")

    def abandon(self) -> None:
        """End the watch over a loop that is closed."""
        self._is_over.set()

    def _on_loop(self, function: Callable[..., object], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop is closed
            self._is_over.set()

    def _start(self) -> None:
        if not self._is_over.is_set():
            self._is_reading = True
            self._loop.add_reader(self._socket, self._readable)
            self._readable()  # what the thread has read belongs to the loop now

    def _end(self, problem: object) -> None:
        if self._is_reading:
            self._is_reading = False
            self._loop.remove_reader(self._socket)
        self._problem = problem
        self._is_over.set()

    def _ping(self) -> None:
        if self._is_reading:
            with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError, OSError):
                self._socket.send(pack(("PING",)))

    def _readable(self) -> None:
        reader = self._reader
        try:
            data = self._socket.recv(_RECEIVE_BYTES)
            if not data:
                self._end("the server closed the connection")
                return
            self._reads += 1
            reader.feed(data)
            while isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
                reader.feed(self._socket.recv(_RECEIVE_BYTES))
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        except OSError as problem:
            self._end(problem)
            return
        try:
            while self._is_reading and (message := reader.gets(False)) is not Ellipsis:
                self._process(message)
        except hiredis.ProtocolError as problem:
            self._end(problem)


def _silent() -> StoreUnavailable:
    return StoreUnavailable(f"the server did not answer PING within {SILENCE_SECONDS:.0f} s", is_disconnected=True)

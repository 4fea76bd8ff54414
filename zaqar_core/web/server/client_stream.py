"""The stream to one client: what is written, slow readers, and the end. It knows nothing of requests."""

from __future__ import annotations

import asyncio
from enum import IntEnum
from math import inf
from typing import TYPE_CHECKING

from zaqar_core.eventloop import Signal
from zaqar_core.web.server import limits

if TYPE_CHECKING:
    from zaqar_core.web.server.server import Server


class State(IntEnum):
    """What a connection does."""

    HEAD = 0  #: waits for a request, or for the rest of its head
    BODY = 1  #: reads a body
    BUSY = 2  #: a request runs or waits for its turn
    DRAIN = 3  #: discards a too large body before the refusal is sent
    LINGER = 4  #: the last response is written; discards what still arrives
    CLOSED = 5


class ClientStream(asyncio.Protocol):
    """The transport of a connection, and its unsent bytes."""

    __slots__ = (
        "_discarded", "_has_ended", "_is_stalled", "_may_write", "_server", "_state", "_transport", "_unsent",
        "_write_end", "deadline",
    )  # fmt: skip

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._state = State.HEAD
        #: When the sweep calls ``expire``, by the clock of the server.
        self.deadline = inf
        #: The client has closed its side.
        self._has_ended = False
        #: Bytes discarded after the last response.
        self._discarded = 0
        # Unsent bytes of a client that does not read.
        self._is_stalled = False
        self._unsent = 0
        self._write_end = inf
        #: Of the task that writes a response in parts.
        self._may_write: Signal | None = None

    @property
    def is_lost(self) -> bool:
        """Whether no response can be sent any more."""
        return self._transport is None

    # -- Writing -------------------------------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        self._server.counters.bytes_out += len(data)
        self._transport.write(data)

    def _wait_for_reader(self) -> bool:
        """Block the calling task while the client does not read; return whether more can be written."""
        while self._is_stalled:
            self._may_write = Signal()
            self._may_write.wait(self._server.bounds.write_seconds)
        return self._transport is not None and not self._transport.is_closing()

    def pause_writing(self) -> None:
        assert self._transport is not None
        self._is_stalled = True
        now = self._server.now
        self._write_end = now + self._server.bounds.write_seconds
        self.deadline = min(self.deadline, now + self._server.bounds.write_idle_seconds)
        self._unsent = self._transport.get_write_buffer_size()
        self._pause_reading()
        self._server.begin_stall(self, self._unsent)

    def resume_writing(self) -> None:
        self._server.end_stall(self, self._unsent)
        self._end_stall()
        self._go_on()
        self._resume_reading()

    def _go_on(self) -> None:
        """Set the deadline after a client has read again."""
        raise NotImplementedError

    def _end_stall(self) -> None:
        self._is_stalled = False
        self._unsent = 0
        self._write_end = inf
        waiting, self._may_write = self._may_write, None
        if waiting is not None:
            waiting.wake()

    def _check_stall(self) -> None:
        """Disconnect a client that has read nothing since the last check, or needs too long in all."""
        assert self._transport is not None
        server = self._server
        unsent = self._transport.get_write_buffer_size()
        if unsent >= self._unsent or server.now >= self._write_end:
            server.counters.shed["slow reader"] += 1
            self.give_up()
            return
        server.end_stall(self, self._unsent)
        server.begin_stall(self, unsent)
        self._unsent = unsent
        self.deadline = min(self._write_end, server.now + server.bounds.write_idle_seconds)

    def give_up(self) -> None:
        """Disconnect a client that does not read."""
        self._server.end_stall(self, self._unsent)
        self._end_stall()
        self.abort()

    # -- Reading -------------------------------------------------------------------------------------------------------

    def _pause_reading(self) -> None:
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is None or self._transport.is_closing() or self._is_stalled:
            return
        if not self._transport.is_reading():
            self._transport.resume_reading()

    # -- The end -------------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        """Close the connection after its last response; first discard what arrives, or a reset could overtake it."""
        transport = self._transport
        assert transport is not None
        self._state = State.LINGER
        self.deadline = self._server.now + self._server.bounds.linger_seconds
        if self._has_ended or not transport.can_write_eof():
            self._close()
        else:
            transport.write_eof()
            self._resume_reading()

    def _linger(self, count: int) -> None:
        """Discard so many bytes after the last response."""
        self._discarded += count
        if self._state is State.LINGER and self._discarded > limits.LINGER_BYTES:
            self._close()

    def _close(self) -> None:
        """Close the connection after what is written has been sent."""
        assert self._transport is not None
        self._state = State.CLOSED
        self.deadline = self._server.now + self._server.bounds.write_idle_seconds
        self._transport.close()

    def abort(self) -> None:
        """Close the connection without sending the rest."""
        self._state = State.CLOSED
        self.deadline = inf
        if self._transport is not None:
            self._transport.abort()

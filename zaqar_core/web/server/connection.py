"""One connection: reads requests, one after the other, and writes their responses in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from enum import IntEnum
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar, cast

from zaqar_core.eventloop import Signal, spawn
from zaqar_core.web.envelope import CLIENT, Parts, Refusal, Reply
from zaqar_core.web.server import limits, refusals, replies
from zaqar_core.web.server.chunked import ChunkedDecoder
from zaqar_core.web.server.refusals import Refused
from zaqar_core.web.server.replies import ReplyInvalid

if TYPE_CHECKING:
    from zaqar_core.web.server.server import Server

_log = logging.getLogger("sqs_facade.http")
_FAILED = Reply(500, [("Content-Type", "text/plain; charset=utf-8")], b"internal error\n")


_Argument = TypeVar("_Argument")


class _State(IntEnum):
    HEAD = 0  #: waits for a request, or for the rest of its head
    BODY = 1  #: reads a body
    BUSY = 2  #: a request runs or waits for its turn
    DRAIN = 3  #: discards a too large body before the refusal is sent
    LINGER = 4  #: the last response is written; discards what still arrives
    CLOSED = 5


class Connection(asyncio.Protocol):
    """The protocol of one connection, and the ``Client`` of its requests."""

    __slots__ = (
        "_body", "_body_end", "_body_from", "_chunks", "_discarded", "_environ", "_has_ended", "_is_head",
        "_is_stalled", "_limit", "_may_write", "_missing", "_on_gone", "_option", "_pending", "_server", "_state",
        "_template", "_transport", "_unsent", "_write_end", "body_idle_since", "deadline", "is_gone",
    )  # fmt: skip

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._state = _State.HEAD
        #: When the sweep calls ``expire``, by the clock of the server.
        self.deadline = inf
        #: Bytes that have arrived and belong to no request yet.
        self._pending = bytearray()
        #: The client has closed its side.
        self._has_ended = False
        self.is_gone = False
        self._on_gone: Callable[[], object] | None = None
        # The current request.
        self._environ: dict[str, Any] | None = None
        self._is_head = False
        #: The header Connection of its response.
        self._option = replies.CLOSE
        # Its unfinished body.
        self._body: bytearray | None = None
        self._chunks: ChunkedDecoder | None = None
        self._missing = 0
        self._limit = 0
        self._body_from = 0.0
        self._body_end = 0.0
        self.body_idle_since = 0.0
        # What is discarded.
        self._discarded = 0
        # Unsent bytes of a client that does not read.
        self._is_stalled = False
        self._unsent = 0
        self._write_end = inf
        #: Of the task that writes a response in parts.
        self._may_write: Signal | None = None

    # -- Called by the event loop --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(limits.WRITE_HIGH_WATER_BYTES)
        peer = transport.get_extra_info("peername")
        template = self._server.template.copy()
        template[CLIENT] = self
        if isinstance(peer, tuple):
            template["REMOTE_ADDR"] = peer[0]
            template["REMOTE_PORT"] = str(peer[1])
        self._template = template
        self.deadline = self._server.now + self._server.bounds.head_seconds
        self._server.add(self)

    def data_received(self, data: bytes) -> None:
        self._server.counters.bytes_in += len(data)
        state = self._state
        if state is _State.HEAD:
            if self._pending or self._is_stalled:
                self._continue_head(data)
            else:
                self._read_head(data)
        elif state is _State.BODY:
            self._read_body(data)
        elif state is _State.BUSY:
            self._pending += data
            if len(self._pending) > limits.PIPELINE_BYTES:
                self._pause_reading()
        elif state is _State.DRAIN and self._chunks is not None:
            self._drain_chunks(data)
        else:
            self._discard(len(data))

    def eof_received(self) -> bool:
        self._has_ended = True
        if self._state is _State.BUSY:
            self._leave_client()
            return True
        if self._state is _State.BODY:
            self._refuse_body(Refusal.BODY_CUT_SHORT)
            return True
        if self._state is _State.DRAIN:
            self._end_drain()
            return True
        if self._state is _State.HEAD and self._pending:
            self._server.loop.call_soon(self._next)
            return True
        self._state = _State.CLOSED
        return False

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._transport = None
        if self._state is _State.BODY:
            self._forget_body()
        if self._state is _State.BUSY:
            self._leave_client()
        self._state = _State.CLOSED
        self.deadline = inf
        self._environ = None
        self._template = {}
        self._pending.clear()
        if self._is_stalled:
            self._server.end_stall(self, self._unsent)
            self._end_stall()
        self._server.discard(self)

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
        if self._state is _State.HEAD:
            self._await_request()
        elif self._state is _State.BUSY:
            self.deadline = inf
        self._resume_reading()

    def _end_stall(self) -> None:
        self._is_stalled = False
        self._unsent = 0
        self._write_end = inf
        waiting, self._may_write = self._may_write, None
        if waiting is not None:
            waiting.wake()

    # -- The head ------------------------------------------------------------------------------------------------------

    def _continue_head(self, data: bytes) -> None:
        """Add to an unfinished head, without searching again what was searched before."""
        searched = max(0, len(self._pending) - 3)
        self._pending += data
        if self._is_stalled:
            return
        if self._pending.find(b"\r\n\r\n", searched) >= 0 or len(self._pending) > limits.HEAD_BYTES:
            whole = bytes(self._pending)
            self._pending.clear()
            self._read_head(whole)

    def _read_head(self, data: bytes) -> None:
        """Read the request at the beginning of ``data``, if its head is complete."""
        if data[:1] in b"\r\n":
            data = data.removeprefix(b"\r\n")  # RFC 9112, section 2.2: an empty line before a request is ignored
        end = data.find(b"\r\n\r\n") + 4
        if end == 3:
            if len(data) > limits.HEAD_BYTES:
                self._refuse(refusals.target_too_long() if b"\r\n" not in data else refusals.head_too_large())
                return
            if not self._pending and data:
                self.deadline = min(self.deadline, self._server.now + self._server.bounds.head_seconds)
            self._pending += data
            return
        try:
            if end > limits.HEAD_BYTES:
                raise (
                    refusals.target_too_long() if data.find(b"\r\n") > limits.HEAD_BYTES else refusals.head_too_large()
                )
            environ = self._server.heads.parse(data[:end], self._template)
        except Refused as refused:
            self._refuse(refused)
            return
        self._option = _option(environ)
        self._is_head = environ["REQUEST_METHOD"] == "HEAD"
        if "CONTENT_LENGTH" in environ:
            length = int(environ["CONTENT_LENGTH"])
            if length > 0:
                self._begin_declared(environ, length, data, end)
                return
        elif "HTTP_TRANSFER_ENCODING" in environ:
            self._begin_chunked(environ, data[end:])
            return
        if len(data) > end:
            self._pending += data[end:]
        self._submit(environ, b"")

    def _await_request(self) -> None:
        """Wait for the next request, or read one that has arrived already."""
        self._state = _State.HEAD
        self.deadline = self._server.now + self._server.bounds.idle_seconds
        if self._pending or self._has_ended:
            self._server.loop.call_soon(self._next)

    def _next(self) -> None:
        """Read the next request from what has arrived ahead of it."""
        if self._state is not _State.HEAD or self._is_stalled:
            return
        if self._pending:
            self._resume_reading()
            data = bytes(self._pending)
            self._pending.clear()
            self._read_head(data)
        if self._has_ended and self._state is _State.HEAD:
            self._close()

    # -- The body ------------------------------------------------------------------------------------------------------

    def _begin_declared(self, environ: dict[str, Any], length: int, data: bytes, at: int) -> None:
        """Read a body with Content-Length, of which ``data`` from ``at`` on is there."""
        limit = self._server.application.body_limit(environ)
        if length > limit:
            is_asking = self._is_asking(environ) and len(data) == at
            self._discard_body(environ, length, len(data) - at, is_asking=is_asking)
        elif len(data) - at >= length:
            if len(data) - at > length:
                self._pending += data[at + length :]
            self._submit(environ, data[at : at + length])
        else:
            self._missing = length
            self._admit_body(environ, data[at:])

    def _begin_chunked(self, environ: dict[str, Any], data: bytes) -> None:
        self._limit = self._server.application.body_limit(environ)
        self._chunks = ChunkedDecoder()
        self._admit_body(environ, data)

    def _admit_body(self, environ: dict[str, Any], data: bytes) -> None:
        """Read the rest of a body; first let the application check the head, if it does that."""
        if self._server.application.checks_heads:
            self._begin_response()
            self._pending += data
            spawn(self._server.loop, self._check_head, environ)
        else:
            self._begin_body(environ, data)

    def _check_head(self, environ: dict[str, Any]) -> None:
        """Read the body if the application admits the request. Called in a task."""
        try:
            refusal = self._server.application.admit(environ)
        except Exception:
            _log.exception("the check of a head failed")
            refusal = _FAILED
        if self._transport is None:
            return
        if refusal is not None:
            self._chunks = None
            self._option = replies.CLOSE
            self._answer(refusal)
            return
        data = bytes(self._pending)
        self._pending.clear()
        self._resume_reading()
        self._begin_body(environ, data)
        if self._has_ended and self._state is _State.BODY:
            self._refuse_body(Refusal.BODY_CUT_SHORT)

    def _begin_body(self, environ: dict[str, Any], data: bytes) -> None:
        server = self._server
        server.admission.begin_body(self)
        self._state = _State.BODY
        self._environ = environ
        self._body = bytearray()
        self._body_from = self.body_idle_since = server.now
        self._body_end = server.now + server.bounds.body_seconds
        self.deadline = min(self._body_end, server.now + server.bounds.body_idle_seconds)
        if data:
            self._read_body(data)
        elif self._is_asking(environ):
            self._write(replies.CONTINUE)

    @staticmethod
    def _is_asking(environ: dict[str, Any]) -> bool:
        """Return whether the client waits for 100 (Continue) before it sends the body."""
        return "HTTP_EXPECT" in environ and environ["SERVER_PROTOCOL"] == "HTTP/1.1"

    def _read_body(self, data: bytes) -> None:
        body = self._body
        assert body is not None
        before = len(body)
        if self._chunks is None:
            missing = self._missing - before
            if len(data) > missing:
                self._pending += data[missing:]
                data = data[:missing]
            body += data
            is_complete = len(body) == self._missing
        else:
            try:
                self._chunks.feed(data, body)
            except Refused as refused:
                self._forget_body(before)
                self._refuse(refused)
                return
            is_complete = self._chunks.is_complete
            self._pending += self._chunks.rest
            if len(body) > self._limit:
                environ, chunks = self._environ, self._chunks
                assert environ is not None
                self._forget_body(before)
                self._chunks = chunks
                self._discard_body(environ, limits.DRAIN_BYTES, len(body), is_asking=is_complete)
                return
        if is_complete:
            environ = self._environ
            assert environ is not None
            self._forget_body(before)
            self._submit(environ, bytes(body))
            return
        self.body_idle_since = self._server.now
        self.deadline = min(self._body_end, self._server.now + self._server.bounds.body_idle_seconds)
        self._server.admission.add_bytes(self, len(body) - before)

    def _forget_body(self, counted: int | None = None) -> None:
        """End the unfinished body, of which so many bytes were counted; by default all."""
        assert self._body is not None
        self._server.admission.end_body(self, len(self._body) if counted is None else counted)
        self._body = self._chunks = self._environ = None
        self._state = _State.BUSY

    def _refuse_body(self, why: Refusal) -> None:
        """Refuse the request whose body is unfinished, in the words of its face, and close the connection."""
        environ = self._environ
        assert environ is not None
        self._forget_body()
        self._server.counters.refused[why.name.lower()] += 1
        self._option = replies.CLOSE
        self._submit_refusal(environ, why)

    def body_rate(self) -> float:
        """Return the bytes per second of the unfinished body, for a comparison with those of others."""
        return len(self._body or b"") / (self._server.now - self._body_from + 0.1)

    def pause_body(self) -> None:
        """Stop reading the body; its deadline rests, as it is not the client that is slow."""
        self._pause_reading()
        self.deadline = self._body_end

    def resume_body(self) -> None:
        """Read the body again."""
        if self._state is _State.BODY:
            self.body_idle_since = self._server.now
            self.deadline = min(self._body_end, self._server.now + self._server.bounds.body_idle_seconds)
        self._resume_reading()

    def shed_body(self) -> None:
        """Refuse the unfinished body, because others need the room."""
        self._server.counters.shed["slow body"] += 1
        self._forget_body()
        self._refuse(refusals.too_slow("slow body"))

    # -- Discarding ----------------------------------------------------------------------------------------------------

    def _discard_body(self, environ: dict[str, Any], length: int, arrived: int, *, is_asking: bool) -> None:
        """Refuse a too large body: after it was sent, up to a limit, or at once when the client waits for our word."""
        self._server.counters.refused["body_too_large"] += 1
        self._option = replies.CLOSE
        self._environ = environ
        self._state = _State.DRAIN
        self._discarded = 0
        self._missing = 0 if is_asking else min(length, limits.DRAIN_BYTES)
        self._body_end = self._server.now + self._server.bounds.body_seconds
        self._discard(arrived)

    def _discard(self, count: int) -> None:
        self._discarded += count
        if self._state is _State.DRAIN:
            self.deadline = min(self._body_end, self._server.now + self._server.bounds.body_idle_seconds)
            if self._discarded >= self._missing:
                self._end_drain()
        elif self._state is _State.LINGER and self._discarded > limits.LINGER_BYTES:
            self._close()

    def _drain_chunks(self, data: bytes) -> None:
        """Discard a part of a chunked body, whose end only its decoder sees."""
        assert self._chunks is not None
        try:
            self._chunks.feed(data, bytearray())
        except Refused:
            self._end_drain()
            return
        if self._chunks.is_complete:
            self._end_drain()
        else:
            self._discard(len(data))

    def _end_drain(self) -> None:
        environ, self._environ, self._chunks = self._environ, None, None
        assert environ is not None
        self._submit_refusal(environ, Refusal.BODY_TOO_LARGE)

    # -- The request and its response ----------------------------------------------------------------------------------

    def _submit(self, environ: dict[str, Any], body: bytes) -> None:
        self._begin_response()
        self._server.admission.submit(self, environ, body)

    def _submit_refusal(self, environ: dict[str, Any], why: Refusal) -> None:
        self._begin_response()
        spawn(self._server.loop, self._run_refusal, environ, why)

    def refuse_turn(self, environ: dict[str, Any]) -> None:
        """Refuse a request because too many others wait; the connection stays open."""
        self._server.counters.refused["overloaded"] += 1
        if not self.is_lost:
            self._submit_refusal(environ, Refusal.OVERLOADED)

    def _begin_response(self) -> None:
        self._state = _State.BUSY
        self.deadline = inf
        self.is_gone = self._has_ended

    def _run_refusal(self, environ: dict[str, Any], why: Refusal) -> None:
        self._answer(_reply(self._server.application.refuse, environ, why))

    @property
    def is_lost(self) -> bool:
        """Whether no response can be sent any more."""
        return self._transport is None

    def run(self, environ: dict[str, Any], body: bytes) -> None:
        """Run a request and write its response. Called in a task."""
        try:
            reply = _reply(self._server.application.respond, environ, body)
        finally:
            if self._on_gone is not None:
                self.on_gone = None
            self._server.admission.leave(body)
        if reply.parts is None:
            self._answer(reply)
        else:
            self._stream(reply, reply.parts, is_1_1=environ["SERVER_PROTOCOL"] == "HTTP/1.1")

    def _answer(self, reply: Reply) -> None:
        """Write the response to the current request, then wait for the next one or close."""
        transport = self._transport
        if transport is None:
            return
        server = self._server
        option = replies.CLOSE if server.is_stopping else self._option
        try:
            data = replies.encode(reply, date=server.date, connection=option, is_head=self._is_head)
        except ReplyInvalid:
            _log.error("cannot send a response of status %s: one of its headers is not valid in HTTP", reply.status)
            data = replies.encode(_FAILED, date=server.date, connection=option, is_head=self._is_head)
        if option is not replies.CLOSE:
            self._state = _State.HEAD
            self.deadline = server.now + server.bounds.idle_seconds
            server.counters.bytes_out += len(data)
            transport.write(data)
            if self._pending or self._has_ended:
                server.loop.call_soon(self._next)
        else:
            self._write(data)
            self._finish()

    def _stream(self, reply: Reply, parts: Parts, *, is_1_1: bool) -> None:
        """Write a response in parts, each when the client has read most of those before. Called in a task."""
        try:
            if self._transport is not None:
                if self._is_head:
                    self._answer(Reply(reply.status, reply.headers, b""))
                else:
                    self._write_parts(reply, parts, is_1_1=is_1_1)
        except Exception:
            _log.exception("a response of status %s broke off", reply.status)
            self.abort()
        finally:
            parts.close()

    def _write_parts(self, reply: Reply, parts: Parts, *, is_1_1: bool) -> None:
        server = self._server
        option = self._option if is_1_1 and not server.is_stopping else replies.CLOSE
        self._write(replies.encode_streamed(reply, date=server.date, connection=option, is_chunked=is_1_1))
        for part in parts:
            if part and self._transport is not None:
                self._write(replies.chunk(part) if is_1_1 else part)
            while self._is_stalled:
                self._may_write = Signal()
                self._may_write.wait(server.bounds.write_seconds)
            if self._transport is None or self._transport.is_closing():
                return
        if self._transport is None:
            return
        if is_1_1:
            self._write(replies.LAST_CHUNK)
        if option is replies.CLOSE or server.is_stopping:
            self._finish()
        else:
            self._await_request()

    def _refuse(self, refused: Refused) -> None:
        """Refuse a request that cannot be read, and close the connection."""
        self._server.counters.refused[refused.reason] += 1
        self._option, self._is_head = replies.CLOSE, False
        self._answer(refused.reply())

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        self._server.counters.bytes_out += len(data)
        self._transport.write(data)

    def _finish(self) -> None:
        """Close the connection after its last response; first discard what arrives, or a reset could overtake it."""
        transport = self._transport
        assert transport is not None
        self._pending.clear()
        self._discarded = 0
        self._state = _State.LINGER
        self.deadline = self._server.now + self._server.bounds.linger_seconds
        if self._has_ended or not transport.can_write_eof():
            self._close()
        else:
            transport.write_eof()
            self._resume_reading()

    @property
    def on_gone(self) -> Callable[[], object] | None:
        """Called once when the client disconnects. While it is set, the request waits and leaves its place."""
        return self._on_gone

    @on_gone.setter
    def on_gone(self, report: Callable[[], object] | None) -> None:
        if (report is None) is not (self._on_gone is None):
            if report is None:
                self._server.admission.end_wait()
            else:
                self._server.admission.begin_wait()
        self._on_gone = report

    def _leave_client(self) -> None:
        """Report to the waiting request that its client has disconnected."""
        self.is_gone = True
        report = self.on_gone
        self.on_gone = None
        if report is not None:
            report()

    # -- Deadlines and the end -----------------------------------------------------------------------------------------

    def expire(self) -> None:
        """Do what is due at the deadline of the current state."""
        server = self._server
        if self._transport is None:
            self.deadline = inf
        elif self._is_stalled:
            self._check_stall()
        elif self._state is _State.HEAD:
            if self._pending:
                server.counters.shed["slow head"] += 1
                self._refuse(refusals.too_slow("slow head"))
            else:
                self._close()
        elif self._state is _State.BODY:
            server.counters.shed["slow body"] += 1
            self._forget_body()
            self._refuse(refusals.too_slow("slow body"))
        elif self._state is _State.DRAIN:
            self._end_drain()
        elif self._state is _State.BUSY:
            self.deadline = inf
        else:
            self.abort()

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

    @property
    def held_bytes(self) -> int:
        """Bytes that have arrived and belong to no request yet."""
        return len(self._pending)

    def idle_since(self) -> float:
        """Return when it began to wait for the first byte of a request; infinity if it does not."""
        if self._state is not _State.HEAD or self._pending or self._is_stalled:
            return inf
        bounds, is_new = self._server.bounds, self._option is replies.CLOSE  # a served one is kept
        return self.deadline - (bounds.head_seconds if is_new else bounds.idle_seconds)

    def close_idle(self) -> None:
        """Close a connection that waits for a request."""
        if self._transport is not None and self._state is _State.HEAD:
            self._close()

    def stop(self) -> None:
        """Close the connection if no request runs; otherwise its response closes it."""
        if self._state is _State.HEAD and not self._is_stalled:
            self._close()
        elif self._state is _State.BODY:
            self._forget_body()
            self._close()

    def give_up(self) -> None:
        """Disconnect a client that does not read."""
        self._server.end_stall(self, self._unsent)
        self._end_stall()
        self.abort()

    def abort(self) -> None:
        """Close the connection without sending the rest."""
        self._state = _State.CLOSED
        self.deadline = inf
        if self._transport is not None:
            self._transport.abort()

    def _close(self) -> None:
        """Close the connection after what is written has been sent."""
        assert self._transport is not None
        self._state = _State.CLOSED
        self.deadline = self._server.now + self._server.bounds.write_idle_seconds
        self._transport.close()

    def _pause_reading(self) -> None:
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is None or self._transport.is_closing() or self._is_stalled:
            return
        if not self._transport.is_reading():
            self._transport.resume_reading()


def _option(environ: dict[str, Any]) -> bytes:
    """Return the header Connection of the response: whether the client wants to keep the connection."""
    options, is_1_1 = environ.get("HTTP_CONNECTION"), environ["SERVER_PROTOCOL"] == "HTTP/1.1"
    if options is None:
        return replies.PERSISTENT if is_1_1 else replies.CLOSE
    found = {option.strip().lower() for option in options.split(",")}
    if "close" in found:
        return replies.CLOSE
    if is_1_1:
        return replies.PERSISTENT
    return replies.KEEP_ALIVE if "keep-alive" in found else replies.CLOSE


def _reply(answer: Callable[[dict[str, Any], _Argument], Reply], environ: dict[str, Any], argument: _Argument) -> Reply:
    """Return the application's answer; log an error and return 500 if it raises, which it should not."""
    try:
        return answer(environ, argument)
    except Exception:
        _log.exception("%s %s failed with an unexpected error", environ["REQUEST_METHOD"], environ["PATH_INFO"])
        return _FAILED

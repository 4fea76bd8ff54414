"""One connection: reads requests, one after the other, and lets the application answer them in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any, cast

from zaqar_core.eventloop import spawn
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import note_refusal
from zaqar_core.web.envelope import CLIENT, Refusal
from zaqar_core.web.server import limits, peers, refusals, replies
from zaqar_core.web.server.client_stream import State
from zaqar_core.web.server.refusals import Refused
from zaqar_core.web.server.responding import FAILED, Responding, answer_of
from zaqar_core.web.server.unfinished_body import DiscardedBody, UnfinishedBody, is_awaited

if TYPE_CHECKING:
    from zaqar_core.web.proxies import TrustedProxies
    from zaqar_core.web.server.server import Server

_log = logging.getLogger("sqs_facade.http")


class Connection(Responding):
    """The protocol of one connection, and the ``Client`` of its requests."""

    __slots__ = ("_body", "_client", "_discarding", "_on_gone", "_proxies", "_template", "is_gone")

    def __init__(self, server: Server, template: dict[str, Any], client: tuple[str, int] | None = None) -> None:
        """``template`` is what the environs of all requests at its port have in common.

        ``client`` is the address that a preamble names, None for that of the connection.
        """
        super().__init__(server)
        self._template = template
        self._client = client
        #: What reads the headers of a trusted proxy, None on a connection of another client.
        self._proxies: TrustedProxies | None = None
        self.is_gone = False
        self._on_gone: Callable[[], object] | None = None
        #: The body of the current request while it arrives.
        self._body: UnfinishedBody | None = None
        #: The body of the current request if it is too large, while it arrives.
        self._discarding: DiscardedBody | None = None

    # -- Called by the event loop --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(limits.WRITE_HIGH_WATER_BYTES)
        self._template = {**self._template, CLIENT: self, **peers.describe(transport, self._client)}
        proxies = self._server.proxies
        if proxies is not None and proxies.trusts(self._template.get("REMOTE_ADDR", "")):
            self._proxies = proxies
        self.deadline = self._server.now + self._server.bounds.head_seconds
        self._server.add(self)

    def data_received(self, data: bytes) -> None:
        self._server.counters.bytes_in += len(data)
        state = self._state
        if state is State.HEAD:
            if self._pending or self._is_stalled:
                self._continue_head(data)
            else:
                self._read_head(data)
        elif state is State.BODY:
            self._read_body(data)
        elif state is State.BUSY:
            self._pending += data
            if len(self._pending) > limits.PIPELINE_BYTES:
                self._pause_reading()
        elif state is State.DRAIN:
            self._drain(data)
        else:
            self._linger(len(data))

    def eof_received(self) -> bool:
        self._end_input()
        # TLS ends in both directions at once.
        return self._state is not State.CLOSED and self._transport is not None and self._transport.can_write_eof()

    def _end_input(self) -> None:
        """Do what follows from the end of what the client sends."""
        self._has_ended = True
        if self._state is State.BUSY:
            self._leave_client()
        elif self._state is State.BODY:
            self._refuse_body(Refusal.BODY_CUT_SHORT)
        elif self._state is State.DRAIN:
            self._end_drain()
        elif self._state is State.HEAD and self._pending:
            self._server.loop.call_soon(self._next)
        else:
            self._state = State.CLOSED

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._transport = None
        if self._state is State.BODY:
            self._forget_body()
        if self._state is State.BUSY:
            self._leave_client()
        self._state = State.CLOSED
        self.deadline = inf
        self._discarding = None
        self._template = {}
        self._pending.clear()
        if self._is_stalled:
            self._server.end_stall(self, self._unsent)
            self._end_stall()
        self._server.discard(self)

    def _go_on(self) -> None:
        if self._state is State.HEAD:
            self._await_request()
        elif self._state is State.BUSY:
            self.deadline = inf

    # -- The head ------------------------------------------------------------------------------------------------------

    def _continue_head(self, data: bytes) -> None:
        """Add to an unfinished head, without searching again what was searched before."""
        searched = max(0, len(self._pending) - 3)
        self._pending += data
        if self._is_stalled:
            return
        if self._pending.find(b"\r\n\r\n", searched) >= 0 or len(self._pending) > limits.HEAD_BYTES:
            self._read_ahead()

    def _read_head(self, data: bytes) -> None:
        """Read the request at the beginning of ``data``, if its head is complete.

        What follows a head of ``_read_ahead`` is in ``_pending``. Otherwise ``_pending`` is empty.
        """
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
            head = self._server.heads.parse(data[:end])
        except Refused as refused:
            self._refuse(refused)
            return
        environ = {**self._template, **head.fields}
        if self._proxies is not None:
            self._proxies.apply(environ)
        elif "HTTP_X_FORWARDED_FOR" in environ or "HTTP_FORWARDED" in environ:
            note_refusal(remedies.PROXY, environ.get("REMOTE_ADDR", ""))
        self._option = head.connection
        self._is_head = head.is_head
        if head.length:
            self._begin_declared(environ, head.length, data, end)
            return
        if "HTTP_TRANSFER_ENCODING" in environ:
            limit = self._server.application.body_limit(environ)
            self._admit_body(UnfinishedBody(environ, self._server.bounds, length=None, limit=limit), data[end:])
            return
        if len(data) > end:
            self._pending += data[end:]
        self._submit(environ, b"")

    def _next(self) -> None:
        """Read the next request from what has arrived ahead of it."""
        if self._state is not State.HEAD or self._is_stalled:
            return
        if self._pending:
            self._read_ahead()
        if self._has_ended and self._state is State.HEAD:
            self._close()

    def _read_ahead(self) -> None:
        """Read the first request that has arrived, and copy only that: hundreds of kilobytes of others may follow."""
        pending = self._pending
        begin = 2 if pending.startswith(b"\r\n") else 0  # see _read_head
        end = pending.find(b"\r\n\r\n", begin) + 4
        head = self._taken(end if end > 3 else len(pending))
        self._read_on()
        self._read_head(head)

    def _read_on(self) -> None:
        """Resume reading; pause it while requests of more than PIPELINE_BYTES have arrived and wait."""
        if len(self._pending) > limits.PIPELINE_BYTES:
            self._pause_reading()
        else:
            self._resume_reading()

    def _taken(self, most: int) -> bytes:
        """Remove so many bytes at most from the beginning of what has arrived, and return them."""
        found = bytes(self._pending[:most])
        del self._pending[:most]
        return found

    # -- The body ------------------------------------------------------------------------------------------------------

    def _begin_declared(self, environ: dict[str, Any], length: int, data: bytes, at: int) -> None:
        """Read a body with Content-Length, of which ``data`` from ``at`` on is there."""
        server = self._server
        limit = server.application.body_limit(environ)
        if self._pending:
            data, at = self._taken(length), 0
            self._read_on()
        if length > limit:
            is_refused_at_once = is_awaited(environ) and len(data) == at
            body = DiscardedBody(environ, server.bounds, server.now, length=0 if is_refused_at_once else length)
            self._begin_drain(body, len(data) - at)
        elif len(data) - at >= length:
            if len(data) - at > length:
                self._pending += data[at + length :]
            self._submit(environ, data[at : at + length])
        else:
            self._admit_body(UnfinishedBody(environ, server.bounds, length=length, limit=limit), data[at:])

    def _admit_body(self, body: UnfinishedBody, data: bytes) -> None:
        """Read the rest of a body; first let the application check the head, if it does that."""
        if self._server.application.checks_heads:
            self._begin_response()
            self._pending += data
            self._server.counters.in_flight += 1
            spawn(self._server.loop, self._check_head, body)
        else:
            self._begin_body(body, data)

    def _check_head(self, body: UnfinishedBody) -> None:
        """Read the body if the application admits the request. Called in a task."""
        try:
            refusal = self._server.application.admit(body.environ)
        except Exception:
            _log.exception("the check of a head failed")
            refusal = FAILED
        self._server.admission.leave(b"")
        if refusal is None:
            self._server.loop.call_soon(self._begin_admitted, body)  # it may start a task, which only the loop does
        elif self._transport is not None:
            self._option = replies.CLOSE
            self._answer(refusal)

    def _begin_admitted(self, body: UnfinishedBody) -> None:
        """Read the body of an admitted request."""
        if self._transport is None:
            return
        self._begin_body(body, b"")
        if self._has_ended and self._state is State.BODY:
            self._refuse_body(Refusal.BODY_CUT_SHORT)

    def _begin_body(self, body: UnfinishedBody, data: bytes) -> None:
        self._body = body
        self._state = State.BODY
        self._resume_reading()
        body.begin(self._server.now)
        self.deadline = body.deadline()
        self._server.admission.begin_body(self)
        if data:
            self._read_body(data)
        elif self._pending:
            while self._pending and self._state is State.BODY:
                self._read_body(self._taken(limits.PIPELINE_BYTES))
        elif body.is_awaited:
            self._write(replies.CONTINUE)

    def _read_body(self, data: bytes) -> None:
        body, server = self._body, self._server
        assert body is not None
        before = len(body.content)
        try:
            self._pending[:0] = body.add(data)
        except Refused as refused:
            self._forget_body(before)
            self._refuse(refused)
            return
        if body.is_too_large:
            self._forget_body(before)
            length = 0 if body.is_complete else limits.DRAIN_BYTES
            rest = DiscardedBody(body.environ, server.bounds, server.now, length=length, decoder=body.decoder)
            self._begin_drain(rest, len(body.content))
        elif body.is_complete:
            self._forget_body(before)
            self._submit(body.environ, bytes(body.content))
        else:
            body.idle_since = server.now
            self.deadline = body.deadline()
            server.admission.add_bytes(self, len(body.content) - before)

    def _forget_body(self, counted: int | None = None) -> UnfinishedBody:
        """End the unfinished body, of which so many bytes were counted, by default all; return it."""
        body, self._body = self._body, None
        assert body is not None
        self._server.admission.end_body(self, len(body.content) if counted is None else counted)
        self._state = State.BUSY
        return body

    def _refuse_body(self, why: Refusal) -> None:
        """Refuse the request whose body is unfinished, in the words of its face, and close the connection."""
        body = self._forget_body()
        self._server.counters.refused[why.name.lower()] += 1
        self._option = replies.CLOSE
        self._submit_refusal(body.environ, why)

    @property
    def body_idle_since(self) -> float:
        """When the last part of the unfinished body arrived."""
        return self._body.idle_since if self._body is not None else inf

    def body_rate(self) -> float:
        """Return the bytes per second of the unfinished body, for a comparison with those of others."""
        return self._body.rate(self._server.now) if self._body is not None else inf

    def pause_body(self) -> None:
        """Stop reading the body; its deadline rests, as it is not the client that is slow."""
        assert self._body is not None
        self._pause_reading()
        self.deadline = self._body.end

    def resume_body(self) -> None:
        """Read the body again."""
        if self._body is not None:
            self._body.idle_since = self._server.now
            self.deadline = self._body.deadline()
        self._resume_reading()

    def shed_body(self) -> None:
        """Refuse the unfinished body: it is too slow, or others need the room."""
        self._server.counters.shed["slow body"] += 1
        self._forget_body()
        self._refuse(refusals.too_slow("slow body"))

    def _begin_drain(self, body: DiscardedBody, arrived: int) -> None:
        """Refuse a too large body: after it was sent, up to a limit, or at once when the client waits for our word."""
        self._server.counters.refused["body_too_large"] += 1
        self._option = replies.CLOSE
        self._discarding = body
        self._state = State.DRAIN
        body.skip(arrived)
        self._go_on_draining(body)

    def _drain(self, data: bytes) -> None:
        body = self._discarding
        assert body is not None
        body.add(data)
        self._go_on_draining(body)

    def _go_on_draining(self, body: DiscardedBody) -> None:
        self.deadline = body.deadline(self._server.now)
        if body.is_over:
            self._end_drain()

    def _end_drain(self) -> None:
        body, self._discarding = self._discarding, None
        assert body is not None
        self._submit_refusal(body.environ, Refusal.BODY_TOO_LARGE)

    # -- The request ---------------------------------------------------------------------------------------------------

    def _submit(self, environ: dict[str, Any], body: bytes) -> None:
        self._begin_response()
        self._server.admission.submit(self, environ, body)

    def _submit_refusal(self, environ: dict[str, Any], why: Refusal) -> None:
        self._begin_response()
        self._server.counters.in_flight += 1
        spawn(self._server.loop, self._run_refusal, environ, why)

    def refuse_turn(self, environ: dict[str, Any]) -> None:
        """Refuse a request because too many others wait; the connection stays open."""
        self._server.counters.refused["overloaded"] += 1
        note_refusal(remedies.OVERLOADED)
        if not self.is_lost:
            self._submit_refusal(environ, Refusal.OVERLOADED)

    def _begin_response(self) -> None:
        self._state = State.BUSY
        self.deadline = inf
        self.is_gone = self._has_ended

    def _run_refusal(self, environ: dict[str, Any], why: Refusal) -> None:
        reply = answer_of(self._server.application.refuse, environ, why)
        self._server.admission.leave(b"")
        self._answer(reply)

    def run(self, environ: dict[str, Any], body: bytes) -> None:
        """Run a request and write its response. Called in a task."""
        try:
            reply = answer_of(self._server.application.respond, environ, body)
        finally:
            if self._on_gone is not None:
                self.on_gone = None
            self._server.admission.leave(body)
        if reply.parts is None:
            self._answer(reply)
        else:
            self._stream(reply, reply.parts, is_1_1=environ["SERVER_PROTOCOL"] == "HTTP/1.1")

    @property
    def on_gone(self) -> Callable[[], object] | None:
        """Called once when the client disconnects. While it is set, the request waits and leaves its place.

        It waits on after the call until it ends its wait itself: when thousands of clients go together, their requests
        end a few at a time, and those that cannot end yet must keep no place from others.
        """
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
        """Report once to the waiting request that its client has disconnected."""
        if not self.is_gone:
            self.is_gone = True
            if self._on_gone is not None:
                self._on_gone()

    # -- Deadlines and the end -----------------------------------------------------------------------------------------

    def expire(self) -> None:
        """Do what is due at the deadline of the current state."""
        server = self._server
        if self._transport is None:
            self.deadline = inf
        elif self._is_stalled:
            self._check_stall()
        elif self._state is State.HEAD:
            if self._pending:
                server.counters.shed["slow head"] += 1
                self._refuse(refusals.too_slow("slow head"))
            else:
                self._close()
        elif self._state is State.BODY:
            self.shed_body()
        elif self._state is State.DRAIN:
            self._end_drain()
        elif self._state is State.BUSY:
            self.deadline = inf
        else:
            self.abort()

    @property
    def held_bytes(self) -> int:
        """Bytes that have arrived and belong to no request yet."""
        return len(self._pending)

    def idle_since(self) -> float:
        """Return when it began to wait for the first byte of a request; infinity if it does not."""
        if self._state is not State.HEAD or self._pending or self._is_stalled:
            return inf
        bounds, is_new = self._server.bounds, self._option is replies.CLOSE  # a served one is kept
        return self.deadline - (bounds.head_seconds if is_new else bounds.idle_seconds)

    def close_idle(self) -> None:
        """Close a connection that waits for a request."""
        if self._transport is not None and self._state is State.HEAD:
            self._close()

    def stop(self) -> None:
        """Close the connection if no request runs; otherwise its response closes it."""
        if self._state is State.HEAD and not self._is_stalled:
            self._close()
        elif self._state is State.BODY:
            self._forget_body()
            self._close()

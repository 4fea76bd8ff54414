"""Responses of one connection: whole, in parts, and refusals of requests that cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from zaqar_core.web.envelope import Parts, Reply
from zaqar_core.web.server import replies
from zaqar_core.web.server.client_stream import ClientStream, State
from zaqar_core.web.server.refusals import Refused
from zaqar_core.web.server.replies import ReplyInvalid

if TYPE_CHECKING:
    from zaqar_core.web.server.server import Server

_log = logging.getLogger("sqs_facade.http")
FAILED = Reply(500, [("Content-Type", "text/plain; charset=utf-8")], b"internal error\n")

_Argument = TypeVar("_Argument")


class Responding(ClientStream):
    """A connection that writes the response to its current request."""

    __slots__ = ("_is_head", "_option", "_pending")

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        #: Bytes that have arrived and belong to no request yet.
        self._pending = bytearray()
        # Of the current request: whether its method is HEAD, and the header Connection of its response.
        self._is_head = False
        self._option = replies.CLOSE

    def _next(self) -> None:
        """Read the next request from what has arrived ahead of it."""
        raise NotImplementedError

    def _await_request(self) -> None:
        """Wait for the next request, or read one that has arrived already."""
        self._state = State.HEAD
        self.deadline = self._server.now + self._server.bounds.idle_seconds
        if self._pending or self._has_ended:
            self._server.loop.call_soon(self._next)

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
            data = replies.encode(FAILED, date=server.date, connection=option, is_head=self._is_head)
        if option is not replies.CLOSE:
            # Written out: this is the way of every request.
            self._state = State.HEAD
            self.deadline = server.now + server.bounds.idle_seconds
            server.counters.bytes_out += len(data)
            transport.write(data)
            if self._pending or self._has_ended:
                server.loop.call_soon(self._next)
        else:
            self._write(data)
            self._end_response()

    def _end_response(self) -> None:
        """Close the connection after the last response."""
        self._pending.clear()
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
            if self._transport is None:
                return
            if part:
                self._write(replies.chunk(part) if is_1_1 else part)
            if not self._wait_for_reader():
                return
        if self._transport is None:
            return
        if is_1_1:
            self._write(replies.LAST_CHUNK)
        if option is replies.CLOSE or server.is_stopping:
            self._end_response()
        else:
            self._await_request()

    def _refuse(self, refused: Refused) -> None:
        """Refuse a request that cannot be read, and close the connection."""
        self._server.counters.refused[refused.reason] += 1
        self._option, self._is_head = replies.CLOSE, False
        self._answer(refused.reply())


def answer_of(
    answer: Callable[[dict[str, Any], _Argument], Reply], environ: dict[str, Any], argument: _Argument
) -> Reply:
    """Return the application's answer; log an error and return 500 if it raises, which it should not."""
    try:
        return answer(environ, argument)
    except Exception:
        _log.exception("%s %s failed with an unexpected error", environ["REQUEST_METHOD"], environ["PATH_INFO"])
        return FAILED

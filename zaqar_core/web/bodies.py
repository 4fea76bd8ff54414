"""Reads the bodies of requests under a WSGI server that runs each request in a thread.

A client that sends slowly, or not at all, must not hold threads that others need. Where the environ names the socket
(Gunicorn, Werkzeug), bodies have the deadlines of the event loop's server, and beyond a number of unfinished bodies the
slowest are refused. Nobody waits for the body of another request. The event loop's server does not use this module: it
calls the application with whole bodies.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from zaqar_core.domain.digits import whole_number
from zaqar_core.web.envelope import Refusal
from zaqar_core.web.server.limits import DRAIN_BYTES, Limits

#: Size of one read: small enough to see the progress of a body, and a false Content-Length reserves no memory.
_PART_BYTES = 64 << 10
#: Longer numbers are no lengths; shorter ones may be too large.
_LENGTH_DIGITS = 100
#: Unfinished bodies of a process above which those that do not arrive are refused, at least and at most.
_CROWD = (2, 32)
#: In a crowd, a body that does not arrive for so long may be refused.
_CROWD_STALL_SECONDS = 0.25
_SWEEP_SECONDS = 0.1
#: A client that reads its response more slowly than this, after ``write_idle_seconds``, is disconnected.
_WRITE_BYTES_PER_SECOND = 64 << 10
#: WSGI servers whose input raises an error when a chunked body breaks off. Others may return the part that arrived.
_REPORTS_A_BREAK = ("gunicorn/", "Werkzeug/")
_SOCKETS = ("gunicorn.socket", "werkzeug.socket")
_log = logging.getLogger("sqs_facade.http")


class _Arrival:
    """A body of which a part is missing. ``count`` are the bytes that have arrived."""

    __slots__ = ("_connection", "began", "count", "is_refused", "progress_at")

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.began = self.progress_at = time.monotonic()
        self.count = 0
        self.is_refused = False

    def add(self, count: int) -> None:
        """Take note of bytes that have arrived."""
        self.count += count
        self.progress_at = time.monotonic()

    def refuse(self) -> None:
        """End the wait of the thread that reads: it finds the end of the input."""
        self.is_refused = True
        with contextlib.suppress(OSError):
            # Not the method of an SSLSocket, which would also end the encryption of the response.
            socket.socket.shutdown(self._connection, socket.SHUT_RD)


class Bodies:
    """Reads bodies and ends those that are too slow. One instance serves all threads of a process."""

    def __init__(self, max_waits: int, bounds: Limits) -> None:
        self._bounds = bounds
        #: Unfinished bodies above which the stalled ones are refused. A quarter of the waits: fewer than there are
        #: threads besides those that wait.
        self._crowd = max(_CROWD[0], min(_CROWD[1], max_waits // 4))
        self._mutex = threading.Lock()
        self._arriving: dict[_Arrival, None] = {}
        self._is_needed = threading.Event()
        self._sweeper: threading.Thread | None = None

    def read(self, environ: Mapping[str, Any], limit: int) -> bytes | Refusal:
        """Return the whole body, or why the request is refused."""
        declared = environ.get("CONTENT_LENGTH")
        if declared:
            announced = whole_number(declared, most=_LENGTH_DIGITS)
            if announced is None:
                return Refusal.BODY_LENGTH_INVALID
            length = announced
            if length == 0:
                return b""
        elif "HTTP_TRANSFER_ENCODING" in environ:
            if not _reports_a_break(environ):
                return Refusal.LENGTH_REQUIRED
            length = -1
        else:
            return b""
        connection = next((environ[name] for name in _SOCKETS if name in environ), None)
        if connection is None:
            return _read(environ["wsgi.input"], length, limit, None)
        with self._arrival(connection) as arrival:
            found = _read(environ["wsgi.input"], length, limit, arrival)
        return Refusal.BODY_TOO_SLOW if found is Refusal.BODY_CUT_SHORT and arrival.is_refused else found

    def limit_response(self, environ: Mapping[str, Any], length: int) -> None:
        """Give the client a deadline for reading a response of so many bytes."""
        for name in _SOCKETS:
            if name in environ:
                bounds = self._bounds
                seconds = bounds.write_idle_seconds + length / _WRITE_BYTES_PER_SECOND
                with contextlib.suppress(OSError):  # the connection has ended
                    environ[name].settimeout(min(seconds, bounds.write_seconds))

    @contextlib.contextmanager
    def _arrival(self, connection: socket.socket) -> Iterator[_Arrival]:
        """Bound the block that reads the body."""
        arrival = _Arrival(connection)
        before = connection.gettimeout()
        with contextlib.suppress(OSError):  # the connection has ended
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.settimeout(self._bounds.body_idle_seconds)
        with self._mutex:
            self._arriving[arrival] = None
            if len(self._arriving) > self._crowd:
                self._refuse_stalled(time.monotonic())
            self._need_sweeper()
        try:
            yield arrival
        finally:
            with self._mutex:
                del self._arriving[arrival]
            with contextlib.suppress(OSError):
                connection.settimeout(before)

    # -- The slow ones, while the mutex is held ------------------------------------------------------------------------

    def _refuse_stalled(self, now: float) -> None:
        """Refuse the slowest of the stalled bodies, until no more than a crowd is left."""
        reading = [one for one in self._arriving if not one.is_refused]
        stalled = [one for one in reading if one.progress_at <= now - _CROWD_STALL_SECONDS]
        stalled.sort(key=lambda one: one.count / (now - one.began))
        for arrival in stalled[: max(0, len(reading) - self._crowd)]:
            arrival.refuse()

    def _need_sweeper(self) -> None:
        if self._sweeper is None:
            self._sweeper = threading.Thread(target=self._sweep_forever, name="slow-bodies", daemon=True)
            self._sweeper.start()
        if not self._is_needed.is_set():
            self._is_needed.set()

    def _sweep_forever(self) -> None:
        while True:
            self._is_needed.wait()
            time.sleep(_SWEEP_SECONDS)
            try:
                self._sweep()
            except Exception:  # a fault at one body must not keep all later ones
                _log.exception("a look for slow bodies failed, will retry")

    def _sweep(self) -> None:
        now = time.monotonic()
        with self._mutex:
            if not self._arriving:
                self._is_needed.clear()
            for arrival in self._arriving:
                if arrival.began <= now - self._bounds.body_seconds and not arrival.is_refused:
                    arrival.refuse()
            if len(self._arriving) > self._crowd:
                self._refuse_stalled(now)


def _reports_a_break(environ: Mapping[str, Any]) -> bool:
    """Return whether the input of the server tells the end of a chunked body from a broken connection."""
    software = str(environ.get("SERVER_SOFTWARE", ""))
    return bool(environ.get("wsgi.input_terminated")) and software.startswith(_REPORTS_A_BREAK)


def _read(stream: Any, length: int, limit: int, arrival: _Arrival | None) -> bytes | Refusal:
    """Read a body of ``length`` bytes, or a chunked one if that is negative."""
    try:
        if length > limit:
            _drain(stream, min(length, DRAIN_BYTES))
            return Refusal.BODY_TOO_LARGE
        return _read_parts(stream, length, limit, arrival)
    except TimeoutError:
        if arrival is not None:
            arrival.is_refused = True
        return Refusal.BODY_CUT_SHORT
    except Exception:  # servers have their own classes for wrong chunks, and not all are OSErrors
        return Refusal.BODY_CUT_SHORT


def _read_parts(stream: Any, length: int, limit: int, arrival: _Arrival | None) -> bytes | Refusal:
    parts: list[bytes] = []
    total = 0
    while total != length:
        part = stream.read(_PART_BYTES if length < 0 else min(length - total, _PART_BYTES))
        if not part:
            return Refusal.BODY_CUT_SHORT if length >= 0 else b"".join(parts)
        parts.append(part)
        total += len(part)
        if arrival is not None:
            arrival.add(len(part))
        if total > limit:
            _drain(stream, DRAIN_BYTES)
            return Refusal.BODY_TOO_LARGE
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _drain(stream: Any, most: int) -> None:
    while most > 0 and (part := stream.read(min(most, _PART_BYTES))):
        most -= len(part)

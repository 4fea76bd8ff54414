"""The access log: one line of the log for each request, or for each that failed.

A line has names and numbers only: no path, query string, header or body, so no secret, signature or token. The page
docs/logging.md has the table of its fields, which a test compares with this module.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from time import time
from typing import TYPE_CHECKING, Literal, NamedTuple

from zaqar_core import logs
from zaqar_core.domain.names import QueueRef
from zaqar_core.logs.lines import ConsoleLines, Process, described, json_line, second_text, shortened
from zaqar_core.web.envelope import Reply, Request

if TYPE_CHECKING:
    from zaqar_core.configuration.settings import Settings
    from zaqar_core.logs.writer import Writer

LOGGER = "sqs_facade.access"
_FAILED_STATUS, _ERROR_STATUS = 400, 500
#: Texts about requests that are kept, and the longest accounts and names of queues in them.
_MOST_KEPT = 4096
_KEPT_CHARACTERS = 256

#: Client, dialect, operation, queue, account, status and code: what many requests have in common.
_Kind = tuple[str, str, str, QueueRef | None, str, int, str]


class _Form(NamedTuple):
    """How the parts of a line are written, as formats of ``%``. ``usual`` is a line without the parts that are rare."""

    usual: str
    line: str
    request_id: str
    trace_id: str
    bytes_in: str
    bytes_out: str
    ms: str
    waited_ms: str


#: Our ids need no escapes.
_JSON = _Form(
    '{"time":"%s.%03dZ",%s"request_id":"%s",%s"bytes_in":%d,"bytes_out":%d,"ms":%.3f}\n',
    '{"time":"%s.%03dZ",%s%s%s%s}\n', '"request_id":"%s",', '"trace_id":"%s",', '"bytes_in":%d', ',"bytes_out":%d',
    ',"ms":%.3f', ',"waited_ms":%.3f',
)  # fmt: skip
_CONSOLE = _Form(
    "%s.%03dZ %s request_id=%s%s bytes_in=%d bytes_out=%d ms=%.3f\n", "%s.%03dZ %s%s%s%s\n", " request_id=%s",
    " trace_id=%s", " bytes_in=%d", " bytes_out=%d", " ms=%.3f", " waited_ms=%.3f",
)  # fmt: skip


class AccessLog:
    """Writes a line for each request. One instance serves all threads and tasks of a process."""

    def __init__(self, writer: Writer, wanted: Literal["errors", "all"], console: ConsoleLines | None) -> None:
        """``console`` formats lines for people, None for JSON lines."""
        self._put = writer.put
        self._least_status = _FAILED_STATUS if wanted == "errors" else 0
        self._console = console
        self._form = _JSON if console is None else _CONSOLE
        #: What lines of the two levels say after the time.
        self._info, self._error = self._head("info"), self._head("error")
        #: The part of a line that its kind decides: to write it anew costs more than all else.
        self._known: dict[_Kind, str] = {}

    def observe(self, request: Request, reply: Reply) -> None:
        """Have a line written, unless requests of this status are left out."""
        status = reply.status
        if status < self._least_status:
            return
        note, form = request.note, self._form
        client = request.environ.get("REMOTE_ADDR") or ""
        kind = (client, note.dialect, note.operation, note.queue, note.account, status, note.code)
        about = self._known.get(kind)
        if about is None:
            about = self._about(kind)
        now, head, ms = time(), self._info if status < _ERROR_STATUS else self._error, note.seconds * 1000
        second, request_id, waited = int(now), reply.request_id, note.waited_seconds
        moment = (second_text(second), int((now - second) * 1000), head)
        if request_id and reply.parts is None and not (waited or note.trace_id):
            line = form.usual % (*moment, request_id, about, len(request.body), len(reply.body), ms)
        else:
            ids = form.request_id % request_id if request_id else ""
            if note.trace_id:
                ids += form.trace_id % note.trace_id
            numbers = form.bytes_in % len(request.body)
            if reply.parts is None:
                numbers += form.bytes_out % len(reply.body)
            numbers += form.ms % ms
            if waited:
                numbers += form.waited_ms % (waited * 1000)
            line = form.line % (*moment, ids, about, numbers)
        self._put(line.encode("utf-8", "backslashreplace"), is_urgent=False)

    def _head(self, level: str) -> str:
        values: dict[str, str | int] = {
            "level": level,
            "process": Process.name,
            "pid": os.getpid(),
            "logger": LOGGER,
            "event": "request",
        }
        if self._console is None:
            return f"{_members(values)},"
        return self._console.line({"time": "", **values}).strip()

    def _about(self, kind: _Kind) -> str:
        """Return the part of a line that its kind decides. Names without a value are left out."""
        client, dialect, operation, queue, account, status, code = kind
        values: dict[str, str | int] = {"client": client, "dialect": dialect, "operation": operation}
        if queue is None:
            values["account"] = shortened(account)
        else:
            values |= {"account": queue.project, "region": queue.region, "queue": shortened(queue.name)}
        values |= {"status": status, "code": code}
        values = {name: value for name, value in values.items() if value != ""}
        about = f"{_members(values)}," if self._console is None else described(values)
        if len(account) <= _KEPT_CHARACTERS and (queue is None or len(queue.name) <= _KEPT_CHARACTERS):
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            self._known[kind] = about
        return about


def _members(values: Mapping[str, str | int]) -> str:
    """Return the members of a JSON object without its braces."""
    return json_line(values).decode()[1:-2]


def configured(settings: Settings) -> list[AccessLog]:
    """Return the access log of the settings, if they ask for one. The log of this process must be set up."""
    writer = logs.writer()
    if settings.access_log == "off" or writer is None:
        return []
    return [AccessLog(writer, settings.access_log, logs.console())]

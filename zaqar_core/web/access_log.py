"""The access log: one line of the log for each request, or for each that failed.

A line has names and numbers only: no path, query string, header or body, so no secret, signature or token. The page
docs/logging.md has the table of its fields, which a test compares with this module.
"""

from __future__ import annotations

import os
from time import time
from typing import TYPE_CHECKING, Any, Literal

from zaqar_core import logs
from zaqar_core.logs.lines import ConsoleLines, Process, json_line, shortened, time_text
from zaqar_core.web.envelope import Reply, Request

if TYPE_CHECKING:
    from zaqar_core.configuration.settings import Settings
    from zaqar_core.logs.writer import Writer

LOGGER = "sqs_facade.access"


class AccessLog:
    """Writes a line for each request. One instance serves all threads and tasks of a process."""

    def __init__(self, writer: Writer, wanted: Literal["errors", "all"], console: ConsoleLines | None) -> None:
        """``console`` formats lines for people, None for JSON lines."""
        self._put = writer.put
        self._least_status = 400 if wanted == "errors" else 0
        self._console = console
        self._process, self._pid = Process.name, os.getpid()

    def observe(self, request: Request, reply: Reply) -> None:
        """Have a line written, unless requests of this status are left out."""
        if reply.status >= self._least_status:
            values = self._fields(request, reply)
            if self._console is None:
                line = json_line(values)
            else:
                line = f"{self._console.line(values)}\n".encode("utf-8", "backslashreplace")
            self._put(line, is_urgent=False)

    def _fields(self, request: Request, reply: Reply) -> dict[str, Any]:
        """Return the fields in their order. Those without a value are left out, except for numbers."""
        note, status = request.note, reply.status
        found: dict[str, Any] = {
            "time": time_text(time()),
            "level": "info" if status < 500 else "error",
            "process": self._process,
            "pid": self._pid,
            "logger": LOGGER,
            "event": "request",
        }
        if request_id := reply.request_id:
            found["request_id"] = request_id
        if note.trace_id:
            found["trace_id"] = note.trace_id
        if client := request.environ.get("REMOTE_ADDR"):
            found["client"] = client
        if note.dialect:
            found["dialect"] = note.dialect
        if note.operation:
            found["operation"] = note.operation
        if (queue := note.queue) is not None:
            found["account"], found["region"], found["queue"] = queue.project, queue.region, shortened(queue.name)
        elif note.account:
            found["account"] = shortened(note.account)
        found["status"] = status
        if note.code:
            found["code"] = note.code
        found["bytes_in"] = len(request.body)
        if reply.parts is None:
            found["bytes_out"] = len(reply.body)
        found["ms"] = round(note.seconds * 1000, 3)
        if note.waited_seconds:
            found["waited_ms"] = round(note.waited_seconds * 1000, 3)
        return found


def configured(settings: Settings) -> list[AccessLog]:
    """Return the access log of the settings, if they ask for one. The log of this process must be set up."""
    writer = logs.writer()
    if settings.access_log == "off" or writer is None:
        return []
    return [AccessLog(writer, settings.access_log, logs.console())]

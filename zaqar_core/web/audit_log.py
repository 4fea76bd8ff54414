"""The file of the audit log: lines are written by a thread of their own, so no request waits for a disk.

A line is one write at the end of the file, so the processes of a service share it. A file that was renamed or removed,
as programs for rotation do, is opened again.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from zaqar_core.configuration.errors import SettingsInvalid

_log = logging.getLogger("sqs_facade.audit")

#: The setting's value for the error stream of the process.
STDERR = "stderr"
#: Lines that may wait for the disk, a few MB. Beyond them lines are dropped and counted.
_MOST_WAITING = 10_000
#: Lines of one write.
_MOST_TOGETHER = 200

_CLOSE_SECONDS = 2.0

Record = Mapping[str, Any]


def now() -> str:
    """Return the time in RFC 3339 with milliseconds, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class AuditLog:
    """Writes records as JSON lines. Any thread and task may use it."""

    def __init__(self, place: str) -> None:
        """Open the file, or ``stderr``. Raises SettingsInvalid."""
        self._path = None if place == STDERR else Path(place).expanduser()
        self._file = -1
        self._waiting: queue.Queue[Record | None] = queue.Queue(_MOST_WAITING)
        #: Lines that were dropped since the last line that says so.
        self.dropped = 0
        #: Lines that were dropped since the start.
        self.lost = 0
        self._is_failing = False
        try:
            self._reopen()
        except OSError as problem:
            raise SettingsInvalid(
                f"cannot write the audit log {place}: {problem.strerror}", setting="audit_log"
            ) from None
        self._thread = threading.Thread(target=self._write_all, name="audit", daemon=True)

    def start(self) -> None:
        """Write until the main thread has ended; the interpreter waits for the last lines."""
        self._thread.start()

        def wait() -> None:
            threading.main_thread().join()
            self.close()

        threading.Thread(target=wait, name="audit-exit", daemon=False).start()

    def put(self, record: Record) -> None:
        """Have a record written. Never blocks: it is dropped and counted while too many wait."""
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self.dropped += 1
            self.lost += 1

    def close(self) -> None:
        """Write the lines that wait, and end the thread, unless this takes longer than some seconds."""
        with contextlib.suppress(queue.Full):  # nobody reads the other end of a pipe
            self._waiting.put(None, timeout=_CLOSE_SECONDS)
        self._thread.join(_CLOSE_SECONDS)

    def _write_all(self) -> None:
        is_open = True
        while is_open:
            records = [self._waiting.get()]
            while len(records) < _MOST_TOGETHER and not self._waiting.empty():
                records.append(self._waiting.get())
            is_open = None not in records
            dropped, self.dropped = self.dropped, 0
            lines = [line for one in records if one is not None and (line := self._line(one))]
            if dropped:
                lost = {"time": now(), "action": "audit.dropped", "outcome": "failed", "lines": dropped}
                lines.append(_line(lost))
            try:
                self._write(b"".join(lines))
                self._is_failing = False
            except OSError as problem:
                self.dropped += dropped + len(lines)
                if not self._is_failing:
                    _log.error("cannot write the audit log: %s", problem.strerror)
                self._is_failing = True

    def _line(self, record: Record) -> bytes:
        """Return the line of a record; count it as dropped if it has none, which must not end the thread."""
        try:
            return _line(record)
        except Exception:
            _log.exception("cannot write a line of the audit log")
            self.dropped += 1
            self.lost += 1
            return b""

    def _write(self, data: bytes) -> None:
        """Write all lines. Raises OSError."""
        if self._path is not None:
            self._reopen()
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def _reopen(self) -> None:
        """Open the file if it is not the one at its path. Raises OSError."""
        if self._path is None:
            self._file = sys.__stderr__.fileno() if sys.__stderr__ is not None else 2
            return
        if self._file >= 0:
            opened = os.fstat(self._file)
            try:
                found = self._path.stat()
                if (found.st_dev, found.st_ino) == (opened.st_dev, opened.st_ino):
                    return
            except FileNotFoundError:
                pass
            os.close(self._file)
            self._file = -1
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _line(record: Record) -> bytes:
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a text of a client that is not Unicode
        return json.dumps(record).encode() + b"\n"


def check(place: str | None) -> None:
    """Check that the audit log can be written. Raises SettingsInvalid."""
    found = opened(place)
    if found is not None and place != STDERR:
        os.close(found._file)


def opened(place: str | None) -> AuditLog | None:
    """Open the audit log of the setting, None where there is none. Raises SettingsInvalid."""
    return None if place is None else AuditLog(place)

"""Counts log records that repeat, so that each cause has a line a minute at most."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

from zaqar_core.logs.cause import CAUSE, QUIET_SECONDS

#: After a line, more records of its cause are counted for so long; then one line has their number.
_QUIET_SECONDS = 60.0
#: Causes that are remembered. Beyond it, records of one log call have one cause, whatever their text is.
_MOST_CAUSES = 1000

_Key = tuple[object, ...]
_formatter = logging.Formatter()


@dataclass(slots=True)
class _Window:
    """The time after a line in which records of its cause are only counted."""

    end: float
    #: The record that was written, without references to what it was made of.
    record: logging.LogRecord
    count: int = 0


class Repeats:
    """What one process has logged lately. Thread-safe; a forked process begins anew if its owner calls ``clear``."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._lock = threading.Lock()
        self._windows: dict[_Key, _Window] = {}

    def admits(self, record: logging.LogRecord) -> bool:
        """Return whether the record is to be written now; if not, it is counted."""
        if record.levelno < logging.INFO or not _quiet_seconds(record):
            return True
        key, now = _key(record), self._now()
        with self._lock:
            window = self._windows.get(key)
            if window is None and len(self._windows) >= _MOST_CAUSES:
                key = (record.name, record.msg)
                window = self._windows.get(key)
            if window is None:
                self._windows[key] = _Window(now + _quiet_seconds(record), _plain(record))
                return True
            window.count += 1
            return False

    def counted(self, logger: str, causes: tuple[object, ...]) -> bool:
        """Count a record of a named cause without building it. Return False if it is to be written now."""
        with self._lock:
            window = self._windows.get((logger, *causes))
            if window is None:
                return False
            window.count += 1
            return True

    def due(self, *, everything: bool = False) -> tuple[list[logging.LogRecord], float | None]:
        """Return the records to write now, each with the attribute ``repeated``, and the seconds until the next ones.

        ``everything``: also those whose minute is not over.
        """
        now, found = self._now(), []
        with self._lock:
            for key, window in list(self._windows.items()):
                if window.end > now and not everything:
                    continue
                if not window.count:
                    del self._windows[key]
                    continue
                record = copy(window.record)
                record.__dict__["repeated"] = window.count
                record.created = time.time()
                found.append(record)
                self._windows[key] = _Window(now + _quiet_seconds(record), window.record)
            ends = [window.end for window in self._windows.values()]
        return found, max(0.0, min(ends) - now) if ends else None


def _plain(record: logging.LogRecord) -> logging.LogRecord:
    """Return a copy that has texts only: a traceback would keep the request of its frames in memory."""
    found = copy(record)
    found.msg, found.args = record.getMessage(), None
    if record.exc_info and record.exc_info[0] is not None:
        found.exc_text = _formatter.formatException(record.exc_info)
    found.exc_info = None
    return found


def _quiet_seconds(record: logging.LogRecord) -> float:
    return float(record.__dict__.get(QUIET_SECONDS, _QUIET_SECONDS))


def _key(record: logging.LogRecord) -> _Key:
    found = record.__dict__.get(CAUSE)
    if found is not None:
        return (record.name, *found)
    if record.exc_info and record.exc_info[0] is not None:
        kind, _, place = record.exc_info
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = None if place is None else (place.tb_frame.f_code.co_filename, place.tb_lineno)
        return (record.name, record.msg, kind, where)
    if not record.name.startswith("sqs_facade"):
        return (record.name, record.msg)  # texts of libraries have times and addresses in them
    return (record.name, record.getMessage())

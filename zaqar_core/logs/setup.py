"""Sets up the log of a process: the handler of all loggers, and what else would write to standard error."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from types import TracebackType
from typing import Any, Literal

from zaqar_core.logs.cause import CAUSE
from zaqar_core.logs.lines import ConsoleLines, Process, fields, json_line
from zaqar_core.logs.repeats import Repeats
from zaqar_core.logs.writer import Writer

Format = Literal["console", "json"]
Level = Literal["debug", "info", "warning", "error"]

#: The parent of all loggers of this project.
_OURS = "sqs_facade"
_log = logging.getLogger("sqs_facade.process")


class LinesHandler(logging.Handler):
    """Formats records and has them written by a thread; records that repeat are counted."""

    def __init__(self, descriptor: int, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.is_json = not isinstance(formatter, ConsoleLines)
        self.repeats = Repeats()
        self.writer = Writer(descriptor, self._lost, self._write_repeated)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.repeats.clear)

    def emit(self, record: logging.LogRecord) -> None:
        """Have the record written, unless one of its cause was written lately."""
        try:
            if self.repeats.admits(record):
                self._put(record)
        except Exception:
            self.handleError(record)

    def _put_safely(self, record: logging.LogRecord) -> None:
        try:
            self._put(record)
        except Exception:  # it would end the thread that writes
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - a name of the library
        """Write a line about a record that cannot be formatted. The library would print several."""
        about = _record(logging.ERROR, "a log record of %s cannot be formatted: %r", record.name, record.msg)
        self._put(about)

    def close(self) -> None:
        """Write what waits, and how often repeated records were counted."""
        for record in self.repeats.due(everything=True)[0]:
            self._put_safely(record)
        self.writer.close()
        super().close()

    def _put(self, record: logging.LogRecord) -> None:
        self.writer.put(self.format(record).encode("utf-8", "backslashreplace") + b"\n")

    def _write_repeated(self) -> float | None:
        records, seconds = self.repeats.due()
        for record in records:
            self._put_safely(record)
        return seconds

    def _lost(self, count: int) -> bytes:
        text = "%d log lines were dropped: standard error was not read in time"
        return self.format(_record(logging.WARNING, text, count)).encode() + b"\n"


_handler: LinesHandler | None = None


def set_up(form: Format, level: Level, process: str) -> None:
    """Write the log of this process to standard error from now on.

    ``process`` is its name in each line. In a forked process, or with other arguments, it may be called again.
    """
    global _handler
    Process.name = process
    before = _handler
    if before is None or before.is_json is not (form == "json"):
        _handler = LinesHandler(_descriptor(), _formatter(form))
        logging.getLogger().addHandler(_handler)
        if before is not None:
            logging.getLogger().removeHandler(before)
            before.close()
    number = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger(_OURS).setLevel(number)
    logging.getLogger().setLevel(max(number, logging.WARNING))  # of libraries nobody wants more
    logging.captureWarnings(True)
    sys.excepthook = _log_unhandled
    threading.excepthook = _log_thread
    sys.unraisablehook = _log_unraisable


def close() -> None:
    """Write what waits, at the end of a process that runs no functions of ``atexit``."""
    if _handler is not None:
        _handler.close()


def writer() -> Writer | None:
    """Return what writes the lines of this process, None before ``set_up``."""
    return None if _handler is None else _handler.writer


def was_counted(log: logging.Logger, about: dict[str, Any]) -> bool:
    """Return whether a record of this cause was written lately. Then another one is counted, and need not be built."""
    return _handler is not None and _handler.repeats.counted(log.name, about[CAUSE])


def console() -> ConsoleLines | None:
    """Return what formats the lines of this process for people, None where they are JSON."""
    found = _handler.formatter if _handler is not None else None
    return found if isinstance(found, ConsoleLines) else None


def is_json() -> bool:
    """Return whether this process logs JSON."""
    return _handler is not None and _handler.is_json


def announcement(text: str) -> str:
    """Return a line for standard output: the text, or the record with this text in JSON."""
    if not is_json():
        return text
    return json_line(fields(_record(logging.INFO, "%s", text))).decode().rstrip("\n")


def _descriptor() -> int:
    return sys.__stderr__.fileno() if sys.__stderr__ is not None else 2


def _formatter(form: Format) -> logging.Formatter:
    if form == "json":
        from zaqar_core.logs.json_lines import JsonLines

        return JsonLines()
    return ConsoleLines(has_colours="NO_COLOR" not in os.environ and os.isatty(_descriptor()))


def _record(level: int, text: str, *arguments: object) -> logging.LogRecord:
    record = logging.LogRecord(_log.name, level, "", 0, text, arguments, None)
    record.created = time.time()
    return record


def _log_unhandled(kind: type[BaseException], problem: BaseException, place: TracebackType | None) -> None:
    if not issubclass(kind, Exception):  # Ctrl-C
        sys.__excepthook__(kind, problem, place)
        return
    _log.critical("the process ends with an unhandled exception", exc_info=(kind, problem, place))


def _log_thread(found: threading.ExceptHookArgs) -> None:
    if found.exc_type is not SystemExit and found.exc_value is not None:
        name = found.thread.name if found.thread is not None else "?"
        _log.error("the thread %s ended", name, exc_info=(found.exc_type, found.exc_value, found.exc_traceback))


def _log_unraisable(found: Any) -> None:
    if found.exc_value is not None:
        where = found.err_msg or "an exception was ignored"
        _log.error("%s", where, exc_info=(found.exc_type, found.exc_value, found.exc_traceback))

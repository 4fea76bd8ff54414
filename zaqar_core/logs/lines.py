"""What a log line says, for people and as JSON. No text of a client can begin a line or hide what stands beside it."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from zaqar_core.logs.request_ids import current_request_id

#: Attributes of records that are fields of no line.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_MOST_CHARACTERS = 4_000
_MOST_TRACEBACK_CHARACTERS = 12_000
#: Controls, and what some programs take for the end of a line or for a change of its direction.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: Those of them that JSON need not escape.
_UNESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_COLOURS = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}


class Process:
    """The name of this process in its lines."""

    name = "main"


def time_text(seconds: float) -> str:
    """Return a time in ISO 8601 with milliseconds, UTC."""
    whole = int(seconds)
    return f"{second_text(whole)}.{int((seconds - whole) * 1000):03d}Z"


@lru_cache(maxsize=4)
def second_text(second: int) -> str:
    """Return a time in ISO 8601 to the second, UTC, without its zone."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return the fields of a record in their order, without its exception."""
    found: dict[str, Any] = {
        "time": time_text(record.created),
        "level": record.levelname.lower(),
        "process": Process.name,
        "pid": os.getpid(),
        "logger": record.name,
        "event": shortened(record.getMessage()),
    }
    request_id = current_request_id()
    if request_id:
        found["request_id"] = request_id
    more = record.__dict__.items()
    return found | {name: value for name, value in more if name not in _OWN and not name.startswith("_")}


def traceback_of(record: logging.LogRecord, formatter: logging.Formatter) -> str:
    """Return the traceback of a record, the end of a long one, "" without an exception."""
    text = record.exc_text or ""
    if record.exc_info and record.exc_info[0] is not None:
        text = formatter.formatException(record.exc_info)
    return text[-_MOST_TRACEBACK_CHARACTERS:]


def shortened(text: str) -> str:
    """Return the beginning of a long text."""
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def plain(text: str) -> str:
    """Return a text whose control characters are escaped."""
    return text if text.isascii() and text.isprintable() else _CONTROLS.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    return {9: "\\t", 10: "\\n", 13: "\\r"}.get(number) or (f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}")


def json_line(values: Mapping[str, Any]) -> bytes:
    """Return the values as one line of JSON, of which no byte is a control character."""
    import orjson

    try:
        data = orjson.dumps(values, default=str)
    except TypeError:  # a text of a client that is not Unicode
        return json.dumps(values, default=str).encode() + b"\n"
    if not data.isascii() or b"\x7f" in data:
        data = _UNESCAPED.sub(lambda one: f"\\u{ord(one[0]):04x}", data.decode()).encode()
    return data + b"\n"


class ConsoleLines(logging.Formatter):
    """Lines for people: aligned; with colours on a terminal. A traceback follows on lines that begin with a bar."""

    def __init__(self, *, has_colours: bool) -> None:
        super().__init__()
        self._has_colours = has_colours

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record, without the last line feed."""
        values = fields(record)
        lines = [self.line(values)]
        lines += [f"    | {plain(line)}" for line in traceback_of(record, self).splitlines()]
        return "\n".join(lines)

    def line(self, values: dict[str, Any]) -> str:
        """Return the line of these fields, which are taken out of ``values``."""
        level = f"{values.pop('level'):8}"
        if self._has_colours:
            level = f"\x1b[{_COLOURS.get(level.strip(), '0')}m{level}\x1b[0m"
        place = f"{values.pop('process')}-{values.pop('pid')}"
        logger = plain(str(values.pop("logger"))).removeprefix("sqs_facade.")
        head = f"{values.pop('time')} {level} {place:16} {logger:12} {plain(str(values.pop('event')))}"
        return head + described(values)


def described(values: Mapping[str, Any]) -> str:
    """Return fields as the end of a line for people."""
    found = "".join([f" {name}={value}" for name, value in values.items()])
    is_plain = found.isascii() and found.isprintable() and len(found) <= _MOST_CHARACTERS
    if is_plain and found.count(" ") == len(values) and "= " not in found and not found.endswith("="):
        return found
    return "".join([f" {name}={_quoted(plain(shortened(str(value))))}" for name, value in values.items()])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if " " in text or not text else text

"""What a line of the log says, for people and as JSON."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest

from zaqar_core.logs.json_lines import JsonLines
from zaqar_core.logs.lines import ConsoleLines
from zaqar_core.logs.request_ids import set_request_id

#: What a client may send to make a line of its own, or to hide one.
HOSTILE = 'q\r\n{"level":"critical"}\x1b[2K\x00\x85\u2028\u2029\u202e\x7f\x9b'
#: Every character that a program may take for the end of a line, and those that change how a terminal shows it.
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def record(text: str = "hello", *arguments: Any, level: int = logging.WARNING, **more: Any) -> logging.LogRecord:
    found = logging.LogRecord("sqs_facade.store", level, "", 0, text, arguments, None)
    found.created = 1764201600.1239
    found.__dict__.update(more)
    return found


def raised(text: str) -> Any:
    try:
        raise ValueError(text)
    except ValueError as problem:
        return (ValueError, problem, problem.__traceback__)


def console(one: logging.LogRecord, *, has_colours: bool = False) -> str:
    return ConsoleLines(has_colours=has_colours).format(one)


def as_json(one: logging.LogRecord) -> dict[str, Any]:
    text = JsonLines().format(one)
    assert CONTROLS.search(text) is None
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_json_line_has_time_level_process_logger_and_event() -> None:
    found = as_json(record("hello %s", "you", setting="allowed_hosts", _cause=("hidden",)))
    assert isinstance(found.pop("pid"), int)
    assert found == {
        "time": "2025-11-27T00:00:00.123Z", "level": "warning", "process": "main", "logger": "sqs_facade.store",
        "event": "hello you", "setting": "allowed_hosts",
    }  # fmt: skip


def test_a_traceback_is_one_field() -> None:
    found = as_json(record(exc_info=raised(HOSTILE)))
    assert found["exception"].startswith("Traceback")
    assert HOSTILE in found["exception"]


def test_a_line_has_the_id_of_its_request() -> None:
    import contextvars

    def run() -> dict[str, Any]:
        set_request_id("abc-1")
        return as_json(record())

    assert contextvars.Context().run(run)["request_id"] == "abc-1"
    assert "request_id" not in as_json(record())


@pytest.mark.parametrize("text", [HOSTILE, "\ud800", "é", "x" * 20_000])
def test_no_text_makes_a_second_line(text: str) -> None:
    one = record("a queue: %s", text, queue=text)
    found = as_json(one)
    assert len(found["event"]) < 5_000
    line = console(one)
    assert "\n" not in line
    assert CONTROLS.search(line) is None
    line.encode()


def test_a_console_line_is_aligned() -> None:
    first, second = console(record(level=logging.ERROR)), console(record("x", level=logging.INFO))
    assert re.fullmatch(r"2025-11-27T00:00:00\.123Z error    main-\d+ +store        hello", first)
    assert first.index("hello") == second.index(" x") + 1


def test_fields_follow_the_event_on_the_console() -> None:
    assert console(record(queue="a b", count=2, empty="")).endswith(' hello queue="a b" count=2 empty=""')


def test_a_traceback_is_marked_on_the_console() -> None:
    _, *rest = console(record(exc_info=raised("a\nb"))).split("\n")
    assert len(rest) > 3
    assert all(line.startswith("    | ") for line in rest)


def test_only_a_terminal_gets_colours() -> None:
    assert "\x1b[33mwarning " in console(record(), has_colours=True)
    assert "\x1b" not in console(record())

"""docs/logging.md has the tables of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.logs.test_access_log import Lines
from tests.logs.test_lines import as_json, raised, record
from zaqar_core.domain.names import QueueRef
from zaqar_core.logs.lines import fields
from zaqar_core.logs.remedies import REMEDIES
from zaqar_core.web.access_log import AccessLog
from zaqar_core.web.envelope import Reply, Request

TEXT = (Path(__file__).parents[2] / "docs" / "logging.md").read_text()


def named(heading: str) -> set[str]:
    """The names in the first column of the first table of a section."""
    rows = TEXT.split(f"## {heading}\n")[1].split("|---|---|\n")[1].split("\n\n")[0].splitlines()
    return {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_every_field_of_a_line_is_described() -> None:
    one = record(setting="x", repeated=2, exc_info=raised("x"))
    assert set(as_json(one)) | {"request_id"} == named("Lines")
    assert set(fields(record())) <= named("Lines")


def test_every_field_of_the_access_log_is_described() -> None:
    request = Request("POST", "/", "", b"x", {"REMOTE_ADDR": "192.0.2.1"})
    note = request.note
    note.dialect, note.operation, note.code, note.trace_id, note.waited_seconds = "zaqar", "x", "y", "z", 1.0
    note.queue = QueueRef("p", "r", "q")
    lines = Lines()
    AccessLog(lines, "all", None).observe(request, Reply(200, [("x-amzn-RequestId", "1")], b""))  # type: ignore[arg-type]
    assert set(json.loads(lines.found[0])) == named("Access log")


def test_every_remedy_is_described() -> None:
    for row in REMEDIES:
        setting = f"`{row.setting}`" if row.setting else "none"
        assert f"| {setting} | {row.refused.replace('{}', '…')} | {row.remedy} |" in TEXT

"""What ``config check`` says about the tables of a settings file that declare queues."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

from sqs_facade.commands.checks.findings import Finding, Topic
from sqs_facade.declarations import reading
from zaqar_core.configuration.settings import Settings

TOPIC = Topic("Declared queues")

_WRONG = TOPIC.rule(
    "config-declaration", "error", means="a table that declares a queue is not valid",
    why="the service does not start, and a SIGHUP changes nothing",
    remedy="correct the table: docs/declaring-queues.md has all keys",
)  # fmt: skip


def check(file: Path, settings: Settings) -> Iterator[Finding]:
    """Return the mistakes in the tables. A file that cannot be read as TOML is found by the checks of settings."""
    try:
        text = file.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (OSError, ValueError, RecursionError):
        return
    for one in reading.check(document, settings, file=file, text=text):
        yield _WRONG.found(one.text, where=f"{file}:{one.line}" if one.line else str(file))

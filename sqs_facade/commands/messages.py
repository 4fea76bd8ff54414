"""How commands print the messages of a queue: for people, as JSON lines, or bodies alone."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import click

from sqs_facade.commands.output import has_terminal, json_line

Form = Literal["text", "json", "body"]


def form_options(command: Any) -> Any:
    """Add --json and --body to a command, which gets ``as_json`` and ``body_only``."""
    command = click.option("--body", "body_only", is_flag=True, help="Print bodies only, each with a line end.")(
        command
    )
    return click.option("--json", "as_json", is_flag=True, help="Print each message as a JSON object in one line.")(
        command
    )


def form(*, as_json: bool, body_only: bool) -> Form:
    """Return the form that the options choose. Raises click.UsageError."""
    if as_json and body_only:
        raise click.UsageError("use only one of --json and --body")
    return "json" if as_json else "body" if body_only else "text"


def show(record: Mapping[str, Any], chosen: Form) -> None:
    """Print a record (see sqs_facade.remote.records)."""
    if chosen == "json":
        json_line(record)
    elif chosen == "body":
        click.echo(record["body"])
    else:
        click.secho(_heading(record), fg="cyan")
        for name, value in record.get("attributes", {}).items():
            content = value.get("value", value.get("base64", ""))
            encoding = ", base64" if "base64" in value else ""
            click.echo(f"  {name} ({value['type']}{encoding}): {_printable(content)}")
        click.echo(_printable(record["body"]))


def _heading(record: Mapping[str, Any]) -> str:
    sent = record.get("sent_ms")
    parts = [record["message_id"]]
    if sent is not None:
        parts.insert(0, f"{datetime.fromtimestamp(sent / 1000, UTC):%Y-%m-%d %H:%M:%S}Z")
    if record.get("state", "visible") != "visible":
        parts.append(record["state"].replace("_", " "))
    received = record.get("receive_count", 0)
    if received > 1 or (received and "receipt_handle" not in record):
        parts.append(f"received {received} times" if received > 1 else "received once")
    if "group_id" in record:
        parts.append(f"group {record['group_id']}")
    return "  ".join(map(_printable, parts))


def _printable(text: str) -> str:
    """Return the text; for a terminal without control characters, which could rewrite what it shows."""
    if not has_terminal(sys.stdout):
        return text
    return "".join(one if one.isprintable() or one in "\n\t" else f"\\x{ord(one):02x}" for one in text)

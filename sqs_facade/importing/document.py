"""The settings file that an import produces, and the notes about entries that it could not carry over."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field
from typing import Any

import tomlkit

from sqs_facade import addresses
from sqs_facade.declarations import reading
from sqs_facade.declarations.findings import Finding
from zaqar_core.configuration.settings import Settings


class ImportRefused(Exception):
    """The file cannot be read as the format that it should have. The text is one line for the operator."""


@dataclass(slots=True)
class Imported:
    """Settings, the tables of queues by name, and a line for each entry that has no exact counterpart here."""

    settings: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    queues: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def leave_out(self, what: str, why: str) -> None:
        """Note an entry that is not carried over."""
        self.notes.append(f"not carried over: {what}: {why}")

    def adapt(self, what: str, why: str) -> None:
        """Note an entry that is another one here."""
        self.notes.append(f"changed: {what}: {why}")

    def leave_out_unknown(self, given: dict[str, Any], known: frozenset[str], where: str) -> None:
        """Note the entries that are not known."""
        for name in given:
            if name not in known:
                self.leave_out(f"{where}{name}", "no such entry is known")

    def account(self, value: object, what: str) -> None:
        """Carry over an account."""
        text = f"{value:012d}" if isinstance(value, int) else str(value)
        if addresses.is_account(text):
            self.settings["default_account"] = text
        else:
            self.leave_out(what, f"an account has 12 digits, not {text}")

    def text(self, heading: str) -> str:
        """Return the settings file."""
        document = tomlkit.document()
        document.add(tomlkit.comment(heading))
        for line in self.notes:
            document.add(tomlkit.comment(line))
        document.add(tomlkit.nl())
        tables = {"queue_defaults": self.defaults, "queue": self.queues}
        found = {**self.settings, **{name: table for name, table in tables.items() if table}}
        return document.as_string() + tomlkit.dumps(found)

    def mistakes(self) -> list[Finding]:
        """Return what the service would refuse in the tables of queues."""
        document = tomllib.loads(self.text(""))
        known = {name: self.settings[name] for name in ("region", "default_account") if name in self.settings}
        return reading.check(document, Settings(**known))


def whole_seconds(imported: Imported, milliseconds: float, what: str) -> int:
    """Return a time in seconds, rounded up."""
    seconds = math.ceil(milliseconds / 1000)
    if seconds * 1000 != milliseconds:
        imported.adapt(what, f"{milliseconds:g} ms became {seconds} s: SQS has whole seconds")
    return seconds


def redrive(imported: Imported, policy: Any, what: str) -> dict[str, Any]:
    """Return the keys of a table for a RedrivePolicy, a JSON map; its queue is named without its ARN."""
    try:
        queue = str(policy["deadLetterTargetArn"]).rpartition(":")[2]
        return {"dead_letter_queue": queue, "max_receive_count": int(policy["maxReceiveCount"])}
    except (KeyError, TypeError, ValueError):
        imported.leave_out(what, "it is not a RedrivePolicy")
        return {}


def one_line(value: object) -> str:
    """Return a text without line breaks, for a comment or a line of the log."""
    return " ".join(str(value).split())

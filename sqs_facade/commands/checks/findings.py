"""Findings, and the rules that they come from. ``docs/doctor.md`` lists all rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

#: ``error``: something does not work, or a promise is not kept. ``warning``: it will hurt under load or at a failure.
#: ``note``: worth knowing.
Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem. ``where`` is its place: a node, a file, or the source of a setting; empty if there is only one."""

    code: str
    severity: Severity
    problem: str
    why: str
    remedy: str
    where: str = ""

    def document(self) -> dict[str, str]:
        """Return it for JSON."""
        return {
            "code": self.code, "severity": self.severity, "where": self.where, "problem": self.problem,
            "why": self.why, "remedy": self.remedy,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of problem. ``remedy`` is one line, a command or a setting; it may have fields for ``found``."""

    code: str
    severity: Severity
    #: When it is found, for the table of all rules.
    means: str
    why: str
    remedy: str

    def found(self, problem: str, *, where: str = "", remedy: str = "", **fields: Any) -> Finding:
        """Create a finding. ``remedy`` replaces that of the rule."""
        text = remedy or (self.remedy.format(**fields) if fields else self.remedy)
        return Finding(self.code, self.severity, problem, self.why, text, where)


class Topic:
    """The rules about one subject, in the order of the table."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.rules: list[Rule] = []

    def rule(self, code: str, severity: Severity, *, means: str, why: str, remedy: str) -> Rule:
        """Add a rule."""
        rule = Rule(code, severity, means, why, remedy)
        self.rules.append(rule)
        return rule


def in_order(found: Iterable[Finding]) -> list[Finding]:
    """Return findings with the most severe first, without repetitions."""
    return sorted(dict.fromkeys(found), key=lambda one: SEVERITIES.index(one.severity))

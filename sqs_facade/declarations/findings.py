"""Mistakes in the tables of a file, each with file and line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sqs_facade.declarations import positions
from sqs_facade.declarations.positions import KeyPath
from sqs_facade.errors import SqsError, of_fact
from zaqar_core.configuration.setting_sources import nearest
from zaqar_core.domain.errors import CoreError
from zaqar_core.rest import errors as rest_errors
from zaqar_core.rest.errors import RestError


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake. ``line`` is None where the lines of the document are not known."""

    file: Path | None
    line: int | None
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        return (place if self.file is not None else "") + self.text


@dataclass
class Findings:
    """Collects the mistakes of one document. ``text`` is the document, for the lines; None if it is not at hand."""

    file: Path | None = None
    text: str | None = None
    found: list[Finding] = field(default_factory=list)

    @cached_property
    def _lines(self) -> dict[KeyPath, int]:
        return {} if self.text is None else positions.lines(self.text)

    def add(self, path: KeyPath, predicate: str) -> None:
        """Add a mistake: a sentence whose subject is the key or table at the path."""
        self.found.append(Finding(self.file, positions.nearest(self._lines, path), f"{named(path)}{predicate}"))

    def unknown(self, path: KeyPath, what: str, known: Iterable[str]) -> None:
        """Add a key that does not exist, with the nearest one as a hint."""
        plain = {_plain(name): name for name in known}
        near = plain.get(nearest(_plain(str(path[-1])), plain), "")
        self.add(path, f" is not a key of {what}{f'; did you mean {near}?' if near else ''}")

    def guarded(self, path: KeyPath, check: Callable[..., Any], *arguments: Any) -> Any:
        """Return the result of a check of one of the faces; if it refuses, add its words and return None."""
        try:
            return check(*arguments)
        except (SqsError, RestError, CoreError) as problem:
            self.add(path, f": {words(problem)}")
        except (TypeError, RecursionError):
            self.add(path, " has values that JSON does not have")
        return None


def words(problem: SqsError | RestError | CoreError) -> str:
    """Return the text with which a face answers a request that fails with this error, with the reason if it has one."""
    if isinstance(problem, CoreError):
        try:
            problem = of_fact(problem)
        except CoreError as zaqars:
            return rest_errors.description(zaqars)
    return problem.operator_message if isinstance(problem, SqsError) else rest_errors.description(problem)


def named(path: KeyPath) -> str:
    """Return a path as TOML writes it: ``queue."orders.fifo".VisibilityTimeout``."""
    found = ""
    for part in path:
        if isinstance(part, int):
            found += f"[{part + 1}]"
            continue
        is_bare = part.isascii() and part.replace("-", "").replace("_", "").isalnum()
        found += ("." if found else "") + (part if is_bare else json.dumps(part, ensure_ascii=False))
    return found


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()

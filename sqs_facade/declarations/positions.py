"""The lines of the keys and tables of a TOML document, for error messages: tomllib does not tell them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

#: The keys that lead to a value; a number is an index in an array of tables.
KeyPath = tuple[str | int, ...]

#: The longest statement that is put together, in lines; a longer one has the line of the key before it.
_MOST_LINES = 500


def lines(text: str) -> dict[KeyPath, int]:
    """Return the line of each key and table of a valid document, by its path. The first line is 1."""
    found: dict[KeyPath, int] = {}
    table: KeyPath = ()
    counts: dict[KeyPath, int] = {}
    for line, statement in _statements(text):
        document = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _header(document, counts)
            for length in range(1, len(table) + 1):
                found.setdefault(table[:length], line)
        else:
            for path in _paths(document):
                found.setdefault(table + path, line)
    return found


def nearest(found: dict[KeyPath, int], path: KeyPath) -> int | None:
    """Return the line of the path, or that of the closest table around it."""
    return next((found[path[:length]] for length in range(len(path), 0, -1) if path[:length] in found), None)


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Iterate over headers and assignments, each with its first line. A value may span lines."""
    pending: list[str] = []
    began = 0
    for number, line in enumerate(text.split("\n"), 1):
        if not pending:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            began = number
        pending.append(line)
        statement = "\n".join(pending)
        if _is_complete(statement):
            yield began, statement
            pending = []
        elif len(pending) > _MOST_LINES:
            pending = []


def _is_complete(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _header(document: dict[str, Any], counts: dict[KeyPath, int]) -> KeyPath:
    """Return the path of a header, with the index of each array of tables in it."""
    path: KeyPath = ()
    inner: Any = document
    while isinstance(inner, dict) and inner:
        [(name, inner)] = inner.items()
        path += (name,)
        if isinstance(inner, list):
            counts[path] = counts.get(path, -1) + 1
            return (*path, counts[path])
        if path in counts:
            path += (counts[path],)
    return path


def _paths(document: dict[str, Any]) -> Iterator[KeyPath]:
    for name, value in document.items():
        yield (name,)
        if isinstance(value, dict):
            yield from ((name, *path) for path in _paths(value))

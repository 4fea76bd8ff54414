"""Markdown of the generated reference pages."""

from __future__ import annotations

from collections.abc import Iterable


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table that ends with a line feed. A bar in a cell is escaped, since it would end the cell."""
    cells = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    lines = [head, ("---",) * len(head), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def code(name: str) -> str:
    """Return the name as code."""
    return f"`{name}`"

"""What commands print: tables and progress for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

import click
import orjson


def has_terminal(stream: TextIO) -> bool:
    """Return whether a person reads this stream, so that it may have tables, colours and progress bars."""
    return stream.isatty()


def json_document(value: object) -> None:
    """Print a value as JSON of several lines."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2))


def json_line(value: object) -> None:
    """Print a value as JSON in one line, and let a reader see it at once."""
    click.echo(orjson.dumps(value))


def note(text: str) -> None:
    """Print a line for the person at the terminal, beside the output."""
    click.echo(text, err=True)


def warning(text: str) -> None:
    """Print a warning of one line beside the output."""
    click.echo(f"sqs-facade: {' '.join(text.split())}", err=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = ()) -> None:
    """Print a table; ``numbers`` are the columns that are aligned to the right.

    A terminal gets a table in colours that fits its width. Other readers get whole values between blanks.
    """
    found = [[*row] for row in rows]
    if has_terminal(sys.stdout):
        _rich_table(columns, found, numbers)
        return
    widths = [max(len(row[at]) for row in [columns, *found]) for at in range(len(columns))]
    for row in [[one.upper() for one in columns], *found]:
        cells = (one.rjust(widths[at]) if at in numbers else one.ljust(widths[at]) for at, one in enumerate(row))
        click.echo("  ".join(cells).rstrip())


def _rich_table(columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD)
    for at, column in enumerate(columns):
        shown.add_column(column, justify="right" if at in numbers else "left", overflow="fold")
    for row in rows:
        shown.add_row(*map(Text, row))
    Console().print(shown)


class Progress(Protocol):
    """Shows how much of a piece of work is done."""

    def __call__(self, done: int, total: int | None = None) -> None:
        """Show ``done`` of ``total``; a total of None is as before."""


def _show_nothing(done: int, total: int | None = None) -> None:
    del done, total


@contextmanager
def progress(title: str, total: int | None = None, *, unit: str = "messages") -> Iterator[Progress]:
    """Show a progress bar on standard error while the block runs, if that is a terminal."""
    if not has_terminal(sys.stderr):
        yield _show_nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    amount = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), amount, TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(title, total=total)

        def show(done: int, total: int | None = None) -> None:
            more: dict[str, Any] = {} if total is None else {"total": total}
            bars.update(task, completed=done, **more)

        yield show


def count(number: int, one: str, several: str = "") -> str:
    """Return a number with its noun: ``1 message``, ``1,200 messages``."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"

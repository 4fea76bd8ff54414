"""The command ``sqs-facade export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sqs_facade.commands.connecting import PARTLY, connected, queue_argument
from sqs_facade.commands.output import count, note, progress, warning

if TYPE_CHECKING:
    from sqs_facade.remote.service import Service


@click.command("export")
@queue_argument()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--move", is_flag=True, help="Receive the messages, and delete each when it is in the file.")
@click.option("--resume", is_flag=True, help="Continue an export to this file.")
@click.option("--visible", "only_visible", is_flag=True, help="Leave out messages in flight and delayed messages.")
@connected
def command(service: Service, queue: str, file: Path | None, *, move: bool, resume: bool, only_visible: bool) -> None:
    """Write the messages of a queue as JSON lines to FILE or standard output, in their order.

    They stay in the queue; consumers notice nothing. This needs an endpoint that shows messages without receiving
    them. With --move it works at any endpoint: visible messages are received, and deleted when they are on disk.

    Each message is in the file once, also if the command is interrupted and run again with --resume. With --move no
    message is lost: one that is not deleted yet is in the queue and in the file, and --resume removes it from the
    queue. A line has all that import needs. The exit code is 3 if a message could not be deleted.
    """
    from sqs_facade.remote import exporting, queues

    if file is None and (move or resume):
        raise click.UsageError("--move and --resume need a FILE")
    if move and only_visible:
        raise click.UsageError("--move takes visible messages only")
    url = queues.url(service, queue)
    failed = 0
    with exporting.ExportFile(file, sys.stdout.buffer, resumes=resume) as export:
        before = export.count
        try:
            with progress("export", exporting.count(service, url)) as show:
                if move:
                    failed = exporting.move(service, url, export, show, warning)
                else:
                    exporting.copy(service, url, export, show, hidden=not only_visible)
        except KeyboardInterrupt:
            note(f"interrupted: {count(export.count, 'message')} written{'; --resume continues' if file else ''}")
            raise
        written = count(export.count - before, "message")
    note(f"exported {written}{f' to {file}' if file else ''}{_left(service, url) if move else ''}")
    if failed:
        raise SystemExit(PARTLY)


def _left(service: Service, url: str) -> str:
    """Say how many messages stay in the queue."""
    from sqs_facade.remote import exporting

    left = exporting.count(service, url)
    return f"; {count(left, 'message')} in flight or delayed stayed in the queue" if left else ""

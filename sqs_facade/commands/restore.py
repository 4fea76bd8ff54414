"""The command ``sqs-facade restore``."""

from __future__ import annotations

from pathlib import Path

import click

from sqs_facade import startup
from sqs_facade.commands.backup import on_this_system
from sqs_facade.commands.output import progress


@click.command("restore")
@click.argument("backup", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option("--data-dir", "directory", type=click.Path(path_type=Path), help="New or empty data directory.")
@click.option("--check", "only_checks", is_flag=True, help="Only compare the files with the checksums of the backup.")
def command(backup: Path, directory: Path | None, *, only_checks: bool) -> None:
    """Make a data directory of the backup in FOLDER, after all its files were checked.

    A directory that is not empty is refused. Start a service on the result with sqs-facade serve --data-dir.
    """
    if (directory is None) is not only_checks:
        raise click.UsageError("give --data-dir DIR, or --check")
    with on_this_system():
        from zaqar_core.embedded import EmbeddedError, backups

        try:
            with progress("check", unit="bytes") as show:
                found = backups.verify(backup, show)
            if directory is not None:
                backups.restore(backup, found, directory)
        except EmbeddedError as problem:
            startup.refuse(str(problem))
    when = f"backup of {found.created} by release {found.release}"
    if directory is None:
        click.echo(f"{backup} is complete: {when}, {found.bytes:,} bytes")
        return
    click.echo(f"restored to {directory}: {when}, {found.bytes:,} bytes")
    if not found.has_key:
        click.echo("It has no encryption.key. If queues are encrypted, put the key into the data directory, or give it")
        click.echo("to the service by the setting encryption_keys.")

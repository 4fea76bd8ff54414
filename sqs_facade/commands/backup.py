"""The command ``sqs-facade backup``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sqs_facade import startup
from sqs_facade.commands.options import read_settings
from sqs_facade.commands.output import json_document, progress
from zaqar_core.domain.errors import StoreUnavailable

if TYPE_CHECKING:
    from zaqar_core.configuration.settings import Settings
    from zaqar_core.embedded.backups import Backup, Unfinished


@click.command("backup")
@click.argument("target", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option("--data-dir", type=click.Path(), help="Data directory.  [default: the user's]")
@click.option("--redis", metavar="URL", help="Redis or Valkey server, or Sentinel group, instead of a data directory.")
@click.option("--config", type=click.Path(path_type=Path), help="TOML file with settings of the service.")
@click.option("--without-key", is_flag=True, help="Leave out the key of messages in encrypted queues.")
@click.option("--json", "as_json", is_flag=True, help="Print the list of the backup as JSON.")
def command(
    target: Path, data_dir: str | None, redis: str | None, config: Path | None, *, without_key: bool, as_json: bool
) -> None:
    """Write a backup to FOLDER, which must not exist, while the service runs.

    The backup has every message that was acknowledged before it began. FOLDER appears when the backup is complete.
    Without options, the data directory or server is that of the settings of the service.
    """
    configuration = read_settings(config, {"data_dir": data_dir, "redis": redis})
    with startup.refusals(configuration), on_this_system():
        from zaqar_core.embedded import backups

        with backups.begun(target) as unfinished:
            found = _write(configuration.settings, target, unfinished, with_key=not without_key)
    if as_json:
        import msgspec

        json_document(msgspec.to_builtins(found))
        return
    click.echo(f"backup {target}: {found.bytes:,} bytes, {_contents(found, without_key=without_key)}")


def _write(settings: Settings, target: Path, unfinished: Unfinished, *, with_key: bool) -> Backup:
    from zaqar_core.embedded import backups

    created = datetime.now(UTC).isoformat(timespec="seconds")
    release = version("sqs-facade")
    if settings.redis is not None:
        server, database = _snapshot(settings.redis, unfinished)
        return backups.finish(
            unfinished, target, kind="snapshot", created=created, release=release, server=server, database=database
        )
    from zaqar_core.embedded import append_only, folder

    directory = (settings.data_dir or folder.default_directory()).expanduser()
    kind: backups.Kind = "append-only" if append_only.exist(directory) else "snapshot"
    server = "the embedded Valkey"
    if kind == "append-only":
        with progress("copy", unit="bytes") as show:
            backups.copy_append_only(directory, unfinished, show)
    else:
        info = folder.read_info(directory)
        if info is None:
            raise startup.ServingError(
                f"{directory} is not a data directory: name it with --data-dir, or give --redis URL"
            )
        try:
            server, _ = _snapshot(f"unix://{info['socket']}", unfinished)
        except StoreUnavailable as problem:
            raise startup.ServingError(
                f"{directory} has messages in memory only, and its service does not run: {problem.reason}"
            ) from None
    if with_key:
        backups.copy_key(directory, unfinished)
    return backups.finish(unfinished, target, kind=kind, created=created, release=release, server=server)


def _snapshot(url: str, unfinished: Unfinished) -> tuple[str, int]:
    """Write a snapshot of a server; return the server and the database of the URL. Raises StoreUnavailable."""
    from zaqar_core.embedded import backups
    from zaqar_core.store import deployment, snapshots

    with progress("copy", unit="bytes") as show:
        facts = snapshots.take(url, unfinished.folder / backups.SNAPSHOT, show)
    (unfinished.folder / backups.SNAPSHOT).chmod(0o600)
    unfinished.files.append(backups.SNAPSHOT)
    valkey = facts.get("valkey_version")
    server = f"Valkey {valkey}" if valkey else f"Redis {facts.get('redis_version', 'of an unknown version')}"
    return server, int(deployment.parse(url).arguments.get("db") or 0)


def _contents(found: Backup, *, without_key: bool) -> str:
    if found.kind == "snapshot":
        return f"a snapshot of {found.server}"
    if found.has_key:
        return "with the key of encrypted messages: keep it as safe as the messages"
    return "without the key of encrypted messages" if without_key else "no messages are encrypted"


@contextlib.contextmanager
def on_this_system() -> Iterator[None]:
    """Say so if the system cannot have a data directory. Raises click.ClickException."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if missing.name != "fcntl":
            raise
        raise click.ClickException("this command does not run on this system") from None

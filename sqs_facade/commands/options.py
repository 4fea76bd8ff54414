"""Options that several commands have, and the settings that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from sqs_facade import startup
from zaqar_core.configuration.loading import Configuration
from zaqar_core.configuration.settings import Settings

Command = Callable[..., None]
Option = Callable[[Command], Command]


def serving_options(
    port: str,
    default_port: int,
    *,
    data_dir: str,
    ephemeral: str,
    processes: Sequence[Option] = (),
) -> Option:
    """Return a decorator that adds the options of every command that serves, in the order of its help.

    ``port`` is the setting of its port, ``data_dir`` and ``ephemeral`` are help texts, ``processes`` are options of
    that command alone.
    """
    options: tuple[Option, ...] = (
        click.option("--host", help="Address to listen on.  [default: 127.0.0.1]"),
        click.option(
            "--port", port, metavar="N", help=f"Port to listen on; 0 picks a free one.  [default: {default_port}]"
        ),
        *processes,
        click.option("--data-dir", type=click.Path(), help=data_dir),
        click.option("--redis", metavar="URL", help="Redis or Valkey server, Sentinel group or cluster."),
        click.option("--ephemeral", is_flag=True, help=ephemeral),
        click.option("--durability", metavar="LEVEL", help="memory, fsync or replicated.  [default: fsync]"),
        click.option("--config", type=click.Path(path_type=Path), help="TOML file with settings."),
        click.option("--zaqar-config", type=click.Path(), help="A zaqar.conf; every other source overrides it."),
        click.option("--ready-file", type=click.Path(), help="Write the URL to this file when ready."),
        click.option("--credentials-file", type=click.Path(), help="TOML file of users and access keys."),
        click.option("--tls-certificate", type=click.Path(), help="Certificate in PEM; the port then speaks TLS."),
        click.option("--tls-key", type=click.Path(), help="Private key of the certificate, in PEM."),
        click.option("--log-format", metavar="FORMAT", help="console or json.  [default: console]"),
        click.option("--log-level", metavar="LEVEL", help="debug, info, warning or error.  [default: info]"),
        click.option("--access-log", metavar="REQUESTS", help="Log off, errors or all.  [default: off]"),
        click.option("--open-bind", is_flag=True, help="Allow other machines without a credentials file."),
    )

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def read_settings(
    config: Path | None, options: Mapping[str, Any], *, check: Callable[[Settings], Sequence[str]] | None = None
) -> Configuration:
    """Read the settings with their sources; if some are wrong, exit with one line for each.

    ``check`` finds what else is wrong: see ``startup.configuration``.
    """
    flags = {name: value for name, value in options.items() if value is not None and value is not False and value != ()}
    return startup.configuration(flags, file=config, check=check)

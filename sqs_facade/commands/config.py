"""The command ``sqs-facade config check``: every mistake of a configuration at once, without a start."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from sqs_facade.commands.checks import access, declarations, gather_machine, machine, settings, store
from sqs_facade.commands.checks.findings import Finding
from sqs_facade.commands.checks.gather_access import access_facts
from sqs_facade.commands.checks.gather_settings import surroundings
from sqs_facade.commands.checks.gather_store import store_facts
from sqs_facade.commands.checks.report import report
from sqs_facade.commands.doctor import wanted
from sqs_facade.commands.options import serving_options
from zaqar_core.configuration.loading import Examination, examine
from zaqar_core.domain.errors import StoreUnavailable


@click.group("config")
def command() -> None:
    """Work with the configuration."""


@command.command("check")
@click.argument("file", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--live", is_flag=True, help="Also ask the store, which must run.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--strict", "is_strict", is_flag=True, help="Exit with 1 for warnings too.")
@serving_options(
    "port",
    9324,
    data_dir="Data directory of the embedded Valkey.",
    ephemeral="Keep messages in memory until exit; enable test hooks.",
    processes=[
        click.option("--tls-port", metavar="N", help="Port for TLS beside the plain --port."),
        click.option("--workers", metavar="N", help="Number of worker processes.  [default: 1]"),
        click.option("--test-hooks", is_flag=True, help="Enable /_test/*."),
    ],
)
def check(
    file: Path | None, config: Path | None, *, live: bool, as_json: bool, is_strict: bool, **options: Any
) -> None:
    """Check FILE, the environment and the flags as ``serve`` would read them. Nothing is started.

    The exit code is 0 without errors, 1 with errors, and 2 for wrong use.
    """
    if file is not None and config is not None:
        raise click.UsageError("name the file once: as FILE or with --config")
    flags = {name: value for name, value in options.items() if value is not None and value is not False}
    file = file or config
    examination = examine(flags, file=file)
    looked_at = ["the settings", *([str(file)] if file is not None else []), *(["the store"] if live else [])]
    text, code = report(find(examination, file, live=live), looked_at, as_json=as_json, is_strict=is_strict)
    click.echo(text)
    sys.exit(code)


def find(examination: Examination, file: Path | None, *, live: bool = False) -> Iterator[Finding]:
    """Return all findings about a configuration, which was read from this file."""
    configuration = examination.configuration
    yield from settings.check(examination, surroundings(configuration.settings))
    yield from access.check(access_facts(configuration))
    if file is not None:
        yield from declarations.check(file, configuration.settings)
    facts = gather_machine.machine_facts()
    asked = wanted(configuration.settings)
    # What is wrong with the machine itself is doctor's: here it is compared with the settings.
    yield from machine.check_capacity(facts, asked)
    if live and configuration.settings.redis is not None:
        try:
            yield from store.check(store_facts(configuration.settings, configuration.settings.redis, is_embedded=False))
        except StoreUnavailable:
            return  # the URL is not valid, which is found above

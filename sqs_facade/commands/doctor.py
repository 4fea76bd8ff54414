"""The command ``sqs-facade doctor``: what is wrong with a service, its store and its machine, and how to mend it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from sqs_facade.commands.checks import access, directory, gather_machine, machine, service, settings, store
from sqs_facade.commands.checks.findings import Finding
from sqs_facade.commands.checks.gather_settings import surroundings
from sqs_facade.commands.checks.report import report
from zaqar_core.configuration import sizes
from zaqar_core.configuration.loading import Configuration, Examination, examine
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.embedded import capacity
from zaqar_core.store import deployment
from zaqar_core.web import allowed_hosts


@click.command("doctor")
@click.argument("url", required=False)
@click.option("--data-dir", type=click.Path(), help="Data directory of the embedded Valkey.")
@click.option("--redis", metavar="URL", help="Redis or Valkey server, Sentinel group or cluster.")
@click.option("--durability", metavar="LEVEL", help="memory, fsync or replicated.  [default: fsync]")
@click.option("--workers", metavar="N", help="Number of worker processes of the service.  [default: 1]")
@click.option("--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="TOML file with settings.")
@click.option("--credentials-file", type=click.Path(), help="TOML file of users and access keys.")
@click.option("--ca-file", type=click.Path(exists=True), help="Authorities for an https URL, in PEM.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--strict", "is_strict", is_flag=True, help="Exit with 1 for warnings too.")
def command(
    url: str | None, config: Path | None, ca_file: str | None, *, as_json: bool, is_strict: bool, **options: Any
) -> None:
    """Check a service, its store, its data directory and this machine, and say how to mend what is wrong.

    Give the URL of a running service, and the flags or the --config with which it was started. Nothing is started or
    changed. The exit code is 0 without errors, 1 with errors, and 2 for wrong use.
    """
    if url is not None and urlsplit(url).scheme not in ("http", "https"):
        raise click.UsageError(f"URL must begin with http:// or https://: {url}")
    flags = {name: value for name, value in options.items() if value is not None}
    examination = examine(flags, file=config)
    looked_at: list[str] = []
    # With a URL alone nothing is known of the store and the settings of that service.
    names_store = url is None or bool(flags) or config is not None
    found = list(diagnose(examination, url, ca_file, looked_at, names_store=names_store))
    text, code = report(found, looked_at, as_json=as_json, is_strict=is_strict)
    click.echo(text)
    sys.exit(code)


def diagnose(
    examination: Examination, url: str | None, ca_file: str | None, looked_at: list[str], *, names_store: bool
) -> Iterator[Finding]:
    """Return all findings; add what was checked to ``looked_at``."""
    clock = gather_machine.Clock()
    configuration = examination.configuration
    asked = machine.Wanted()
    if names_store:
        # The ports are in use, by the service that is checked.
        around = replace(surroundings(configuration.settings), busy_ports=(), served_ports=())
        yield from settings.check(examination, around)
        looked_at.append("the settings")
        yield from _access(configuration)
        looked_at.append("certificates, credentials and secrets")
        yield from _store(configuration, looked_at)
        yield from _public_url(configuration.settings)
        asked = wanted(configuration.settings)
    if url is not None:
        yield from _service(url, ca_file)
        looked_at.append(url)
    if names_store or allowed_hosts.is_loopback(urlsplit(url or "").hostname or ""):
        facts = gather_machine.machine_facts(jump_seconds=clock.jump_seconds())
        yield from machine.check(facts, asked)
        looked_at.append("this machine")


def wanted(found: Settings) -> machine.Wanted:
    """Return what the settings ask of the machine."""
    limit = None
    if found.redis is None:
        limit = sizes.parse_memory(found.store_memory, capacity.memory_bytes())
    return machine.Wanted(found.workers, found.max_connections, limit, has_local_store=_is_local(found.redis))


def _is_local(url: str | None) -> bool:
    """Return whether the store runs on this machine, as far as its URL says."""
    if url is None:
        return True
    try:
        where = deployment.parse(url)
    except StoreUnavailable:
        return False
    hosts = [host for host, _ in where.addresses] or [str(where.arguments.get("host", ""))]
    return all(not host or allowed_hosts.is_loopback(host) for host in hosts)


def _access(configuration: Configuration) -> Iterator[Finding]:
    from sqs_facade.commands.checks.gather_access import access_facts

    yield from access.check(access_facts(configuration))


def _service(url: str, ca_file: str | None) -> Iterator[Finding]:
    from sqs_facade.commands.checks import gather_service

    yield from service.check(gather_service.service_facts(url, ca_file))
    certificate = gather_service.presented_certificate(url)
    if certificate is not None:
        import time

        hosts = (urlsplit(url).hostname or "",)
        yield from access.check_certificate(certificate, time.time(), hosts)


def _public_url(found: Settings) -> Iterator[Finding]:
    if found.public_url is not None:
        from sqs_facade.commands.checks import gather_service

        is_ours = gather_service.answers(found.public_url.rstrip("/"))
        yield from service.check_public_url(found.public_url, is_ours=is_ours)


def _store(configuration: Configuration, looked_at: list[str]) -> Iterator[Finding]:
    from sqs_facade.commands.checks.gather_store import store_facts

    found = configuration.settings
    if found.redis is not None:
        try:
            facts = store_facts(found, found.redis, is_embedded=False)
        except StoreUnavailable:
            return  # the URL is not valid, which the settings' check says
        looked_at.append(f"{len(facts.servers)} server{'s' * (len(facts.servers) != 1)} of the store")
        yield from store.check(facts)
        return
    if found.ephemeral:
        return
    path = data_directory(found)
    yield from directory.check(gather_machine.directory_facts(path), _of_disk(found))
    looked_at.append(f"data directory {path}")
    running = gather_machine.running_socket(path)
    if running is not None:
        yield from store.check(store_facts(found, f"unix://{running}", is_embedded=True))
        looked_at.append("its Valkey")


def _of_disk(found: Settings) -> directory.WantedOfDisk:
    from zaqar_core.embedded.folder import SCHEMA

    return directory.WantedOfDisk(found.durability, sizes.parse_reserve(found.store_disk_reserve), SCHEMA)


def data_directory(found: Settings) -> Path:
    """Return the data directory that a service with these settings uses."""
    if found.data_dir is not None:
        return found.data_dir
    import platformdirs

    return Path(platformdirs.user_data_dir("sqs-facade"))

"""The command line: ``sqs-facade serve`` and the commands beside it."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqs_facade import startup
from sqs_facade.commands.group import Commands
from sqs_facade.commands.options import Command, read_settings, serving_options
from zaqar_core import logs
from zaqar_core.access import gate
from zaqar_core.configuration.loading import Configuration
from zaqar_core.configuration.setting_sources import STOPS_WITH_VARIABLE
from zaqar_core.configuration.settings import Settings
from zaqar_core.tracing import provider
from zaqar_core.web import audit_log, stopping

if TYPE_CHECKING:
    from sqs_facade.listening import Held

_log = logging.getLogger("sqs_facade.process")


@click.group(cls=Commands)
@click.version_option(package_name="sqs-facade", prog_name="sqs-facade")
def main() -> None:
    """A durable message service that speaks Amazon SQS and OpenStack Zaqar on the same queues."""


def _serve_options(command: Command) -> Command:
    """Add the options of ``serve``."""
    add = serving_options(
        "port",
        9324,
        data_dir="Data directory of the embedded Valkey.",
        ephemeral="Keep messages in memory until exit; enable test hooks.",
        processes=[
            click.option("--also-port", "also_ports", metavar="N", multiple=True, help="One more port like --port."),
            click.option("--tls-port", metavar="N", help="Port for TLS beside the plain --port."),
            click.option("--workers", metavar="N", help="Number of worker processes.  [default: 1]"),
        ],
    )
    return add(click.option("--test-hooks", is_flag=True, help="Enable /_test/*.")(command))


@main.command()
@_serve_options
def serve(config: Path | None, **options: Any) -> None:
    """Serve SQS and Zaqar until SIGTERM or Ctrl-C."""
    _stop_with_parent()
    configuration = read_settings(config, options, check=partial(_mistakes_in_queues, config))
    settings = configuration.settings
    startup.set_up_logs(settings, "main")
    serve = partial(_serve_http, config)
    sys.exit(_run(configuration, settings.port, serve, settings.tls_port, settings.also_ports))


@main.command()
@serving_options(
    "websocket_port",
    9000,
    data_dir="Data directory of the embedded Valkey; may be that of a running service.",
    ephemeral="Keep messages in memory until exit.",
)
def websocket(config: Path | None, **options: Any) -> None:
    """Serve Zaqar over WebSocket until SIGTERM or Ctrl-C. Runs beside ``serve`` on the same store."""
    _stop_with_parent()
    configuration = read_settings(config, options)
    startup.set_up_logs(configuration.settings, "websocket")
    _run(configuration, configuration.settings.websocket_port, _serve_websocket)
    # A thread may still wait for a store that does not respond. It must not keep the process alive.
    ending = threading.Timer(_LINGER_SECONDS, os._exit, (0,))
    ending.daemon = True
    ending.start()


@main.command("settings")
@_serve_options
@click.option("--format", "form", type=click.Choice(["toml", "json"]), default="toml", show_default=True)
def list_settings(config: Path | None, form: str, **options: Any) -> None:
    """Print the settings in force, each with its source. Secrets are hidden."""
    from sqs_facade import settings_listing

    configuration = read_settings(config, options)
    write = settings_listing.as_toml if form == "toml" else settings_listing.as_json
    click.echo(write(configuration))


@main.command("check-data")
@click.option("--data-dir", type=click.Path(path_type=Path), required=True, help="Data directory that no service uses.")
@click.option("--fix", is_flag=True, help="Cut off the end of the last file, from the damage on.")
def check_data(data_dir: Path, *, fix: bool) -> None:
    """Check the files of an embedded Valkey that does not start. Make a copy of them before you use --fix."""
    from zaqar_core.embedded import EmbeddedError, append_only

    try:
        for line in append_only.check(data_dir, fixes=fix):
            click.echo(line)
    except EmbeddedError as problem:
        startup.refuse(str(problem))


#: How long ``websocket`` waits for its threads at exit.
_LINGER_SECONDS = 0.3


def _serve_websocket(settings: Settings, url: str, held: Held) -> int:
    try:
        from sqs_facade import websocket_process
    except ModuleNotFoundError as missing:
        if missing.name != "websockets":
            raise
        startup.refuse("the command websocket needs the library websockets: pip install 'sqs-facade[websocket]'")
    websocket_process.run(settings, url, held, lambda where: _report_ready(settings, [where], held))
    return 0


def _stop_with_parent() -> None:
    """Stop the service when its parent process ends, if the environment asks for that."""
    parent = os.environ.pop(STOPS_WITH_VARIABLE, "")
    if parent.isdecimal():
        stopping.on_parent_end(int(parent), lambda: os.kill(os.getpid(), signal.SIGTERM))


def _mistakes_in_queues(config: Path | None, settings: Settings) -> Sequence[str]:
    from sqs_facade.declarations import reading

    return reading.mistakes(config, settings)


def _serve_http(config: Path | None, settings: Settings, url: str, held: Held) -> int:
    from sqs_facade import serving
    from sqs_facade.declarations.source import Source

    def on_ready(urls: Sequence[str], connections: int) -> None:
        _report_ready(settings, urls, held, connections)

    with contextlib.closing(Source(config, settings)) as declared:
        return serving.run(settings, url, held, on_ready, declared)


_Serve = Callable[[Settings, str, "Held"], int]


def _run(
    configuration: Configuration,
    wanted_port: int,
    serve: _Serve,
    tls_port: int | None = None,
    also_ports: Sequence[int] = (),
) -> int:
    """Call ``serve`` with the settings, the store's URL, and the ports that are held for it. Return its exit code.

    The store and the port are held until ``serve`` returns. If the service cannot start, exit with the reasons.
    """
    from sqs_facade import listening

    settings = configuration.settings
    store = startup.EmbeddedStore(settings)
    try:
        with startup.refusals(configuration):
            if settings.auth_strategy:
                from zaqar_core.keystone import authentication
                from zaqar_core.rest.face import ZaqarFace

                # Reports wrong settings of Keystone and of policies here, once, and not in every worker.
                ZaqarFace(settings, authentication.configured(settings))
            gate.credentials(settings)
            audit_log.check(settings.audit_log)
            if settings.tracing:
                provider.check()
            if settings.tls_certificate is not None:
                from zaqar_core.web import tls

                tls.configured(settings)
            addresses = listening.resolve(settings)
            held = listening.hold_port(addresses, wanted_port)
            for port in also_ports:
                held = replace(held, more=(*held.more, listening.hold_port(addresses, port)))
            if tls_port is not None:
                held = replace(held, tls=listening.hold_port(addresses, tls_port))
            if settings.ready_file is not None:
                settings.ready_file.unlink(missing_ok=True)
            store.start()
            from sqs_facade import serving  # this import takes as long as Valkey's start: both run at the same time

            url = store.url()
            settings = store.with_key(settings)
            serving.check_store(settings, url)
            store.supervise()
            with contextlib.closing(held):
                return serve(settings, url, held)
    finally:
        store.release()


def _report_ready(settings: Settings, urls: Sequence[str], held: Held, connections: int | None = None) -> None:
    """Print that the service is ready, then write the first URL to the ready file, for programs that wait for it.

    ``connections`` is the number of connections that each worker accepts.
    """
    from sqs_facade.listening import in_url

    _say(f"sqs-facade is ready: {' and '.join(urls)}")
    if len(held.addresses) > 1:
        places = " and ".join(
            f"{in_url(address.host)}:{one.port}" for one in (held, *held.more) for address in one.addresses
        )
        _say(f"It listens on {places}.")
    if connections is not None and connections < settings.max_connections:
        _say(
            f"Each worker accepts {connections:,} connections, not {settings.max_connections:,}: "
            "raise the limit of open files (ulimit -n) for more."
        )
    file = settings.ready_file
    if file is None:
        return
    draft = file.with_name(f".{file.name}.new")
    try:
        draft.unlink(missing_ok=True)
        with draft.open("x") as stream:
            stream.write(f"{urls[0]}\n")
        draft.replace(file)
    except OSError as problem:
        _log.error("cannot write the ready file %s: %s", file, problem.strerror)


def _say(text: str) -> None:
    """Print a line to standard output, in the format of the log."""
    click.echo(logs.announcement(text))

"""The command line: ``sqs-facade serve``, ``sqs-facade websocket``."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click
import msgspec

from zaqar_core.configuration.setting_sources import STOPS_WITH_VARIABLE
from zaqar_core.configuration.settings import Configuration, Settings, SettingsInvalid, read

if TYPE_CHECKING:
    from zaqar_core.embedded.attachment import Embedded


class _OneLine(click.Group):
    """A group whose refusals are one line each."""

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            sys.exit(super().main(*args, **{**extra, "standalone_mode": False}))
        except click.exceptions.NoArgsIsHelpError as help_wanted:
            help_wanted.show()
            sys.exit(help_wanted.exit_code)
        except click.ClickException as problem:
            _refuse(problem.format_message(), code=problem.exit_code)
        except click.Abort:
            sys.exit(130)


@click.group(cls=_OneLine)
@click.version_option(package_name="sqs-facade", prog_name="sqs-facade")
def main() -> None:
    """A durable message service that speaks Amazon SQS and OpenStack Zaqar on the same queues."""


_Command = Callable[..., None]
_Option = Callable[[_Command], _Command]


def _serving_options(
    port: str,
    default_port: int,
    *,
    data_dir: str,
    ephemeral: str,
    processes: Sequence[_Option] = (),
) -> _Option:
    """The options of every command that serves, in the order of its help.

    ``port``: the setting of its port. ``data_dir``, ``ephemeral``: their help. ``processes``: options of its own.
    """
    options: tuple[_Option, ...] = (
        click.option("--host", help="Address to listen on.  [default: 127.0.0.1]"),
        click.option("--port", port, metavar="N", help=f"0 picks a free one.  [default: {default_port}]"),
        *processes,
        click.option("--data-dir", type=click.Path(), help=data_dir),
        click.option("--redis", metavar="URL", help="Use this Redis or Valkey, a group under Sentinel, or a cluster."),
        click.option("--ephemeral", is_flag=True, help=ephemeral),
        click.option("--durability", metavar="LEVEL", help="memory, fsync or replicated.  [default: fsync]"),
        click.option("--config", type=click.Path(path_type=Path), help="TOML file with settings."),
        click.option("--zaqar-config", type=click.Path(), help="A zaqar.conf, below all other settings."),
        click.option("--ready-file", type=click.Path(), help="Written when ready; holds the URL."),
        click.option("--open-bind", is_flag=True, help="Serve other machines without credentials."),
    )

    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _serve_options(command: _Command) -> _Command:
    """Add the options of ``serve``."""
    add = _serving_options(
        "port",
        9324,
        data_dir="Of the embedded Valkey.",
        ephemeral="Embedded Valkey in memory, gone at exit. With test hooks.",
        processes=[click.option("--workers", metavar="N", help="Processes that answer requests.  [default: 1]")],
    )
    return add(click.option("--test-hooks", is_flag=True, help="Enable /_test/*.")(command))


@main.command()
@_serve_options
def serve(config: Path | None, **options: Any) -> None:
    """Serve SQS and Zaqar until SIGTERM or Ctrl-C."""
    _stop_with_parent()
    configuration = _configuration(config, options)
    sys.exit(_attached(configuration, configuration.settings.port, _run_http))


@main.command()
@_serving_options(
    "websocket_port",
    9000,
    data_dir="Of the embedded Valkey; may be a running service's.",
    ephemeral="Embedded Valkey in memory, gone at exit.",
)
def websocket(config: Path | None, **options: Any) -> None:
    """Serve Zaqar over WebSocket until SIGTERM or Ctrl-C, beside ``serve`` on the same store."""
    _stop_with_parent()
    configuration = _configuration(config, options)
    _attached(configuration, configuration.settings.websocket_port, _run_websocket)
    # A thread that still waits for a store that does not answer does not keep the process.
    ending = threading.Timer(_LINGER_SECONDS, os._exit, (0,))
    ending.daemon = True
    ending.start()


@main.command("settings")
@_serve_options
@click.option("--format", "form", type=click.Choice(["toml", "json"]), default="toml", show_default=True)
def list_settings(config: Path | None, form: str, **options: Any) -> None:
    """Print the settings in force for ``serve`` with these flags, each with its source. Secrets are hidden."""
    from sqs_facade import settings_listing

    configuration = _configuration(config, options)
    write = settings_listing.as_toml if form == "toml" else settings_listing.as_json
    click.echo(write(configuration))


_LINGER_SECONDS = 0.3
#: Exit code for wrong flags and settings, as click has it.
_WRONG_USE = 2


def _configuration(config: Path | None, options: Mapping[str, Any]) -> Configuration:
    """The settings with their sources. Ends the process where they are wrong."""
    flags = {name: value for name, value in options.items() if value is not None and value is not False}
    try:
        return read(flags, file=config)
    except SettingsInvalid as problem:
        _refuse(*problem.problems, code=_WRONG_USE)


def _run_websocket(settings: Settings, url: str, port: int) -> int:
    try:
        from sqs_facade import websocket_process
    except ModuleNotFoundError as missing:
        if missing.name != "websockets":
            raise
        _refuse("the library websockets is not installed: pip install 'sqs-facade[websocket]'")
    websocket_process.run(settings, url, port, lambda where: _tell(settings, where))
    return 0


_PARENT_POLL_SECONDS = 0.2


def _stop_with_parent() -> None:
    parent = os.environ.pop(STOPS_WITH_VARIABLE, "")

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(_PARENT_POLL_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    if parent.isdecimal():
        threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _run_http(settings: Settings, url: str, port: int) -> int:
    from sqs_facade import serving

    return serving.run(settings, url, port, lambda where: _tell(settings, where))


def _attached(configuration: Configuration, wanted_port: int, run: Callable[[Settings, str, int], int]) -> int:
    """What ``run`` returns: it is given the store's URL and the port, which are there while it runs."""
    from sqs_facade import listening
    from zaqar_core import embedded
    from zaqar_core.domain.errors import StoreUnavailable

    settings = configuration.settings
    store = _Attaching(settings)
    try:
        if settings.auth_strategy:
            from zaqar_core.keystone import authentication
            from zaqar_core.rest.face import ZaqarFace

            # What is wrong with the configuration is said here, once.
            ZaqarFace(settings, authentication.configured(settings))
        listening.check_host(settings)
        holder, port = listening.hold_port(settings.host, wanted_port)
        if settings.ready_file is not None:
            settings.ready_file.unlink(missing_ok=True)
        store.start()
        from sqs_facade import serving  # takes as long as Valkey's start: both at once

        url = store.url()
        settings = store.with_key(settings)
        serving.check_store(settings, url)
        store.supervise()
        with holder:
            return run(settings, url, port)
    except StoreUnavailable as problem:
        _refuse(f"{configuration.source('redis').subject('redis')}: {problem.reason}")
    except SettingsInvalid as problem:
        _refuse(*configuration.lines(problem), code=_WRONG_USE)
    except (listening.ServingError, embedded.EmbeddedError) as problem:
        _refuse(str(problem))
    except OSError as problem:
        _refuse(f"{problem.filename}: {problem.strerror}" if problem.filename else str(problem))
    finally:
        store.release()


class _Attaching:
    """The store of the service: a server that is there, or the embedded Valkey, attached to in the background."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._embedded: Embedded | None = None
        self._problem: BaseException | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._settings.redis is None:
            self._thread = threading.Thread(target=self._attach, name="valkey-start")
            self._thread.start()

    def _attach(self) -> None:
        from zaqar_core import embedded

        wanted = self._settings
        try:
            self._embedded = embedded.attach(wanted.data_dir, durability=wanted.durability, ephemeral=wanted.ephemeral)
        except BaseException as problem:
            self._problem = problem

    def url(self) -> str:
        """The store's URL, once it answers. Raises EmbeddedError."""
        if self._thread is not None:
            self._thread.join()
        if self._problem is not None:
            raise self._problem
        return self._settings.redis or (self._embedded.url if self._embedded else "")

    def with_key(self, settings: Settings) -> Settings:
        """The settings, with the key of an embedded store."""
        if self._embedded is None:
            return settings
        keys = (*settings.encryption_keys, self._embedded.encryption_key())
        return msgspec.structs.replace(settings, encryption_keys=keys)

    def supervise(self) -> None:
        if self._embedded is not None:
            self._embedded.supervise()

    def release(self) -> None:
        if self._thread is not None:
            self._thread.join()
        if self._embedded is not None:
            self._embedded.release()


def _tell(settings: Settings, url: str) -> None:
    """Say that the service is ready, first to people, then to programs that wait for the file."""
    click.echo(f"sqs-facade is ready: {url}")
    file = settings.ready_file
    if file is None:
        return
    draft = file.with_name(f".{file.name}.new")
    try:
        draft.write_text(f"{url}\n")
        draft.replace(file)
    except OSError as problem:
        click.echo(f"sqs-facade: cannot write {file}: {problem.strerror}", err=True)


def _refuse(*reasons: str, code: int = 1) -> NoReturn:
    for reason in reasons:
        click.echo(f"sqs-facade: {' '.join(reason.split())}", err=True)
    sys.exit(code)

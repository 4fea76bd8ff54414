"""The parts of a start that ``sqs-facade`` and ``sqs_facade.wsgi:app`` share: the embedded store, and refusals."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import msgspec

from zaqar_core import embedded, logs
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import Configuration, examine, read
from zaqar_core.domain.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from zaqar_core.configuration.settings import Settings
    from zaqar_core.embedded.attachment import Embedded


_log = logging.getLogger("sqs_facade.process")


class ServingError(Exception):
    """The service cannot be served as requested. The text is one line for the operator."""


class EmbeddedStore:
    """The embedded Valkey of a service without the setting ``redis``; with that setting every method does nothing.

    ``start`` and ``url`` are separate so that a caller can do other work while Valkey starts.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._embedded: Embedded | None = None
        self._problem: BaseException | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to attach, in a background thread."""
        if self._settings.redis is None:
            self._thread = threading.Thread(target=self._attach, name="valkey-start")
            self._thread.start()

    def _attach(self) -> None:
        settings = self._settings
        try:
            self._embedded = embedded.attach(
                settings.data_dir,
                durability=settings.durability,
                ephemeral=settings.ephemeral,
                store_memory=settings.store_memory,
                store_disk_reserve=settings.store_disk_reserve,
            )
        except BaseException as problem:
            self._problem = problem

    def url(self) -> str:
        """Return the URL of the store as soon as it responds. Raises EmbeddedError."""
        if self._thread is not None:
            self._thread.join()
        if self._problem is not None:
            raise self._problem
        return self._settings.redis or (self._embedded.url if self._embedded else "")

    def with_key(self, settings: Settings) -> Settings:
        """Return the settings with the encryption key of the embedded store added, as the last one."""
        if self._embedded is None:
            return settings
        keys = (*settings.encryption_keys, self._embedded.encryption_key())
        return msgspec.structs.replace(settings, encryption_keys=keys)

    def supervise(self) -> None:
        """Restart Valkey whenever it ends, from a background thread."""
        if self._embedded is not None:
            self._embedded.supervise()

    def release(self) -> None:
        """Detach. The last process to detach stops Valkey."""
        if self._thread is not None:
            self._thread.join()
        if self._embedded is not None:
            self._embedded.release()


#: Exit code for wrong flags and settings, the same as click's.
WRONG_USE = 2


def configuration(
    flags: Mapping[str, Any],
    *,
    file: Path | None = None,
    code: int = WRONG_USE,
    check: Callable[[Settings], Sequence[str]] | None = None,
) -> Configuration:
    """Read the settings with their sources; if some are wrong, print one line for each and exit.

    ``check`` returns lines about what else is wrong: they are printed together with those about the settings.
    """
    try:
        return read(flags, file=file)
    except SettingsInvalid as problem:
        if problem.log_format == "json":
            logs.set_up("json", "info", "main")
        others = check(examine(flags, file=file).configuration.settings) if check else ()
        refuse(*dict.fromkeys([*problem.problems, *others]), code=code)


@contextmanager
def refusals(configuration: Configuration, *, code: int | None = None) -> Iterator[None]:
    """If the block cannot start the service, print the reasons, one a line, and exit instead of raising.

    ``code`` is the exit code; by default WRONG_USE for wrong settings and 1 for everything else.
    """
    try:
        yield
    except StoreUnavailable as problem:
        from zaqar_core.store.deployment import StoreUrlInvalid  # not above: most commands use no store

        usual = WRONG_USE if isinstance(problem, StoreUrlInvalid) else 1
        refuse(f"{configuration.source('redis').subject('redis')}: {problem.reason}", code=code or usual)
    except SettingsInvalid as problem:
        refuse(*configuration.lines(problem), code=code or WRONG_USE)
    except (ServingError, embedded.EmbeddedError) as problem:
        refuse(str(problem), code=code or 1)
    except OSError as problem:
        reason = f"{problem.filename}: {problem.strerror}" if problem.filename else str(problem)
        refuse(reason, code=code or 1)


def refuse(*reasons: str, code: int = 1) -> NoReturn:
    """Print each reason on one line of standard error and exit with the code."""
    for reason in reasons:
        line = " ".join(reason.split())
        if logs.is_json():
            _log.critical("%s", line)
        else:
            sys.stderr.write(f"sqs-facade: {line}\n")
    logs.close()
    sys.exit(code)


def set_up_logs(settings: Settings, process: str) -> None:
    """Write the log of this process as the settings say. ``process`` is its name in each line."""
    logs.set_up(settings.log_format, settings.log_level, process)

"""The main process's side of declared queues: read the settings file at start and on SIGHUP."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

from sqs_facade.declarations import reading
from sqs_facade.declarations.handover import Handover
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.settings import Settings
from zaqar_core.logs.cause import EACH

_log = logging.getLogger("sqs_facade.declarations")


class Source:
    """The settings file as far as it declares queues, and the file through which workers get the declarations."""

    def __init__(self, config: Path | None, settings: Settings) -> None:
        """Read the file. Raises SettingsInvalid with one line for each mistake."""
        self._config = None if config is None else config.absolute()
        self._settings = settings
        self._had_terminal = _has_terminal()
        declarations = reading.load(config, settings)
        #: Whether the service is ready only when queues exist.
        self.has_queues = bool(declarations.queues)
        self._handover = None if config is None else Handover()
        if self._handover is not None:
            self._handover.write(declarations)

    @property
    def file(self) -> Path | None:
        """The file for workers; None without a settings file."""
        return None if self._handover is None else self._handover.file

    def close(self) -> None:
        """Delete the file for workers."""
        if self._handover is not None:
            self._handover.remove()

    def on_hangup(self) -> bool:
        """Handle SIGHUP: read the file again. Return False if the signal says that the terminal was closed."""
        if self._had_terminal and not _has_terminal():
            return False
        if self._config is None or self._handover is None:
            _log.warning("SIGHUP: there is no settings file to read again (--config)")
            return True
        try:
            declarations = reading.load(self._config, self._settings)
            self._handover.write(declarations)
        except SettingsInvalid as problem:
            first, *others = problem.problems
            more = f" (and {len(others)} more)" if others else ""
            text = f"{' '.join(first.split())}{more}"
            _log.error("SIGHUP: the declared queues stay as they were: %s", text, extra=EACH)
        except Exception:  # must not end the service
            _log.exception("SIGHUP: the declared queues stay as they were")
        else:
            _log.info("SIGHUP: read %s again: %d declared queues", self._config, len(declarations.queues), extra=EACH)
        return True


def _has_terminal() -> bool:
    with contextlib.suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
        return True
    return False

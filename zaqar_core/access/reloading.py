"""The credentials of one process: the current version of the file, which is read again when it changes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from zaqar_core.access import credentials_file
from zaqar_core.access.credentials_file import CredentialsInvalid
from zaqar_core.access.directory import Directory
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.settings import Settings
from zaqar_core.eventloop import Threads
from zaqar_core.logs.cause import EACH

_log = logging.getLogger("sqs_facade.access")

#: Interval at which the files are checked for changes.
CHECK_SECONDS = 0.5
_MOST_READINGS = 4
#: Threads that read the file because a request has credentials that are not known.
_checking = Threads(2, "credentials")


class Credentials:
    """The credentials file of one process. Any thread may use it.

    A version that cannot be used is logged once, and the previous version stays in force.
    """

    def __init__(self, file: Path) -> None:
        """Read the file. Raises CredentialsInvalid."""
        self._file = file
        self._lock = threading.Lock()
        #: Called with whether the version can be used, after the file has changed.
        self.on_reload: Callable[[bool], object] = bool
        #: How often a later version was read, and how often it could not be used.
        self.reloads, self.failed_reloads = 0, 0
        #: The files of the last try to read, and their stamp from before it.
        self._files, self._stamp = [file], credentials_file.stamp([file])
        #: The version in force.
        self.directory = self._load()

    def watch(self) -> None:
        """Check the files for changes in a background thread until the process ends."""
        threading.Thread(target=self._watch, name="credentials", daemon=True).start()

    def check(self) -> bool:
        """Read the file again if it has changed; return whether there is a new version. Blocks."""
        with self._lock:
            stamp = credentials_file.stamp(self._files)
            if stamp == self._stamp:
                return False
            self._stamp = stamp
            try:
                self.directory = self._load()
            except CredentialsInvalid as problem:
                _log.error("cannot reload the credentials file, the previous version stays in force: %s", problem)
                self.failed_reloads += 1
                self.on_reload(False)
                return False
            _log.info("reloaded the credentials file %s", self._file, extra=EACH)
            self.reloads += 1
            self.on_reload(True)
            return True

    def newer(self, used: Directory) -> bool:
        """Return whether there is a newer version than ``used``. Other tasks run while the files are checked.

        Callers ask before they refuse credentials: those may be newer than the version that this process has.
        """
        _checking.run(self.check)
        return self.directory is not used

    def _load(self) -> Directory:
        """Read the file, again if it names other files than before: their stamp must be from before the reading."""
        for _ in range(_MOST_READINGS):
            files: list[Path] = []
            try:
                directory = credentials_file.load(self._file, files)
            finally:
                is_known = files == self._files
                if not is_known:
                    self._files, self._stamp = files, credentials_file.stamp(files)
            if is_known:
                break
        return directory

    def _watch(self) -> None:
        pause = threading.Event()
        while not pause.wait(CHECK_SECONDS):
            try:
                self.check()
            except Exception:
                _log.exception("cannot check the credentials file")


def of_settings(settings: Settings) -> Credentials:
    """Read the file that the settings name. Raises SettingsInvalid."""
    assert settings.credentials_file is not None
    try:
        return Credentials(settings.credentials_file)
    except CredentialsInvalid as problem:
        raise SettingsInvalid(str(problem), setting="credentials_file") from None

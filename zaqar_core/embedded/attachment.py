"""Start-or-attach, supervision and release of the Valkey of one data directory."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from zaqar_core.embedded import append_only, privacy, program, reserve, watchdog
from zaqar_core.embedded.capacity import Capacity
from zaqar_core.embedded.errors import EmbeddedError
from zaqar_core.embedded.folder import (
    SCHEMA,
    Info,
    default_directory,
    encryption_key,
    new_key,
    open_lock,
    prepare,
    read_info,
    remove_drafts,
    socket_path,
    try_lock,
    write_info,
)
from zaqar_core.embedded.watchdog_process import WatchdogProcess

_log = logging.getLogger("sqs_facade.valkey")
#: How long the Valkey of a locked directory may be silent. There is no limit while it answers that it is loading.
_SILENCE_SECONDS = 10.0
_WATCH_SECONDS = 0.05
_BACK_OFF_SECONDS = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)
_STEADY_SECONDS = 10.0
#: Interval of the attempts to recover from a full disk.
_RECOVER_SECONDS = 1.0
#: How long an attached Valkey may be silent before the lock is tried again, since its starter may have been killed.
_CHECK_LOCK_SECONDS = 0.1
#: The shell waits for a line, then becomes Valkey under the same process id. If its starter is killed before it sends
#: the line, the shell ends and releases the lock.
_WAIT_THEN_EXEC = 'read -r _ && exec "$@" </dev/null'

# A process forked while Valkey's lock is open here would hold that lock after Valkey's end.
_starting = threading.RLock()
os.register_at_fork(before=_starting.acquire, after_in_parent=_starting.release, after_in_child=_starting.release)


def attach(directory: Path | None, *, durability: str, ephemeral: bool, capacity: Capacity | None = None) -> Embedded:
    """Use the Valkey of a data directory, and start it if it does not run. Returns when it answers.

    Without a directory: the user's data directory, or for ``ephemeral`` a new one that is removed at the end. Raises
    EmbeddedError.
    """
    if durability == "replicated":
        raise EmbeddedError("the embedded Valkey has no replica: durability replicated needs --redis URL")
    if ephemeral:
        directory = Path(tempfile.mkdtemp(prefix=watchdog.DIRECTORY_PREFIX))
    elif directory is None:
        directory = default_directory()
    embedded = Embedded(prepare(directory), durability, capacity or Capacity(), remove=ephemeral)
    try:
        embedded._join()
    except BaseException:
        embedded.release()
        raise
    return embedded


class Embedded:
    """One user of the Valkey of a data directory. ``url`` (unix://PATH) stays the same when Valkey restarts."""

    def __init__(self, directory: Path, durability: str, capacity: Capacity, *, remove: bool) -> None:
        self.directory = directory
        self.url = ""
        self._durability = durability
        self._capacity = capacity
        self._remove = remove
        self._users: int | None = open_lock(directory / "users")
        self._child: subprocess.Popen[bytes] | None = None
        self._watchdog: WatchdogProcess | None = None
        self._released = threading.Event()
        # Of the supervision: restarts that did not last, the last restart, and when to look for room on the disk.
        self._failures, self._started, self._recover_at = 0, time.monotonic(), 0.0
        self._owner = os.getpid()

    def encryption_key(self) -> str:
        """Return the store's own key, an entry of the setting ``encryption_keys``: the directory's, or a new one.

        Raises EmbeddedError.
        """
        return new_key() if self._remove else encryption_key(self.directory)

    def supervise(self) -> None:
        """Keep Valkey running: a background thread restarts it with back-off when it ends."""
        threading.Thread(target=self._supervise, name="valkey-supervisor", daemon=True).start()

    def release(self) -> None:
        """Stop using this Valkey. The last user stops it, and returns when it has ended. A second call does nothing."""
        self._released.set()
        with _starting:
            users, self._users = self._users, None
            if users is None or self._owner != os.getpid():
                return
        os.close(users)
        if not self.directory.exists():
            return
        users = open_lock(self.directory / "users")
        try:
            if try_lock(users, "exclusive"):
                watchdog.stop(self.directory, remove=self._remove)
                self._wait_for_child()
            elif not try_lock(users, "shared"):
                fcntl.flock(users, fcntl.LOCK_SH)  # the watchdog is stopping Valkey: wait until it has
                self._wait_for_child()
        finally:
            os.close(users)
            if self._watchdog is not None:
                self._watchdog.end()  # the other users have their own

    def _wait_for_child(self) -> None:
        """Reap the Valkey that this process started. Its lock is free by now."""
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(1)

    def _join(self) -> None:
        """Take the users' lock, and wait until Valkey runs and answers."""
        assert self._users is not None
        fcntl.flock(self._users, fcntl.LOCK_SH)  # waits while a last user is stopping Valkey
        info = self._start_or_find(_SILENCE_SECONDS)
        if self._child is None:
            self._make_private()
            self._start_watchdog()
        self.url = f"unix://{self._await_answer(info)['socket']}"

    def _start_or_find(self, patience_seconds: float = 0.0) -> Info:
        """Start Valkey, or read the information of the one that holds the lock. Raises EmbeddedError.

        After a starter was killed, its shell holds the lock for a moment, and the information may not exist yet. Wait
        for that up to ``patience_seconds``.
        """
        deadline = time.monotonic() + patience_seconds
        while (info := self._start_if_unlocked() or read_info(self.directory)) is None:
            if time.monotonic() >= deadline:
                raise EmbeddedError(f"data directory {self.directory} is locked by another program")
            time.sleep(_CHECK_LOCK_SECONDS)
        self._check_schema(info)
        if info["durability"] != self._durability:
            raise EmbeddedError(
                f"data directory {self.directory} is in use with durability {info['durability']}, "
                f"not {self._durability}: use that durability or another --data-dir"
            )
        return info

    def _start_if_unlocked(self) -> Info | None:
        start = open_lock(self.directory / "start")
        try:
            fcntl.flock(start, fcntl.LOCK_EX)
            with _starting:
                lock = open_lock(self.directory / "lock")
                try:
                    if try_lock(lock, "exclusive"):
                        return self._start(lock)
                finally:
                    os.close(lock)
        finally:
            os.close(start)
        return None

    def _check_schema(self, info: Info) -> None:
        if info["schema"] != SCHEMA:
            raise EmbeddedError(
                f"data directory {self.directory} has schema {info['schema']}, but this release supports {SCHEMA} only"
            )

    def _start(self, lock: int) -> Info:
        """Start Valkey, which inherits the locked descriptor."""
        before = read_info(self.directory)
        if before is not None:
            self._check_schema(before)
        append_only.check_manifest(self.directory)
        if self._durability == "memory" and append_only.exist(self.directory):
            raise EmbeddedError(
                f"data directory {self.directory} holds messages on disk, which durability memory would ignore: "
                "use --durability fsync, another --data-dir or --ephemeral"
            )
        self._make_private()
        remove_drafts(self.directory)
        reserve.keep(self.directory, 0 if self._durability == "memory" else self._capacity.reserve_bytes)
        privacy.close_reserve(self.directory)
        path = socket_path(self.directory)
        command = [*self._command(), "--unixsocket", str(path)]
        try:
            child = subprocess.Popen(  # noqa: S603 - our own binary and settings
                ["/bin/sh", "-c", _WAIT_THEN_EXEC, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(lock,),
                start_new_session=True,  # Ctrl-C must not end it while requests run
                umask=privacy.UMASK,
                cwd=self.directory,
            )
        except OSError as problem:
            raise EmbeddedError(f"cannot start Valkey: {problem.strerror}") from None
        try:
            info = Info(
                pid=child.pid,
                started=watchdog.started(child.pid),
                socket=str(path),
                schema=SCHEMA,
                durability=self._durability,
            )
            write_info(self.directory, info)
            # A new one for each Valkey: what kills this process with its children may have found the older ones only.
            older = self._watchdog
            self._start_watchdog()
            release_child(child)
            if older is not None:
                older.end()
        except BaseException:
            child.kill()
            child.wait()
            raise
        self._child = child
        return info

    def _make_private(self) -> None:
        """Close the directory to other users, and say so if it was open. Raises EmbeddedError."""
        line = privacy.make_private(self.directory)
        if line is not None:
            _log.warning("%s", line)

    def _command(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocketperm": "700",
            "dir": str(self.directory),
            "logfile": str(self.directory / "valkey.log"),
            "loglevel": "warning",
            "save": "",
            "maxmemory-policy": "noeviction",
            "appendonly": "no" if self._durability == "memory" else "yes",
            "appendfsync": "always",
            # A power cut can truncate the last write. All acknowledged writes come before it.
            "aof-load-truncated": "yes",
            "lazyfree-lazy-user-del": "yes",
            "latency-tracking": "no",
            # Listpacks are scanned linearly: with the default limits and 500 messages in flight, a receive costs a
            # seventh more.
            "hash-max-listpack-entries": "64",
            "zset-max-listpack-entries": "32",
            "io-threads": "1",
            "enable-debug-command": "no",
            "shutdown-timeout": "0",
            # It has no replicas, so a backup of a store in memory need not wait for a second one.
            "repl-diskless-sync-delay": "0",
            **reserve.settings(self.directory, self._capacity.memory_bytes),
        }
        return [str(program.path()), *(word for name, value in settings.items() for word in (f"--{name}", value))]

    def _start_watchdog(self) -> None:
        """Start a watchdog, which waits while another one runs. Raises EmbeddedError."""
        with _starting:
            self._watchdog = WatchdogProcess(self.directory, remove=self._remove)

    def _replace_watchdog(self) -> None:
        """Start another watchdog if ours was killed."""
        if self._watchdog is not None and self._watchdog.has_ended():
            with contextlib.suppress(EmbeddedError):  # the next round tries again
                self._start_watchdog()

    def _await_answer(self, info: Info) -> Info:
        """Wait until Valkey answers; return its information. Raises EmbeddedError."""
        deadline = time.monotonic() + _SILENCE_SECONDS
        check_lock_at = time.monotonic() + _CHECK_LOCK_SECONDS
        while (answer := _ping(info["socket"])) != "ready":
            if answer == "loading":
                deadline = time.monotonic() + _SILENCE_SECONDS
            if self._child is not None and self._child.poll() is not None:
                log = self.directory / "valkey.log"
                raise EmbeddedError(f"Valkey ended while it started (see {log}){self._last_log_line()}")
            if self._child is None and answer == "silent" and time.monotonic() > check_lock_at:
                info = self._start_or_find()
                check_lock_at = time.monotonic() + _CHECK_LOCK_SECONDS
            if time.monotonic() > deadline:
                raise EmbeddedError(f"the Valkey of {self.directory} does not answer (process {info['pid']})")
            time.sleep(0.003)
        return info

    def _last_log_line(self) -> str:
        """Return the last log line of the Valkey that this process started and that ended; empty if there is none."""
        marks = () if self._child is None else (f"{self._child.pid}:", "***")
        with contextlib.suppress(OSError):
            lines = (self.directory / "valkey.log").read_text(errors="replace").splitlines()
            for line in reversed(lines):
                if line.startswith(marks) and "WARNING" not in line:
                    return f": {append_only.with_hint(line, self.directory)}"
        return ""

    def _supervise(self) -> None:
        while not self._released.wait(_WATCH_SECONDS):
            try:
                self._look()
            except (EmbeddedError, OSError) as problem:
                _log.error("cannot restart Valkey: %s", problem)
            except Exception:  # without supervision, Valkey would stay down
                _log.exception("a look at Valkey failed, will retry")

    def _look(self) -> None:
        """Start Valkey again if it has ended, and a watchdog if that has. Raises EmbeddedError, OSError."""
        self._replace_watchdog()
        if self._is_alive():
            if time.monotonic() >= self._recover_at:
                self._recover_at = time.monotonic() + _RECOVER_SECONDS
                self._recover()
            return
        if time.monotonic() - self._started > _STEADY_SECONDS:
            self._failures = 0
        if self._released.wait(_BACK_OFF_SECONDS[min(self._failures, len(_BACK_OFF_SECONDS) - 1)]):
            return
        self._failures += 1
        self._started = time.monotonic()
        ended, words = self._child, self._last_log_line()
        if reserve.free_if_full(self.directory):
            _log.error(
                "the disk is full: the reserve was freed, so messages can be deleted, and no new ones are stored"
            )
        with _starting:
            if self._users is None:
                return
            self._start_or_find()
        if self._child is not ended:
            _log.warning("Valkey ended and was restarted%s", words)

    def _recover(self) -> None:
        """Let a Valkey whose disk was full store again, if there is room."""
        socket_of_valkey = self.url.removeprefix("unix://")
        if reserve.is_spent(self.directory) and reserve.recover(self.directory, socket_of_valkey, self._capacity):
            _log.warning("the disk has room again: the reserve was filled, and messages are stored")

    def _is_alive(self) -> bool:
        """Whether Valkey runs. The lock is not tried: another starter could take that for a running Valkey."""
        if self._child is not None and self._child.poll() is None:
            return True
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(self.url.removeprefix("unix://"))
            except OSError:
                return False
        return True


def release_child(child: subprocess.Popen[bytes]) -> None:
    """Let the waiting shell become Valkey, now that its process id is on disk and a watchdog runs."""
    assert child.stdin is not None
    with contextlib.suppress(OSError), child.stdin:  # it has ended already, which the wait for its answer notices
        child.stdin.write(b"start\n")


def _ping(path: str) -> str:
    """``ready``, ``loading`` or ``silent``."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(path)
            client.sendall(b"PING\r\n")
            answer = client.recv(256)
    except OSError:
        return "silent"
    if answer.startswith(b"+PONG"):
        return "ready"
    return "loading" if answer.startswith(b"-LOADING") else "silent"

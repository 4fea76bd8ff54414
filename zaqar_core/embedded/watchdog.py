"""The watchdog: a small process that stops Valkey after its last user has ended, even if that user was killed.

Each user starts one. The one that has the lock ``keeper`` waits for the end of all users. The others wait for that
lock, so a watchdog that is killed has a successor, even if the user that started it is killed too.

It runs as a script in a bare interpreter, so it imports nothing of this project. Arguments: the data directory,
``keep`` or ``remove`` for what happens to the directory afterwards, and the process id of the user that starts it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

#: Prefix of the names of directories that the service creates, and therefore may remove.
DIRECTORY_PREFIX = "sqs-facade-"
_PATIENCE_SECONDS = 10.0
#: Between two attempts to get the lock ``keeper``.
_POLL_SECONDS = 0.1
#: How long a watchdog without a user waits for that lock. Whatever killed the user may be about to kill the other
#: watchdog; later, the other users have watchdogs of their own.
_SUCCESSION_SECONDS = 5.0
_PROCESSES = Path("/proc")


def main(directory: Path, *, remove: bool, user: int) -> None:
    """Wait until no process holds ``users``, then stop Valkey; or end because another watchdog does that.

    ``user`` is the process id of the parent.
    """
    with contextlib.suppress(FileNotFoundError):  # another watchdog has removed the directory
        if _is_needed(directory, user):
            fcntl.flock(os.open(directory / "users", os.O_RDWR | os.O_CREAT, 0o600), fcntl.LOCK_EX)
            stop(directory, remove=remove)


def _is_needed(directory: Path, user: int) -> bool:
    """Wait for the lock ``keeper``. Returns whether this process got it."""
    keeper = os.open(directory / "keeper", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = None
    while not _try_lock(keeper):
        if deadline is None and os.getppid() != user:
            deadline = time.monotonic() + _SUCCESSION_SECONDS
        if deadline is not None and time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def stop(directory: Path, *, remove: bool) -> None:
    """Stop the Valkey of this directory and wait until it has ended. The caller holds ``users`` exclusively.

    Gives up, and removes nothing, when Valkey cannot be identified and the holder of the lock does not end by itself.
    """
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        is_requested = False
        while not _try_lock(lock):
            if not is_requested:
                is_requested = _request_shutdown(directory)
            elif time.monotonic() > deadline and not signal_valkey(directory, signal.SIGKILL):
                return
            time.sleep(0.005)
    finally:
        os.close(lock)
    with contextlib.suppress(OSError, ValueError, KeyError):
        _remove_socket(Path(str(_info(directory)["socket"])))
    if remove and directory.is_absolute() and directory.name.startswith(DIRECTORY_PREFIX):
        shutil.rmtree(directory, ignore_errors=True)


def _remove_socket(path: Path) -> None:
    """Remove the socket that the service created, and its directory if that is then empty.

    The path comes from a file that anything may have written. So nothing else is removed, and nothing recursively.
    """
    if not path.is_absolute() or path.name != "s" or not path.parent.name.startswith(DIRECTORY_PREFIX):
        return
    if path.is_socket():
        path.unlink()
    path.parent.rmdir()


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _request_shutdown(directory: Path) -> bool:
    """Send SHUTDOWN, or SIGTERM if that fails. Returns True: the request is sent only once."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(min(2.0, _PATIENCE_SECONDS))
            client.connect(str(_info(directory)["socket"]))
            client.sendall(b"SHUTDOWN NOSAVE\r\n")
            client.recv(256)
    except (OSError, ValueError, KeyError):
        signal_valkey(directory, signal.SIGTERM)
    return True


def signal_valkey(directory: Path, number: signal.Signals) -> bool:
    """Signal the process that ``info.json`` names, if it is still that process. Whether it was signalled.

    The lock is not enough to identify it: a child that Valkey forked for a rewrite may hold the lock after Valkey has
    ended, and by then Valkey's process id may belong to another process.
    """
    try:
        info = _info(directory)
        process, known = int(info["pid"]), str(info["started"])
    except (OSError, ValueError, KeyError):
        return False
    return signal_process(process, known, number)


def signal_process(process: int, known: str, number: signal.Signals) -> bool:
    """Signal a process if it still has the start time ``known``, so that it is not another one with its id. Whether it
    was signalled."""
    if process <= 1 or not known:  # 0 and negative numbers address process groups
        return False
    descriptor = _descriptor(process)  # refers to that process even if it ends after its start time was checked
    try:
        if started(process) != known:
            return False
        if descriptor is None:
            os.kill(process, number)
        else:
            signal.pidfd_send_signal(descriptor, number)
    except OSError:
        return False
    finally:
        if descriptor is not None:
            os.close(descriptor)
    return True


def _descriptor(process: int) -> int | None:
    """Return a pidfd of the process, where the system has them (Linux 5.3 or newer)."""
    try:
        return os.pidfd_open(process)
    except (AttributeError, OSError):
        return None


def started(process: int) -> str:
    """Return the start time of the process as opaque text, for comparison; empty if it does not run."""
    try:
        if _PROCESSES.is_dir():
            # The third field follows the name, which may contain anything; the 22nd is the start in ticks.
            ticks = (_PROCESSES / str(process) / "stat").read_text().rpartition(")")[2].split()[19]
            return f"{(_PROCESSES / 'sys/kernel/random/boot_id').read_text().strip()} {ticks}"
        return subprocess.run(  # noqa: S603 - fixed arguments
            ["ps", "-o", "lstart=", "-p", str(process)],  # noqa: S607 - its path differs between systems
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
    except OSError:
        return ""


def _info(directory: Path) -> dict[str, int | str]:
    found: dict[str, int | str] = json.loads((directory / "info.json").read_bytes())
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), remove=sys.argv[2] == "remove", user=int(sys.argv[3]))

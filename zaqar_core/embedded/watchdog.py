"""The watchdog: a small process that stops Valkey after its last user has ended, even if that user was killed.

It runs as a script in a bare interpreter, so it imports nothing of this project. Arguments: the data directory, and
``keep`` or ``remove`` for what happens to the directory afterwards.
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
#: Exit code of a watchdog that found another one running.
NOT_NEEDED = 3
_PROCESSES = Path("/proc")


def main(directory: Path, *, remove: bool) -> int:
    """Wait until no process holds ``users``, then stop Valkey. Returns the exit code."""
    watchdog = os.open(directory / "keeper", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(watchdog, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return NOT_NEEDED
    users = os.open(directory / "users", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(users, fcntl.LOCK_EX)
    stop(directory, remove=remove)
    return 0


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
            elif time.monotonic() > deadline and not _signal_valkey(directory, signal.SIGKILL):
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
        _signal_valkey(directory, signal.SIGTERM)
    return True


def _signal_valkey(directory: Path, number: signal.Signals) -> bool:
    """Signal the process that ``info.json`` names, if it is still that process. Whether it was signalled.

    The lock is not enough to identify it: a child that Valkey forked for a rewrite may hold the lock after Valkey has
    ended, and by then Valkey's process id may belong to another process.
    """
    try:
        info = _info(directory)
        process, known = int(info["pid"]), str(info["started"])
    except (OSError, ValueError, KeyError):
        return False
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
    sys.exit(main(Path(sys.argv[1]), remove=sys.argv[2] == "remove"))

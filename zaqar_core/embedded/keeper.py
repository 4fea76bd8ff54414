"""The keeper: a small process that stops Valkey when its last user has left, however that user ended.

Run as a script with a bare interpreter, so it imports nothing of ours. Arguments: the data directory, and ``keep`` or
``remove`` for what becomes of it afterwards.
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

#: How every directory that we make, and therefore may remove, is named.
DIRECTORY_PREFIX = "sqs-facade-"
_PATIENCE_SECONDS = 10.0
#: Exit code of a keeper that found another one at work.
NOT_NEEDED = 3
_PROCESSES = Path("/proc")


def main(directory: Path, *, remove: bool) -> int:
    """Wait until nobody holds ``users``, then stop Valkey. Returns the exit code."""
    keeper = os.open(directory / "keeper", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(keeper, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return NOT_NEEDED
    users = os.open(directory / "users", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(users, fcntl.LOCK_EX)
    stop(directory, remove=remove)
    return 0


def stop(directory: Path, *, remove: bool) -> None:
    """Stop the Valkey of this directory and wait for its end. The caller holds ``users`` exclusively.

    Gives up, and removes nothing, when Valkey cannot be identified and what holds the lock does not end by itself.
    """
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        asked = False
        while not _try(lock):
            if not asked:
                asked = _ask(directory)
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
    """Remove a socket of ours and its directory if that is then empty.

    The path comes from a file that anything may have written, so nothing else is ever removed and nothing recursively.
    """
    if not path.is_absolute() or path.name != "s" or not path.parent.name.startswith(DIRECTORY_PREFIX):
        return
    if path.is_socket():
        path.unlink()
    path.parent.rmdir()


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ask(directory: Path) -> bool:
    """Send SHUTDOWN, or SIGTERM in its place. Always True: it is done once."""
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
    """Whether the process of the information still is that process, and was signalled.

    The lock alone does not tell: a child that Valkey forked for a rewrite may hold it longer than Valkey lives, and
    Valkey's process id may be another process's by then.
    """
    try:
        info = _info(directory)
        process, known = int(info["pid"]), str(info["started"])
    except (OSError, ValueError, KeyError):
        return False
    if process <= 1 or not known:  # 0 and negative numbers would mean whole groups
        return False
    descriptor = _descriptor(process)  # stays that process's, also if it ends after the look at when it started
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
    """A descriptor of the process, where the system has them (Linux from 5.3 on)."""
    try:
        return os.pidfd_open(process)
    except (AttributeError, OSError):
        return None


def started(process: int) -> str:
    """When the process started, as a text that is only compared; empty if it does not run."""
    try:
        if _PROCESSES.is_dir():
            # After the name, which may hold anything, begins the third field; the 22nd is ticks since the boot.
            ticks = (_PROCESSES / str(process) / "stat").read_text().rpartition(")")[2].split()[19]
            return f"{(_PROCESSES / 'sys/kernel/random/boot_id').read_text().strip()} {ticks}"
        return subprocess.run(  # noqa: S603 - our own arguments
            ["ps", "-o", "lstart=", "-p", str(process)],  # noqa: S607 - wherever the system has it
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

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
import sys
import time
from pathlib import Path

#: How every directory that we make, and therefore may remove, is named.
DIRECTORY_PREFIX = "sqs-facade-"
_PATIENCE_SECONDS = 10.0


def main(directory: Path, *, remove: bool) -> None:
    """Wait until nobody holds ``users``, then stop Valkey."""
    keeper = os.open(directory / "keeper", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(keeper, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    users = os.open(directory / "users", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(users, fcntl.LOCK_EX)
    stop(directory, remove=remove)


def stop(directory: Path, *, remove: bool) -> None:
    """Stop the Valkey of this directory and wait for its end. The caller holds ``users`` exclusively."""
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        asked = False
        while not _try(lock):
            if not asked:
                asked = _ask(directory)
            elif time.monotonic() > deadline:
                # The lock is held, so the process id in the information is still Valkey's.
                with contextlib.suppress(OSError, ValueError, KeyError):
                    _kill(_info(directory), signal.SIGKILL)
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
    """Whether SHUTDOWN was sent, or a signal in its place."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        info = _info(directory)
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(2)
                client.connect(str(info["socket"]))
                client.sendall(b"SHUTDOWN NOSAVE\r\n")
                client.recv(256)
        except OSError:
            _kill(info, signal.SIGTERM)
    return True


def _kill(info: dict[str, int | str], number: signal.Signals) -> None:
    """Signal the process named there. 0 and negative numbers would mean whole groups."""
    if (process := int(info["pid"])) > 1:
        os.kill(process, number)


def _info(directory: Path) -> dict[str, int | str]:
    found: dict[str, int | str] = json.loads((directory / "info.json").read_bytes())
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), remove=sys.argv[2] == "remove")

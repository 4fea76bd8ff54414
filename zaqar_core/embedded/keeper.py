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
                    os.kill(int(_info(directory)["pid"]), signal.SIGKILL)
            time.sleep(0.005)
    finally:
        os.close(lock)
    with contextlib.suppress(OSError, ValueError, KeyError):
        shutil.rmtree(Path(str(_info(directory)["socket"])).parent, ignore_errors=True)
    if remove:
        shutil.rmtree(directory, ignore_errors=True)


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
            os.kill(int(info["pid"]), signal.SIGTERM)
    return True


def _info(directory: Path) -> dict[str, int | str]:
    found: dict[str, int | str] = json.loads((directory / "info.json").read_bytes())
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), remove=sys.argv[2] == "remove")

"""Start the processes of a benchmark, and end each of them with all its children."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

_START_SECONDS = 90.0
_STOP_SECONDS = 10.0


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tree(process: psutil.Process) -> list[psutil.Process]:
    """Return a process and all below it; nothing if it has ended."""
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    log: Path | None = None,
) -> Iterator[psutil.Process]:
    """Run a command for the time of a block, in a session that Ctrl-C does not reach, and end its whole tree.

    With ``port`` the block begins when something listens there. ``log`` receives what the command prints. Raises
    RuntimeError with the end of the log if the command ends or does not listen in time.
    """
    with contextlib.ExitStack() as files:
        output = files.enter_context(log.open("wb")) if log else subprocess.DEVNULL
        process = psutil.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            if port is not None:
                _wait_for(process, port, log)
            yield psutil.Process(process.pid)
        finally:
            _end(process)


def _wait_for(process: psutil.Popen, port: int, log: Path | None) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            printed = log.read_text(errors="replace").strip()[-500:] if log else ""
            raise RuntimeError(f"{process.args[0]} does not listen. {printed}")
        time.sleep(0.05)


def _end(process: psutil.Popen) -> None:
    """Terminate a process and all below it; kill those that have not ended in time, or whose parent has crashed."""
    if process.poll() is not None:
        if not psutil.pid_exists(process.pid):  # else the id belongs to another process by now
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return
    everyone = tree(psutil.Process(process.pid))
    for one in everyone:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.terminate()
    _, alive = psutil.wait_procs(everyone, _STOP_SECONDS)
    for one in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait()


@contextlib.contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Run so many processes beside the block that each use a core without pause."""
    with contextlib.ExitStack() as loops:
        for _ in range(count):
            loops.enter_context(running([sys.executable, "-c", "while True: pass"]))
        yield


def end_on_sigterm() -> None:
    """Make SIGTERM end the benchmark as Ctrl-C does, so that it ends its processes."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)

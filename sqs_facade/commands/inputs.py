"""Messages that a command reads: lines of text, JSON lines and whole files, while they arrive."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click

#: After this pause a reader of a pipe gets the lines that are there.
_PAUSE_SECONDS = 0.1
#: Lines that are read ahead. Each may have the length of a message, 1 MiB.
_AHEAD = 20

Line = bytes | None


def standard_input() -> BinaryIO:
    """Return standard input as bytes."""
    return sys.stdin.buffer


def opened(file: Path) -> BinaryIO:
    """Open a file for reading. Raises click.ClickException."""
    try:
        return file.open("rb")
    except OSError as problem:
        raise click.ClickException(f"cannot read {file}: {problem.strerror}") from None


def lines(stream: BinaryIO) -> Iterator[Line]:
    """Iterate over the lines of a stream without their ends. A None says that no further line is there yet."""
    ahead: queue.Queue[Line | EndOfInput] = queue.Queue(_AHEAD)
    stopped = threading.Event()
    threading.Thread(target=_read, args=(stream, ahead, stopped), name="input", daemon=True).start()
    try:
        while True:
            try:
                line = ahead.get(timeout=_PAUSE_SECONDS)
            except queue.Empty:
                yield None
                line = ahead.get()
            if isinstance(line, EndOfInput):
                if line.problem is not None:
                    raise line.problem
                return
            yield line
    finally:
        stopped.set()


class EndOfInput:
    """The end of a stream, or the error that ended it."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.problem = problem


def _read(stream: BinaryIO, ahead: queue.Queue[Line | EndOfInput], stopped: threading.Event) -> None:
    end = EndOfInput()
    try:
        for line in stream:
            _put(ahead, line.removesuffix(b"\n").removesuffix(b"\r"), stopped)
            if stopped.is_set():
                return
    except (OSError, ValueError) as problem:
        end = EndOfInput(problem)
    _put(ahead, end, stopped)


def _put(ahead: queue.Queue[Line | EndOfInput], one: Line | EndOfInput, stopped: threading.Event) -> None:
    while not stopped.is_set():
        try:
            ahead.put(one, timeout=1)
            return
        except queue.Full:
            continue


def text(content: bytes) -> str:
    """Return the text of a body. Raises ValueError with one line."""
    try:
        return content.decode()
    except UnicodeDecodeError as problem:
        raise ValueError(f"byte {problem.start} is not UTF-8: a body is a text; --base64 encodes it") from None

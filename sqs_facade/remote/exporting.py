"""Write the messages of a queue into a file of JSON lines, each message once, also if that is interrupted and resumed.

The file is its own record of what is done: a message whose id is in it is not written again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import orjson

from sqs_facade.remote import peeking, queues, receiving, records
from sqs_facade.remote.errors import RemoteError
from sqs_facade.remote.service import Service

_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
#: O_BINARY is a flag of Windows.
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_ADVICE = "--move receives them, and deletes them when they are in the file"
#: Visibility timeout of messages that are being moved: much longer than writing and deleting ten of them takes.
_MOVE_SECONDS = 120
#: A long poll asks all servers of an endpoint, so that no answer means that nothing is visible.
_WAIT_SECONDS = 2

#: Called with the number of messages in the file.
Progress = Callable[[int], None]
Warn = Callable[[str], None]


class ExportFile:
    """A file of JSON lines. ``count`` is the number of messages in it.

    ``stream`` may be another stream instead of a file; it is not resumable.
    """

    def __init__(self, file: Path | None, stream: BinaryIO | None = None, *, resumes: bool = False) -> None:
        """Create the file, or open it to resume. Raises RemoteError."""
        self._ids: set[str] = set()
        self.count = 0
        self._file = file
        if file is None:
            assert stream is not None
            self._stream = stream
            return
        try:
            if resumes and file.exists():
                self._stream = file.open("r+b")
                self._read()
            else:
                self._stream = os.fdopen(os.open(file, _NEW_FILE, 0o600), "wb")  # like the store, for its owner alone
                _sync_folder(file.absolute().parent)
        except RemoteError:
            self._stream.close()
            raise
        except FileExistsError:
            raise RemoteError(f"{file} exists: --resume continues it, or name a new file") from None
        except OSError as problem:
            raise RemoteError(f"cannot write {file}: {problem.strerror}") from None

    def _read(self) -> None:
        """Read the ids, and cut off a last line that is not complete. Raises RemoteError."""
        end = 0
        for line in self._stream:
            if not line.endswith(b"\n"):
                break
            try:
                self._ids.add(orjson.loads(line)["message_id"])
            except (ValueError, KeyError, TypeError):
                raise RemoteError(
                    f"line {len(self._ids) + 1} of the file is not of an export: name a new file"
                ) from None
            end += len(line)
        self._stream.seek(end)
        self._stream.truncate()
        self.count = len(self._ids)

    def write(self, message: dict[str, Any]) -> None:
        """Write a message in the form of the API, unless it is in the file. Raises RemoteError."""
        if message["MessageId"] in self._ids:
            return
        if self._file is not None:
            self._ids.add(message["MessageId"])
        record = records.of_message(message)
        record.pop("receipt_handle", None)
        with self._named():
            self._stream.write(orjson.dumps(record) + b"\n")
        self.count += 1

    def sync(self) -> None:
        """Wait until all messages are on disk. Raises RemoteError."""
        with self._named():
            self._stream.flush()
            if self._file is not None:
                os.fsync(self._stream.fileno())

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Name the file when it cannot be written. Raises RemoteError."""
        try:
            yield
        except OSError as problem:
            if self._file is None:
                raise
            raise RemoteError(f"cannot write {self._file}: {problem.strerror}") from None

    def __enter__(self) -> ExportFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, _value: BaseException | None, _: TracebackType | None) -> None:
        if self._file is not None:
            try:
                self._stream.close()
            except OSError:  # a second time: what could not be written before
                if kind is None:
                    raise
            if kind is not None and not self.count:
                self._file.unlink(missing_ok=True)
        elif kind is None:
            self._stream.flush()


def _sync_folder(folder: Path) -> None:
    """Make the name of a new file survive a loss of power, where a folder can be opened for that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def count(service: Service, queue_url: str) -> int:
    """Return the number of messages in a queue. Raises RemoteError."""
    found = queues.attributes(service, queue_url, *_COUNTS)
    return sum(int(found.get(name, 0)) for name in _COUNTS)


def copy(service: Service, queue_url: str, file: ExportFile, progress: Progress, *, hidden: bool) -> None:
    """Write all messages and leave them in the queue; ``hidden`` includes those in flight and delayed.

    Raises RemoteError.
    """
    for one in peeking.messages(service, queue_url, hidden=hidden, advice=_ADVICE):
        file.write(one.message)
        progress(file.count)
    file.sync()


def move(service: Service, queue_url: str, file: ExportFile, progress: Progress, warn: Warn) -> int:
    """Receive all visible messages, and delete each when it is on disk; return how many could not be deleted.

    A message that could not be deleted is visible again after two minutes; another run deletes it and does not write it
    again. Raises RemoteError.
    """
    failed = 0
    while found := receiving.receive(service, queue_url, wait_seconds=_WAIT_SECONDS, visibility=_MOVE_SECONDS):
        for message in found:
            file.write(message)
        file.sync()
        progress(file.count)
        for problem in receiving.delete(service, queue_url, found):
            failed += 1
            warn(problem)
    return failed

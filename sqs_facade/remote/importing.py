"""Send the messages of a file of JSON lines to a queue in their order, so that an interrupted import can be resumed.

A small file beside the input, the state, says up to which line the endpoint confirmed the messages, and which batch was
being sent. It is written before and after each batch. So after a kill at most one batch of ten is in doubt: it may have
been sent. A FIFO queue recognizes it for a while; elsewhere it is sent again, or left out, as the caller chooses.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import msgspec

from sqs_facade.remote import batches, queues, records
from sqs_facade.remote.batches import Outcome, Outgoing
from sqs_facade.remote.errors import RemoteError
from sqs_facade.remote.service import Service
from zaqar_core.domain import limits

#: The state is written at once, in one block of the disk.
_STATE_BYTES = 4096
_HEAD_BYTES = 4096
#: For so long a FIFO queue recognizes a message for certain: the clocks may differ by half a minute.
_RECOGNIZED_SECONDS = limits.DEDUPLICATION_SECONDS - 30
_FIFO = ".fifo"
_IDENTIFIER = "deduplication_id"


class State(msgspec.Struct):
    """How far an import is. Lines are counted from 1, ``*_byte`` are offsets behind a line.

    ``sending_line`` is greater than ``done_line`` while a batch is being sent; ``sending_since`` is that time.
    """

    queue: str
    head: str
    run: str
    done_line: int = 0
    done_byte: int = 0
    sending_line: int = 0
    sending_byte: int = 0
    sending_since: float = 0.0
    sent: int = 0
    failed: int = 0


class StateFile:
    """The file with the state of an import."""

    def __init__(self, path: Path, state: State, *, is_new: bool) -> None:
        """Open the file. Raises RemoteError."""
        self.path, self.state = path, state
        try:
            self._descriptor = os.open(path, os.O_WRONLY | (os.O_CREAT | os.O_EXCL if is_new else 0), 0o600)
        except FileExistsError:
            raise RemoteError(
                f"an import of this file was interrupted ({path}): --resume continues it, --restart begins again"
            ) from None
        except OSError as problem:
            raise RemoteError(f"cannot write {path}: {problem.strerror}") from None
        try:
            self.save()
        except RemoteError:
            self.close()
            if is_new:
                path.unlink()
            raise

    def save(self) -> None:
        """Write the state. It survives a kill of this process. Raises RemoteError."""
        content = msgspec.json.encode(self.state).ljust(_STATE_BYTES)
        try:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            if os.write(self._descriptor, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as problem:
            raise RemoteError(f"cannot write {self.path}: {problem.strerror}") from None

    def close(self) -> None:
        """Close the file and keep it."""
        os.close(self._descriptor)


def read_state(path: Path, queue_url: str, head: str) -> State:
    """Read the state of an import of this file to this queue. Raises RemoteError."""
    try:
        found = msgspec.json.decode(path.read_bytes().strip(), type=State)
    except FileNotFoundError:
        raise RemoteError(f"there is no interrupted import of this file ({path}): omit --resume") from None
    except (OSError, msgspec.DecodeError) as problem:
        raise RemoteError(f"cannot read {path}: {problem}") from None
    if (found.queue, found.head) != (queue_url, head):
        raise RemoteError(f"{path} is of another queue or file ({found.queue}): omit --resume, or remove it")
    return found


def head_of(stream: BinaryIO) -> str:
    """Return a text that identifies the file by its beginning and its size."""
    head = stream.read(_HEAD_BYTES)
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    return hashlib.sha256(b"%d %b" % (size, head)).hexdigest()[:32]


def new_state(queue_url: str, head: str) -> State:
    """Return the state of an import that begins."""
    return State(queue_url, head, secrets.token_hex(6))


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the input. ``end`` is the offset behind it."""

    number: int
    content: bytes
    end: int


def lines(stream: BinaryIO, state: State) -> Iterator[Line]:
    """Iterate over the lines behind those that are done."""
    if state.done_byte:
        stream.seek(state.done_byte)
    end = state.done_byte
    for number, content in enumerate(stream, state.done_line + 1):
        end += len(content)
        yield Line(number, content, end)


#: Called for a line that was not stored: its number and the reason.
Refuse = Callable[[int, str], None]


@dataclass
class Import:
    """One run of an import. ``file`` is None for an input that cannot be resumed.

    ``renews_ids`` gives each message a new deduplication id, which stays the same when the import is resumed.
    """

    service: Service
    state: State
    refuse: Refuse
    file: StateFile | None = None
    renews_ids: bool = False
    #: The last line that may have been sent before.
    doubtful: int = 0
    #: Ids of the messages that a FIFO queue stored lately, while it recognizes them.
    _recent: deque[tuple[float, str]] = field(default_factory=deque)
    _known: set[str] = field(default_factory=set)
    #: Ids of the messages in the file, by line.
    _former: dict[int, str] = field(default_factory=dict)

    @property
    def is_fifo(self) -> bool:
        """Whether the queue is a FIFO queue."""
        return queues.name(self.state.queue).endswith(_FIFO)

    def run(self, found: Iterator[Line]) -> Iterator[int]:
        """Send the lines; yield the offset behind the lines that are done. Raises RemoteError."""
        waiting: list[tuple[Line, Outgoing | str | None]] = []
        total = 0
        for line in found:
            message = self._message(line)
            size = records.size(message.parameters) if isinstance(message, Outgoing) else 0
            if waiting and (total + size > batches.MOST_BYTES or len(waiting) == batches.MOST_ENTRIES):
                yield self._send(waiting)
                waiting, total = [], 0
            waiting.append((line, message))
            total += size
        if waiting:
            yield self._send(waiting)

    def _message(self, line: Line) -> Outgoing | str | None:
        """Return the message of a line; None if the line is empty, and the reason if it is wrong."""
        if not line.content.strip():
            return None
        try:
            record = records.parsed(line.content)
            if not self.is_fifo:
                record.pop(_IDENTIFIER, None)  # standard queues refuse it
            elif self.renews_ids:
                record[_IDENTIFIER] = f"{self.state.run}-{line.number}"
            if self.is_fifo and isinstance(record.get("message_id"), str):
                self._former[line.number] = record["message_id"]
            return Outgoing(line.number, records.entry(record))
        except records.RecordInvalid as problem:
            return str(problem)

    def _send(self, waiting: list[tuple[Line, Outgoing | str | None]]) -> int:
        """Send a batch between two writes of the state; return the offset behind it. Raises RemoteError."""
        batch = [message for _, message in waiting if isinstance(message, Outgoing)]
        outcomes: dict[int, Outcome] = {}
        if batch:
            self._begin(waiting[-1][0])
            found = batches.send(self.service, self.state.queue, batch)
            outcomes = {one.message.place: one for one in found}
            unknown = [one for one in found if one.is_unknown]
            if unknown:
                lines = f"lines {batch[0].place} to {batch[-1].place} may have been sent"
                raise RemoteError(f"{unknown[0].code}: {unknown[0].text}; {lines}")
        for line, message in waiting:
            outcome = outcomes.get(line.number)
            if outcome is not None and outcome.stop is not None:
                self._finish()
                raise outcome.stop
            if outcome is not None:
                self._take(outcome)
            elif isinstance(message, str):
                self._fail(line.number, message)
            self.state.done_line, self.state.done_byte = line.number, line.end
        self._finish()
        return self.state.done_byte

    def _begin(self, last: Line) -> None:
        """Write that the lines up to this one are being sent."""
        self.state.sending_line, self.state.sending_byte = last.number, last.end
        self.state.sending_since = time.time()
        self._save()

    def _finish(self) -> None:
        """Write that no line is being sent."""
        self.state.sending_line, self.state.sending_byte = self.state.done_line, self.state.done_byte
        self._save()

    def _take(self, outcome: Outcome) -> None:
        """Count an outcome. A FIFO queue confirms a message that it does not store, with the id of an earlier one."""
        place = outcome.message.place
        former = self._former.pop(place, None)
        if outcome.code is not None:
            self._fail(place, f"{outcome.code}: {outcome.text}")
            return
        if self.is_fifo and place > self.doubtful and self._is_known(outcome.message_id, former):
            self._fail(place, "not stored: the queue had its deduplication id a short time ago")
            return
        self.state.sent += 1

    def _is_known(self, message_id: str, former: str | None) -> bool:
        now = time.monotonic()
        while self._recent and self._recent[0][0] < now - 2 * _RECOGNIZED_SECONDS:
            self._known.discard(self._recent.popleft()[1])
        if message_id in self._known or message_id == former:
            return True
        self._recent.append((now, message_id))
        self._known.add(message_id)
        return False

    def _fail(self, line: int, reason: str) -> None:
        self.state.failed += 1
        self.refuse(line, reason)

    def _save(self) -> None:
        if self.file is not None:
            self.file.save()


def settle_doubt(state: State, *, skips: bool) -> tuple[int, bool]:
    """Decide about the batch that was being sent when an import ended. Return its last line, and whether it is safe.

    The line is 0 if no batch is in doubt. It is safe to send it again if a FIFO queue still recognizes it. With
    ``skips`` the batch counts as sent.
    """
    if state.sending_line <= state.done_line:
        return 0, True
    last = state.sending_line
    if skips:
        state.done_line, state.done_byte = state.sending_line, state.sending_byte
    is_fifo = queues.name(state.queue).endswith(_FIFO)
    return last, is_fifo and time.time() - state.sending_since < _RECOGNIZED_SECONDS

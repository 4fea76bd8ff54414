"""Execution slots: a worker's connections, each held by one request at a time."""

from __future__ import annotations

from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import Any

import hiredis

from zaqar_core.errors import StoreUnavailable
from zaqar_core.settings import Settings
from zaqar_core.store.connection import Link, pack
from zaqar_core.store.scripts import Compiled, Library

#: How long a request waits for a slot before the service counts as overloaded.
SLOT_PATIENCE_SECONDS = 30.0
#: Within this time WAITAOF must confirm the primary's and a replica's disk.
REPLICATION_PATIENCE_MS = 1000


#: Nothing ran: the server has not met this release's library.
_NOT_LOADED = "Function not found"


class ScriptFailed(Exception):
    """A script answered with an error word of its own, such as NOQUEUE. ``word`` is it, ``detail`` the rest."""

    def __init__(self, word: str, detail: str) -> None:
        super().__init__(word, detail)
        self.word = word
        self.detail = detail


#: Words that only our scripts use; every other error reply means that the server cannot do its work.
SCRIPT_WORDS = frozenset(
    {
        "NOQUEUE", "EXISTS", "STALE", "POSTTOOLONG", "OVERLIMIT", "NOCLAIM", "CLAIMED", "NOTCLAIMED", "OTHERCLAIM",
        "GROUPED", "NODEDUP", "PURGING", "LATE", "TASKRUNNING", "NOTASK", "NOTRUNNING",
    }
)  # fmt: skip


def _failure(reply: hiredis.ReplyError) -> ScriptFailed:
    """The script's own word, or that it is not loaded. Raises StoreUnavailable for all other errors."""
    text = str(reply).removeprefix("ERR ")
    word, _, detail = text.partition(" ")
    if word in SCRIPT_WORDS:
        return ScriptFailed(word, detail)
    if text == _NOT_LOADED:
        return ScriptFailed(_NOT_LOADED, "")
    raise StoreUnavailable(str(reply))


class Generation:
    """Counts the lives of the server as this process saw them end, so that no slot writes to a dead connection."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0

    def ended(self) -> None:
        self.number += 1


class Store:
    """One slot: runs scripts, one round trip each."""

    __slots__ = ("_generation", "_link", "_replicated", "_seen")

    def __init__(self, settings: Settings, url: str, generation: Generation) -> None:
        self._link = Link(url, settings.store_timeout_seconds)
        self._generation = generation
        self._seen = -1
        self._replicated = settings.durability == "replicated"

    def run(self, script: Compiled, key: bytes, arguments: Sequence[bytes | str | int]) -> Any:
        """The script's reply. Raises ScriptFailed for its own words, StoreUnavailable when the outcome is unknown."""
        self._ready()
        packed = pack((b"FCALL", script.address, 1, key, *arguments))
        replies = 1
        if self._replicated and script.writes:
            packed += pack((b"WAITAOF", 1, 1, REPLICATION_PATIENCE_MS))
            replies = 2
        reply, *confirmed = self._exchange(packed, replies)
        if isinstance(reply, hiredis.ReplyError):
            failure = _failure(reply)
            if failure.word == _NOT_LOADED:
                self._load(script.library)
                return self.run(script, key, arguments)
            raise failure
        if confirmed and (isinstance(confirmed[0], hiredis.ReplyError) or min(confirmed[0]) < 1):
            raise StoreUnavailable("no replica confirmed the write within 1 s")
        return reply

    def run_many(self, calls: Sequence[tuple[Compiled, bytes, Sequence[bytes | str | int]]]) -> list[Any]:
        """Many scripts in one round trip. A script's own word takes the place of its reply."""
        if not calls:
            return []
        self._ready()
        found = self._run_all(calls)
        missing = [
            at for at, reply in enumerate(found) if isinstance(reply, ScriptFailed) and reply.word == _NOT_LOADED
        ]
        if missing:
            for library in {calls[at][0].library.name: calls[at][0].library for at in missing}.values():
                self._load(library)
            for at, reply in zip(missing, self._run_all([calls[at] for at in missing]), strict=True):
                found[at] = reply
        return found

    def _run_all(self, calls: Sequence[tuple[Compiled, bytes, Sequence[bytes | str | int]]]) -> list[Any]:
        packed = b"".join(pack((b"FCALL", script.address, 1, key, *arguments)) for script, key, arguments in calls)
        replies = self._exchange(packed, len(calls))
        return [_failure(reply) if isinstance(reply, hiredis.ReplyError) else reply for reply in replies]

    def command(self, *words: bytes | str | int) -> Any:
        """One plain command on keys that are no queue's. Raises StoreUnavailable."""
        self._ready()
        return self._link.command(*words)

    def close(self) -> None:
        self._link.close()

    def _ready(self) -> None:
        if self._seen != self._generation.number:
            self._link.close()
            self._seen = self._generation.number
        if not self._link.is_open:
            self._link.open()

    def _exchange(self, packed: bytes, replies: int) -> list[Any]:
        try:
            return self._link.exchange(packed, replies)
        except StoreUnavailable:
            if self._seen == self._generation.number:
                self._generation.ended()
            raise

    def _load(self, library: Library) -> None:
        """The server has the library; its name says that what is there is the same."""
        [reply] = self._exchange(pack((b"FUNCTION", b"LOAD", library.text)), 1)
        if isinstance(reply, hiredis.ReplyError) and "already exists" not in str(reply):
            raise StoreUnavailable(str(reply))


class Slots:
    """All slots of a worker. Taking one bounds how many threads compete for the interpreter."""

    def __init__(self, settings: Settings, url: str) -> None:
        self.generation = Generation()
        self._free: SimpleQueue[Store] = SimpleQueue()
        self._all = [Store(settings, url, self.generation) for _ in range(settings.execution_slots)]
        for store in self._all:
            self._free.put(store)

    def take(self) -> Store:
        """A free slot. Raises StoreUnavailable when none comes free in time: nothing was done."""
        try:
            return self._free.get(timeout=SLOT_PATIENCE_SECONDS)
        except Empty:
            raise StoreUnavailable("all execution slots are busy") from None

    def give(self, store: Store) -> None:
        self._free.put(store)

    def close(self) -> None:
        for store in self._all:
            store.close()

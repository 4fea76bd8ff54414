"""The overview of an account's queues: all of them with their numbers, read in one pass that all open consoles share.

A pass reads some dozens of queues per round trip, and counts only those in which something has happened since the last
one. It is used for a second, and for ten times as long as it took: so a worker spends a tenth of its time on passes,
however many consoles are open and however many queues there are. Where a pass is older than a second, the rows of a
page are read again before they are shown.
"""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

import msgspec
import orjson

from zaqar_core.access.principals import Principal
from zaqar_core.core import queues
from zaqar_core.core.known_queues import KnownQueues
from zaqar_core.core.queue_figures import FIGURES, KnownFigures
from zaqar_core.core.session import Session, place_left
from zaqar_core.domain.batches import batched
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.model import Figures
from zaqar_core.domain.names import QueueRef
from zaqar_core.eventloop import Mutex, sleep

#: Time for which what was read is used at least, for which a pass is used as a multiple of the time that it took, and
#: for which it is used at most.
_LEAST_SECONDS, _SHARE, _MOST_SECONDS = 1.0, 10, 15.0
#: The same multiple for a request that asks for fresh numbers, and the number of queues up to which these are exact.
_FRESH_SHARE, _CHEAP_ROWS = 3, 500
_NAMES_AT_ONCE = 1_000
#: Queues that are read in one round trip. The server works on it for half a millisecond, then answers others.
_READ_AT_ONCE = 40
#: Rows whose policies are evaluated, and rows that are searched and sorted, before other tasks run.
_JUDGED_AT_ONCE, _SORTED_AT_ONCE = 50, 500
#: Accounts and regions whose passes are kept, the number of their queues, and for how long where nobody asks for them.
_MOST_KEPT, _MOST_ROWS, _KEPT_SECONDS = 32, 100_000, 300.0
#: Callers of whom a pass keeps what they see. The cache is cleared when it is full.
_MOST_CALLERS = 64


class Row(msgspec.Struct, rename="camel", gc=False):
    """A queue in the overview. Ages are in seconds; ``oldest_age`` is None in an empty queue.

    ``read_ms`` is the store's time at which the numbers were read, and ``sent`` counts all messages that it ever got.
    """

    name: str
    visible: int = 0
    in_flight: int = 0
    delayed: int = 0
    oldest_age: float | None = None
    sent: int = 0
    read_ms: int = 0
    created_ms: int = 0
    dead_letter_queue: str | None = None
    #: Number of queues whose dead letters come here.
    sources: int = 0
    tags: dict[str, str] = {}
    #: Why there are no numbers: ``denied`` or ``unreachable``.
    problem: str | None = None


class Listed(msgspec.Struct, rename="camel"):
    """One page of the overview. The sums are those of all queues at ``read_ms``, whatever the search."""

    queues: list[Row]
    #: Queues that match the search, and all queues.
    matching: int
    total: int
    visible: int
    in_flight: int
    delayed: int
    #: Sum of all messages that these queues ever got.
    sent: int
    read_ms: int


class Sums(NamedTuple):
    """The sums of the rows that somebody may see, as a pass has read them."""

    visible: int
    in_flight: int
    delayed: int
    sent: int
    read_ms: int


class Seen(NamedTuple):
    """What one caller sees of a pass: the rows, those without their numbers that policies deny, and the sums."""

    caller: Principal
    rows: list[Row]
    sums: Sums


@dataclass(slots=True)
class Pass:
    """All queues as one pass has read them, in the order of their names. ``policies`` are those that are set."""

    rows: dict[str, Row]
    policies: dict[str, str]
    #: Dead-letter queue -> the queues whose dead letters it gets.
    sources: dict[str, list[str]]
    known: KnownFigures
    ended: float
    seconds: float
    #: The part of ``seconds`` in which it did not pause.
    busy_seconds: float = 0.0
    #: What policies may ask for of a request -> what its caller sees.
    seen: dict[tuple[str, ...], Seen] = field(default_factory=dict)
    #: Queue -> when it was read again.
    read_again: dict[str, float] = field(default_factory=dict)

    def is_usable(self, asked: float, *, is_fresh: bool) -> bool:
        """Return whether it is young enough for a request of that time.

        ``is_fresh``: for somebody who has changed something a moment ago. Where a pass is cheap it must begin later.
        """
        if not is_fresh:
            lifetime = min(max(_LEAST_SECONDS, _SHARE * self.busy_seconds), _MOST_SECONDS)
        elif len(self.rows) <= _CHEAP_ROWS:
            return self.ended - self.seconds >= asked
        else:
            lifetime = _FRESH_SHARE * self.busy_seconds
        return asked < self.ended + lifetime


@dataclass(slots=True)
class _Place:
    """The overview of one account and region."""

    known: KnownFigures = field(default_factory=lambda: KnownQueues(FIGURES))
    #: Held by the request that reads the queues.
    reading: Mutex = field(default_factory=Mutex)
    last: Pass | None = None
    #: When a pass failed last, and why: those who wait for it get the same error.
    failed: tuple[float, StoreUnavailable] | None = None
    asked: float = 0.0


class Overviews:
    """The overviews of one process. One instance serves all threads and tasks."""

    def __init__(self) -> None:
        #: The place that was asked for last comes last.
        self._places: OrderedDict[tuple[str, str], _Place] = OrderedDict()

    def get(self, session: Session, account: str, region: str, *, is_fresh: bool = False) -> Pass:
        """Return the last pass, or read the queues if it is too old. Raises StoreUnavailable.

        ``is_fresh`` asks for what has changed a moment ago: see ``Pass.is_usable``.
        """
        asked = time.monotonic()
        place = self._place((account, region), asked)
        found = place.last
        if found is not None and found.is_usable(asked, is_fresh=is_fresh):
            return found
        if place.reading.is_held and found is not None and not is_fresh:
            return found  # another request reads a newer one
        with place_left(session.client):
            place.reading.acquire()
        try:
            found = place.last
            if found is None or not found.is_usable(asked, is_fresh=is_fresh):
                if place.failed is not None and place.failed[0] >= asked:
                    raise place.failed[1]
                found = self._read(session, place, account, region, is_awaited=found is None or is_fresh)
            return found
        finally:
            place.reading.release()

    def _place(self, key: tuple[str, str], asked: float) -> _Place:
        """Return the place; drop those that nobody has asked for lately, and the oldest of too many."""
        place = self._places.setdefault(key, _Place())
        place.asked = asked
        with contextlib.suppress(KeyError):  # another thread has dropped it at this moment
            self._places.move_to_end(key)
        rows = sum(len(one.last.rows) for one in list(self._places.values()) if one.last is not None)
        for old, one in list(self._places.items())[:-1]:
            is_recent = one.asked >= asked - _KEPT_SECONDS
            if is_recent and len(self._places) <= _MOST_KEPT and rows <= _MOST_ROWS:
                break
            if not one.reading.is_held:
                self._places.pop(old, None)
                rows -= 0 if one.last is None else len(one.last.rows)
        return place

    @staticmethod
    def _read(session: Session, place: _Place, account: str, region: str, *, is_awaited: bool) -> Pass:
        try:
            found = _read(session, place.known, account, region, is_awaited=is_awaited)
        except StoreUnavailable as problem:
            place.failed = (time.monotonic(), problem)
            raise
        place.failed = None
        place.last = found
        return found


def _read(session: Session, known: KnownFigures, account: str, region: str, *, is_awaited: bool) -> Pass:
    """Read all queues. One that nobody waits for takes turns with other requests, and takes twice the time."""
    began = time.monotonic()
    found = Pass({}, {}, {}, known, began, 0.0)
    after, paused = "", 0.0
    while True:
        names = queues.names(session, account, region, after=after, limit=_NAMES_AT_ONCE)
        for some in batched(names, _READ_AT_ONCE):
            step = time.monotonic()
            _read_queues(session, found, [QueueRef(account, region, name) for name in some])
            for name in some:
                if (row := found.rows.get(name)) is not None and row.dead_letter_queue is not None:
                    found.sources.setdefault(row.dead_letter_queue, []).append(name)
            if not is_awaited:
                took = time.monotonic() - step
                sleep(took)
                paused += took
        if len(names) < _NAMES_AT_ONCE:
            break
        after = names[-1]
    for target, sources in found.sources.items():
        if (row_of_target := found.rows.get(target)) is not None:
            row_of_target.sources = len(sources)
    sleep(0)
    known.keep(len(found.rows), lambda ref: ref.name in found.rows)
    sleep(0)
    found.ended = time.monotonic()
    found.seconds = found.ended - began
    found.busy_seconds = found.seconds - paused
    return found


def read_again(session: Session, found: Pass, account: str, region: str, names: list[str]) -> None:
    """Read some queues of a pass again, unless that was done a moment ago. Raises StoreUnavailable."""
    now = time.monotonic()
    old = [name for name in names if now >= found.read_again.get(name, found.ended) + _LEAST_SECONDS]
    found.read_again.update(dict.fromkeys(old, now))
    for some in batched(old, _READ_AT_ONCE):
        _read_queues(session, found, [QueueRef(account, region, name) for name in some])


def _read_queues(session: Session, found: Pass, refs: list[QueueRef]) -> None:
    """Read queues into a pass: a queue that was deleted keeps the row that it has, which is gone in the next pass."""
    for ref, one in zip(refs, found.known.read(session, refs), strict=True):
        if one is None:
            continue
        if isinstance(one, StoreUnavailable):
            found.rows[ref.name] = Row(ref.name, problem="unreachable")
            continue
        row = _row(one)
        if (before := found.rows.get(ref.name)) is not None:
            row.sources = before.sources
        found.rows[ref.name] = row
        policy = one.queue.settings.documents.get("policy")
        if policy is not None:
            found.policies[ref.name] = policy.decode()
        else:
            found.policies.pop(ref.name, None)


def _row(found: Figures) -> Row:
    settings, counts = found.queue.settings, found.counts
    tags = settings.documents.get("tags")
    return Row(
        found.queue.ref.name,
        counts.visible,
        counts.in_flight,
        counts.delayed,
        None if found.oldest_sent_ms is None else max(0, found.now_ms - found.oldest_sent_ms) / 1000,
        found.ever_sent,
        found.now_ms,
        found.queue.created_ms,
        settings.dead_letter_queue if settings.max_receive_count else None,
        tags=orjson.loads(tags) if tags else {},
    )


IsAllowed = Callable[[str, str], bool]


def seen(found: Pass, caller: Principal, values: tuple[str, ...], is_allowed: IsAllowed) -> Seen:
    """Return what a caller sees of a pass. Other tasks run meanwhile.

    ``values`` are those of the request that policies may ask for, with the name of the caller. Another version of the
    same caller, with other policies or tags, sees what these allow. ``is_allowed`` decides by the name of a queue and
    its policy, "" for none.
    """
    known = found.seen.get(values)
    if known is None or known.caller != caller:
        rows, visible, in_flight, delayed, sent, read_ms = [], 0, 0, 0, 0, 0
        for number, row in enumerate(list(found.rows.values())):
            if number % _JUDGED_AT_ONCE == _JUDGED_AT_ONCE - 1:
                sleep(0)
            row = _seen(row, found, is_allowed)
            rows.append(row)
            visible += row.visible
            in_flight += row.in_flight
            delayed += row.delayed
            sent += row.sent
            read_ms = max(read_ms, row.read_ms)
        if len(found.seen) >= _MOST_CALLERS:
            found.seen.clear()
        known = found.seen[values] = Seen(caller, rows, Sums(visible, in_flight, delayed, sent, read_ms))
    return known


def _seen(row: Row, found: Pass, is_allowed: IsAllowed) -> Row:
    return row if is_allowed(row.name, found.policies.get(row.name, "")) else Row(row.name, problem="denied")


_ORDERS: dict[str, Callable[[Row], float | str]] = {
    "name": attrgetter("name"),
    "visible": attrgetter("visible"),
    "inFlight": attrgetter("in_flight"),
    "delayed": attrgetter("delayed"),
    "oldestAge": lambda row: -1.0 if row.oldest_age is None else row.oldest_age,
    "sent": attrgetter("sent"),
}


def page(
    known: Seen, *, search: str, order: str, is_descending: bool, offset: int, limit: int
) -> tuple[list[str], int]:
    """Return the names on a page of the rows whose name or tags contain all words of the search, and their number.

    An unknown order is by name. Other tasks run meanwhile.
    """
    words, rows, end = search.lower().split(), known.rows, offset + limit
    key = _ORDERS.get(order, _ORDERS["name"])
    if not words and key is _ORDERS["name"] and not is_descending:
        return [row.name for row in rows[offset:end]], len(rows)
    best: list[Row] = []
    number = 0
    for some in batched(rows, _SORTED_AT_ONCE):
        if words:
            some = [row for row in some if _matches(row, words)]
        number += len(some)
        # Stable: by name where the numbers are equal, for the rows come in the order of their names.
        best = sorted(best + some, key=key, reverse=is_descending)[:end]
        sleep(0)
    return [row.name for row in best[offset:]], number


def shown(found: Pass, names: list[str], is_allowed: IsAllowed) -> list[Row]:
    """Return the present rows of some queues, without the numbers of those that policies deny now."""
    return [_seen(found.rows[name], found, is_allowed) for name in names]


def _matches(row: Row, words: list[str]) -> bool:
    text = row.name.lower()
    if row.tags:
        text = " ".join((text, *(f"{key}={value}".lower() for key, value in row.tags.items())))
    return all(word in text for word in words)

"""The overview of an account's queues: all of them with their numbers, read in one pass that all open consoles share.

A pass reads some dozens of queues per round trip. It is used for a second, and for ten times as long as it took: so a
worker spends a tenth of its time on passes, however many consoles are open and however many queues there are. Where a
pass is older than a second, the rows of a page are read again before they are shown.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import orjson

from zaqar_core.access.principals import Principal
from zaqar_core.core import queues
from zaqar_core.core.session import Session, place_left
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.model import Figures
from zaqar_core.domain.names import QueueRef
from zaqar_core.eventloop import Mutex, sleep

#: Time for which what was read is used at least, for which a pass is used as a multiple of the time that it took, and
#: for which it is used at most.
_LEAST_SECONDS, _SHARE, _MOST_SECONDS = 1.0, 10, 15.0
#: The same multiple for a request that asks for fresh numbers, and the number of queues up to which these are exact.
_FRESH_SHARE, _CHEAP_ROWS = 3, 500
#: Queues of one round trip: a server of the store does nothing else meanwhile, for about 2 ms.
_QUEUES_AT_ONCE = 20
_NAMES_AT_ONCE = 1_000
#: Accounts and regions whose passes are kept, and for how long where nobody asks for them.
_MOST_KEPT, _KEPT_SECONDS = 32, 60.0
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
    ended: float
    seconds: float
    #: What policies may ask for of a request -> what its caller sees.
    seen: dict[tuple[str, ...], Seen] = field(default_factory=dict)
    #: Queue -> when it was read again.
    read_again: dict[str, float] = field(default_factory=dict)

    def is_usable(self, asked: float, *, is_fresh: bool) -> bool:
        """Return whether it is young enough for a request of that time.

        ``is_fresh``: for somebody who has changed something a moment ago. Where a pass is cheap it must begin later.
        """
        if not is_fresh:
            lifetime = min(max(_LEAST_SECONDS, _SHARE * self.seconds), _MOST_SECONDS)
        elif len(self.rows) <= _CHEAP_ROWS:
            return self.ended - self.seconds >= asked
        else:
            lifetime = _FRESH_SHARE * self.seconds
        return asked < self.ended + lifetime


class Overviews:
    """The overviews of one process. One instance serves all threads and tasks."""

    def __init__(self) -> None:
        self._passes: OrderedDict[tuple[str, str], Pass] = OrderedDict()
        self._reading: dict[tuple[str, str], Mutex] = {}
        #: When a pass failed last, and why: those who wait for it get the same error.
        self._failed: dict[tuple[str, str], tuple[float, StoreUnavailable]] = {}

    def get(self, session: Session, account: str, region: str, *, is_fresh: bool = False) -> Pass:
        """Return the last pass, or read the queues if it is too old. Raises StoreUnavailable.

        ``is_fresh`` asks for what has changed a moment ago: see ``Pass.is_usable``.
        """
        place, asked = (account, region), time.monotonic()
        found = self._passes.get(place)
        if found is not None and found.is_usable(asked, is_fresh=is_fresh):
            return found
        mutex = self._reading.setdefault(place, Mutex())
        if mutex.is_held and found is not None and not is_fresh:
            return found  # another request reads a newer one
        with place_left(session.client):
            mutex.acquire()
        try:
            found = self._passes.get(place)
            if found is None or not found.is_usable(asked, is_fresh=is_fresh):
                failed_at, problem = self._failed.get(place, (0.0, None))
                if problem is not None and failed_at >= asked:
                    raise problem
                found = self._read(session, place)
            return found
        finally:
            mutex.release()

    def _read(self, session: Session, place: tuple[str, str]) -> Pass:
        try:
            found = _read(session, *place)
        except StoreUnavailable as problem:
            self._failed[place] = (time.monotonic(), problem)
            for old in list(self._failed)[:-_MOST_KEPT]:
                del self._failed[old]
                self._reading.pop(old, None)
            raise
        self._failed.pop(place, None)
        self._keep(place, found)
        return found

    def _keep(self, place: tuple[str, str], found: Pass) -> None:
        self._passes[place] = found
        self._passes.move_to_end(place)
        earliest = time.monotonic() - _KEPT_SECONDS
        old = [one for one, kept in self._passes.items() if kept.ended < earliest]
        for one in old or list(self._passes)[: max(0, len(self._passes) - _MOST_KEPT)]:
            del self._passes[one]
            self._reading.pop(one, None)
            self._failed.pop(one, None)


def _read(session: Session, account: str, region: str) -> Pass:
    began = time.monotonic()
    found = Pass({}, {}, {}, began, 0.0)
    after = ""
    while True:
        names = queues.names(session, account, region, after=after, limit=_NAMES_AT_ONCE)
        _read_queues(session, found, [QueueRef(account, region, name) for name in names])
        if len(names) < _NAMES_AT_ONCE:
            break
        after = names[-1]
    for row in found.rows.values():
        if row.dead_letter_queue is not None:
            found.sources.setdefault(row.dead_letter_queue, []).append(row.name)
    for target, sources in found.sources.items():
        if (row_of_target := found.rows.get(target)) is not None:
            row_of_target.sources = len(sources)
    found.ended = time.monotonic()
    found.seconds = found.ended - began
    return found


def read_again(session: Session, found: Pass, account: str, region: str, names: list[str]) -> None:
    """Read some queues of a pass again, unless that was done a moment ago. Raises StoreUnavailable."""
    now = time.monotonic()
    old = [name for name in names if now >= found.read_again.get(name, found.ended) + _LEAST_SECONDS]
    found.read_again.update(dict.fromkeys(old, now))
    _read_queues(session, found, [QueueRef(account, region, name) for name in old])


def _read_queues(session: Session, found: Pass, refs: list[QueueRef]) -> None:
    """Read queues into a pass: a queue that was deleted keeps the row that it has, which is gone in the next pass."""
    for start in range(0, len(refs), _QUEUES_AT_ONCE):
        some = refs[start : start + _QUEUES_AT_ONCE]
        for ref, one in zip(some, queues.figures(session, some), strict=True):
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
        rows = []
        for number, row in enumerate(list(found.rows.values())):
            if number % _QUEUES_AT_ONCE == _QUEUES_AT_ONCE - 1:
                sleep(0)
            rows.append(_seen(row, found, is_allowed))
        if len(found.seen) >= _MOST_CALLERS:
            found.seen.clear()
        known = found.seen[values] = Seen(caller, rows, _sums(rows))
    return known


def _seen(row: Row, found: Pass, is_allowed: IsAllowed) -> Row:
    return row if is_allowed(row.name, found.policies.get(row.name, "")) else Row(row.name, problem="denied")


def _sums(rows: list[Row]) -> Sums:
    return Sums(
        sum(row.visible for row in rows),
        sum(row.in_flight for row in rows),
        sum(row.delayed for row in rows),
        sum(row.sent for row in rows),
        max((row.read_ms for row in rows), default=0),
    )


_ORDERS: dict[str, Callable[[Row], float | str]] = {
    "name": lambda row: row.name,
    "visible": lambda row: row.visible,
    "inFlight": lambda row: row.in_flight,
    "delayed": lambda row: row.delayed,
    "oldestAge": lambda row: -1.0 if row.oldest_age is None else row.oldest_age,
    "sent": lambda row: row.sent,
}


def page(
    known: Seen, *, search: str, order: str, is_descending: bool, offset: int, limit: int
) -> tuple[list[str], int]:
    """Return the names on a page of the rows whose name or tags contain all words of the search, and their number.

    An unknown order is by name.
    """
    words = search.lower().split()
    matching = [row for row in known.rows if _matches(row, words)] if words else known.rows
    key = _ORDERS.get(order, _ORDERS["name"])
    if order != "name" or is_descending:
        matching = sorted(matching, key=key, reverse=is_descending)  # stable: by name where the numbers are equal
    return [row.name for row in matching[offset : offset + limit]], len(matching)


def shown(found: Pass, names: list[str], is_allowed: IsAllowed) -> list[Row]:
    """Return the present rows of some queues, without the numbers of those that policies deny now."""
    return [_seen(found.rows[name], found, is_allowed) for name in names]


def _matches(row: Row, words: list[str]) -> bool:
    text = row.name.lower()
    if row.tags:
        text = " ".join((text, *(f"{key}={value}".lower() for key, value in row.tags.items())))
    return all(word in text for word in words)

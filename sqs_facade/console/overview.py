"""The overview of an account's queues: all of them with their numbers, read in one pass that all open consoles share.

A pass reads some hundreds of queues per round trip. It is used for a second, and for ten times as long as it took: so
however many consoles are open and however many queues there are, a worker spends a tenth of its time on them at most.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import orjson

from zaqar_core.core import queues
from zaqar_core.core.session import Session, place_left
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.model import Figures
from zaqar_core.domain.names import QueueRef
from zaqar_core.eventloop import Mutex, sleep

#: Time for which a pass is used at least, and as a multiple of the time that it took.
_LEAST_SECONDS, _SHARE = 1.0, 10
_QUEUES_AT_ONCE = 200
_NAMES_AT_ONCE = 1_000
#: Accounts and regions whose overviews are kept.
_MOST_KEPT = 32


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

    @property
    def depth(self) -> int:
        """The number of messages."""
        return self.visible + self.in_flight + self.delayed


class Listed(msgspec.Struct, rename="camel"):
    """One page of the overview. The sums are those of all queues, whatever the search."""

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
    #: Time for which a later request gets the same numbers.
    fresh_seconds: float


@dataclass(slots=True)
class Pass:
    """All queues as one pass has read them, in the order of their names. ``policies`` are those that are set."""

    rows: list[Row]
    policies: dict[str, str]
    #: Dead-letter queue -> the queues whose dead letters it gets.
    sources: dict[str, list[str]]
    ended: float
    seconds: float
    #: Caller -> rows with the queues that are denied to it without their numbers.
    allowed: dict[tuple[str, ...], list[Row]] = field(default_factory=dict)

    @property
    def lifetime(self) -> float:
        """The time for which it is used."""
        return max(_LEAST_SECONDS, _SHARE * self.seconds)

    def left(self) -> float:
        """Return for how long it is still used."""
        return self.ended + self.lifetime - time.monotonic()


class Overviews:
    """The overviews of one process. One instance serves all threads and tasks."""

    def __init__(self) -> None:
        self._passes: OrderedDict[tuple[str, str], Pass] = OrderedDict()
        self._reading: dict[tuple[str, str], Mutex] = {}

    def get(self, session: Session, account: str, region: str, *, is_fresh: bool = False) -> Pass:
        """Return the last pass, or read the queues if it is too old. Raises StoreUnavailable.

        ``is_fresh`` asks for what has changed a moment ago: the last pass is used only as long as it took.
        """
        place = (account, region)
        found = self._passes.get(place)
        if found is not None and _is_usable(found, is_fresh=is_fresh):
            return found
        mutex = self._reading.setdefault(place, Mutex())
        if mutex.is_held and found is not None and not is_fresh:
            return found  # another request reads a newer one
        with place_left(session.client):
            mutex.acquire()
        try:
            found = self._passes.get(place)
            if found is None or not _is_usable(found, is_fresh=is_fresh):
                found = _read(session, account, region)
                self._keep(place, found)
            return found
        finally:
            mutex.release()

    def _keep(self, place: tuple[str, str], found: Pass) -> None:
        self._passes[place] = found
        self._passes.move_to_end(place)
        while len(self._passes) > _MOST_KEPT:
            oldest, _ = self._passes.popitem(last=False)
            self._reading.pop(oldest, None)


def _is_usable(found: Pass, *, is_fresh: bool) -> bool:
    if is_fresh:
        return time.monotonic() < found.ended + found.seconds
    return found.left() > 0


def _read(session: Session, account: str, region: str) -> Pass:
    began = time.monotonic()
    rows: list[Row] = []
    policies: dict[str, str] = {}
    sources: dict[str, list[str]] = {}
    after = ""
    while True:
        names = queues.names(session, account, region, after=after, limit=_NAMES_AT_ONCE)
        for start in range(0, len(names), _QUEUES_AT_ONCE):
            refs = [QueueRef(account, region, name) for name in names[start : start + _QUEUES_AT_ONCE]]
            for ref, found in zip(refs, queues.figures(session, refs), strict=True):
                if found is None:
                    continue  # deleted a moment ago
                if isinstance(found, StoreUnavailable):
                    rows.append(Row(ref.name, problem="unreachable"))
                    continue
                row = _row(found)
                rows.append(row)
                if (policy := found.queue.settings.documents.get("policy")) is not None:
                    policies[ref.name] = policy.decode()
                if row.dead_letter_queue is not None:
                    sources.setdefault(row.dead_letter_queue, []).append(ref.name)
        if len(names) < _NAMES_AT_ONCE:
            break
        after = names[-1]
    for row in rows:
        row.sources = len(sources.get(row.name, ()))
    ended = time.monotonic()
    return Pass(rows, policies, sources, ended, ended - began)


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


def allowed(found: Pass, caller: tuple[str, ...], is_allowed: Callable[[str, str], bool]) -> list[Row]:
    """Return the rows, without the numbers of the queues that the caller may not see.

    ``caller`` is all of the request that policies may ask for; ``is_allowed`` decides by the name of a queue and its
    policy, "" for none. Other tasks run meanwhile.
    """
    rows = found.allowed.get(caller)
    if rows is None:
        rows = []
        for number, row in enumerate(found.rows):
            if number % _QUEUES_AT_ONCE == _QUEUES_AT_ONCE - 1:
                sleep(0)
            is_shown = is_allowed(row.name, found.policies.get(row.name, ""))
            rows.append(row if is_shown else Row(row.name, problem="denied"))
        found.allowed[caller] = rows
    return rows


_ORDERS: dict[str, Callable[[Row], float | str]] = {
    "name": lambda row: row.name,
    "visible": lambda row: row.visible,
    "inFlight": lambda row: row.in_flight,
    "delayed": lambda row: row.delayed,
    "oldestAge": lambda row: -1.0 if row.oldest_age is None else row.oldest_age,
    "sent": lambda row: row.sent,
}


def page(
    found: Pass, rows: list[Row], *, search: str, order: str, is_descending: bool, offset: int, limit: int
) -> Listed:
    """Return a page of the rows whose name or tags contain all words of the search. An unknown order is by name."""
    words = search.lower().split()
    matching = [row for row in rows if _matches(row, words)] if words else rows
    key = _ORDERS.get(order, _ORDERS["name"])
    if order != "name" or is_descending:
        matching = sorted(matching, key=key, reverse=is_descending)  # stable: by name where the numbers are equal
    return Listed(
        matching[offset : offset + limit],
        len(matching),
        len(rows),
        sum(row.visible for row in rows),
        sum(row.in_flight for row in rows),
        sum(row.delayed for row in rows),
        sum(row.sent for row in rows),
        max((row.read_ms for row in rows), default=0),
        max(0.0, found.left()),
    )


def _matches(row: Row, words: list[str]) -> bool:
    text = row.name.lower()
    if row.tags:
        text = " ".join((text, *(f"{key}={value}".lower() for key, value in row.tags.items())))
    return all(word in text for word in words)

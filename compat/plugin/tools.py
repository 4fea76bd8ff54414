"""What the fixtures hand out: a clock and a spy. Both for one account, and without other packages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from ..embedded import Facade
from ..launching import real_seconds

#: Between two looks of a spy that waits.
_LOOK_SECONDS = 0.01


class Clock:
    """The time of one account: all its queues, and polls that wait on them."""

    def __init__(self, facade: Facade, account: str) -> None:
        self._facade = facade
        self._account = account

    def advance(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """It is so much later: what became due meanwhile can be received now."""
        by = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        self._facade.hook("clock", account=self._account, advance_seconds=by.total_seconds())


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a message. ``moved``: it arrived from another queue, such as a dead letter."""

    action: Literal["sent", "moved", "received", "deleted"]
    queue: str
    region: str
    message_id: str
    body: str
    sequence: int
    attributes: dict[str, str] = field(default_factory=dict)
    group: str | None = None
    receive_count: int = 0


class Spy:
    """What happened to the account's messages since it began to watch. Takes nothing from the queues."""

    def __init__(self, facade: Facade, account: str) -> None:
        self._facade = facade
        self._account = account

    def start(self) -> None:
        """Watch from now on; what was seen before is forgotten."""
        self._facade.hook("spy", account=self._account)

    def events(self, queue: str | None = None) -> list[Event]:
        """Everything so far, in order; of one queue, by its name or URL, or of all."""
        return self._since("", queue)[0]

    def wait_for(self, queue: str, predicate: Callable[[Event], bool], timeout_seconds: float = 5.0) -> Event:
        """The first event of the queue that the predicate likes, past ones included.

        Raises AssertionError when there is none in time; it tells what was seen.
        """
        deadline = real_seconds() + timeout_seconds
        seen: list[Event] = []
        after = ""
        while True:
            is_last = real_seconds() >= deadline
            new, after = self._since(after, queue)
            for event in new:
                if predicate(event):
                    return event
            seen += new
            if is_last:
                told = "".join(f"\n  {event.action} {event.body[:80]!r}" for event in seen) or " nothing"
                raise AssertionError(f"not seen on {queue} in {timeout_seconds} s; there was:{told}")
            time.sleep(_LOOK_SECONDS)

    def _since(self, after: str, queue: str | None) -> tuple[list[Event], str]:
        wanted = {"queue": queue.rstrip("/").rpartition("/")[2]} if queue else {}
        found: list[Event] = []
        while True:
            page = self._facade.look("spy", account=self._account, after=after, **wanted)
            if page["last"] == after:
                return found, after
            after = page["last"]
            found += [Event(**one) for one in page["events"]]

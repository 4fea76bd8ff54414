"""The objects of the fixtures: a clock and a spy for one account. They need no other packages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from ..launching import real_seconds
from ..service import Facade

#: Poll interval of a spy that waits.
_POLL_SECONDS = 0.01


class Clock:
    """The clock of one account: of all its queues and its waiting receives."""

    def __init__(self, facade: Facade, account: str) -> None:
        self._facade = facade
        self._account = account

    def advance(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Move the clock forward. Messages that become visible in that time can be received at once."""
        by = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        self._facade.hook("clock", account=self._account, advance_seconds=by.total_seconds())


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a message. ``moved``: it arrived from another queue, such as a dead letter."""

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
    """A record of the events of the account's messages. It does not receive messages."""

    def __init__(self, facade: Facade, account: str) -> None:
        self._facade = facade
        self._account = account

    def start(self) -> None:
        """Begin a new record; earlier events are discarded."""
        self._facade.hook("spy", account=self._account)

    def events(self, queue: str | None = None) -> list[Event]:
        """Return all events so far, in order: of one queue, given by name or URL, or of all."""
        return self._since("", queue)[0]

    def wait_for(self, queue: str, predicate: Callable[[Event], bool], timeout_seconds: float = 5.0) -> Event:
        """Wait for an event of the queue that satisfies the predicate, and return it. Past events count too.

        Raises AssertionError after the timeout, with the events that were recorded.
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
                events = "".join(f"\n  {event.action} {event.body[:80]!r}" for event in seen) or " none"
                raise AssertionError(f"no matching event of {queue} within {timeout_seconds} s; events:{events}")
            time.sleep(_POLL_SECONDS)

    def _since(self, after: str, queue: str | None) -> tuple[list[Event], str]:
        wanted = {"queue": queue.rstrip("/").rpartition("/")[2]} if queue else {}
        found: list[Event] = []
        while True:
            page = self._facade.read_hook("spy", account=self._account, after=after, **wanted)
            if page["last"] == after:
                return found, after
            after = page["last"]
            found += [Event(**one) for one in page["events"]]

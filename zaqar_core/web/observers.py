"""The observers of requests: each finished request of both lanes and of WebSocket connections is shown to all of them.

A request is finished when its reply is known: also when it was refused before it ran. What the server refuses before it
knows the request, such as a head that is too long, is counted in ``web.server.counters`` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Protocol

from zaqar_core.core.session import Session
from zaqar_core.web.envelope import Note, Reply, Request


class Observer(Protocol):
    """Takes note of requests, for example in a log or in counters. One instance serves all threads and tasks."""

    def observe(self, request: Request, reply: Reply) -> None:
        """Take note of a finished request. Must not raise, must not block and must not keep the body.

        ``request.note`` says what was asked and how long it took; ``reply.request_id`` is its id. The length of a reply
        in parts is not known yet.
        """


#: An observer's method.
Observe = Callable[[Request, Reply], None]


class Observers:
    """The observers of one process."""

    __slots__ = ("_all", "observe_on_loop")

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._all = tuple(one.observe for one in observers)
        #: Shows a request whose time is noted to all observers; None without any. Only for the thread of the event
        #: loop, for which an observer may have a cheaper method of this name. Every request of the loop takes it, and
        #: most services have one observer.
        self.observe_on_loop = _together(tuple(getattr(one, "observe_on_loop", one.observe) for one in observers))

    def finished(self, request: Request, reply: Reply) -> Reply:
        """Show the request and its reply to all observers. Return the reply."""
        request.note.seconds = monotonic() - request.began
        for observe in self._all:
            observe(request, reply)
        return reply


def _together(all_: Sequence[Observe]) -> Observe | None:
    if len(all_) < 2:
        return all_[0] if all_ else None

    def observe(request: Request, reply: Reply) -> None:
        for one in all_:
            one(request, reply)

    return observe


def note_session(note: Note, session: Session) -> None:
    """Note what the session of a request knows: the wait, and the policy of the queue that decided."""
    if session.waited_seconds:
        note.waited_seconds = session.waited_seconds
    if session.guards:
        note.decide = session.guards[0].decision

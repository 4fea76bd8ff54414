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


class Observers:
    """The observers of one process."""

    __slots__ = ("finished", "finished_on_loop")

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        #: Shows a request and its reply to all observers; returns the reply.
        self.finished = _shown_to([one.observe for one in observers])
        #: The same, only for the thread of the event loop. An observer may have a cheaper ``observe_on_loop`` for it.
        self.finished_on_loop = _shown_to([getattr(one, "observe_on_loop", one.observe) for one in observers])


def _shown_to(all_: Sequence[Callable[[Request, Reply], None]]) -> Callable[[Request, Reply], Reply]:
    """Return what shows a request to these functions. Written for each number of them, as each request takes it."""
    if not all_:
        return _shown_to_none
    if len(all_) == 1:
        [observe] = all_

        def shown_to_one(request: Request, reply: Reply) -> Reply:
            request.note.seconds = monotonic() - request.began
            observe(request, reply)
            return reply

        return shown_to_one

    def shown_to_all(request: Request, reply: Reply) -> Reply:
        request.note.seconds = monotonic() - request.began
        for one in all_:
            one(request, reply)
        return reply

    return shown_to_all


def _shown_to_none(request: Request, reply: Reply) -> Reply:
    del request
    return reply


def note_session(note: Note, session: Session) -> None:
    """Note what the session of a request knows: the wait, and the policy of the queue that decided."""
    if session.waited_seconds:
        note.waited_seconds = session.waited_seconds
    if session.guards:
        note.decide = session.guards[0].decision

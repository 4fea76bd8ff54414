"""The observers of requests: each finished request of both lanes and of WebSocket connections is shown to all of them.

A request is finished when its reply is known: also when it was refused before it ran. What the server refuses before it
knows the request, such as a head that is too long, is counted in ``web.server.counters`` instead.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
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

    __slots__ = ("_observers",)

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = tuple(observers)

    def finished(self, request: Request, reply: Reply) -> Reply:
        """Show the request and its reply to all observers. Return the reply."""
        request.note.seconds = time.monotonic() - request.began
        for observer in self._observers:
            observer.observe(request, reply)
        return reply


def note_session(note: Note, session: Session) -> None:
    """Note what the session of a request knows: the wait, and the policy of the queue that decided."""
    if session.waited_seconds:
        note.waited_seconds = session.waited_seconds
    if session.guards:
        note.decide = session.guards[0].decision

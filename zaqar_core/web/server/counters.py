"""What a worker counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Totals since the start of the worker, and current values where the comment says so. Changed on the loop only."""

    #: Accepted connections.
    accepted: int = 0
    #: Times at which accepting paused: because of ``connections``, or because the process had no descriptors left.
    accepting_paused: int = 0
    #: Requests that were started.
    requests: int = 0
    #: Requests that were never started because their client had disconnected before their turn.
    abandoned: int = 0
    #: Requests that run, now; those in ``waits`` aside.
    in_flight: int = 0
    #: Requests that only wait, now: for messages, or for another service.
    waits: int = 0
    #: Requests that wait for their turn, now.
    waiting_for_turn: int = 0
    #: Bodies that have arrived in part, now.
    bodies_being_read: int = 0
    #: Bytes of bodies in memory, now: those that arrive, that wait and that are worked on.
    buffered_bytes: int = 0
    #: Bytes that clients have not read, of those that stopped reading; now.
    unsent_bytes: int = 0
    #: Refused requests, by the reason in :mod:`refusals`.
    refused: Counter[str] = field(default_factory=Counter)
    #: Connections that were closed to make room or in their deadline, by reason.
    shed: Counter[str] = field(default_factory=Counter)
    bytes_in: int = 0
    bytes_out: int = 0
    #: Turns of the event loop that took longer than LONG_TURN_SECONDS, as far as they were noticed.
    long_turns: int = 0
    #: The longest time for which the loop was blocked, in seconds, as far as it was noticed. Who reads it begins again.
    lag_seconds: float = 0.0

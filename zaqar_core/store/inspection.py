"""Inspection of servers: whether each of them still keeps what the service promises.

Every new connection is inspected before its first command, and every known primary every two seconds and by
``/health/ready``. While a server does not keep the durability, calls that change something fail at once, without being
sent; all others are answered. One line is logged when that begins and one when it ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Protocol
from weakref import WeakValueDictionary

import hiredis

from zaqar_core.configuration.setting_types import Durability
from zaqar_core.domain.errors import StoreFull, StoreUnavailable, StoreUnfit
from zaqar_core.store import server_facts
from zaqar_core.store.conditions import Condition, Pace, Record, gone
from zaqar_core.store.connection import pack

#: Interval of the inspections of a deployment, and while one of its servers has a problem.
INTERVAL_SECONDS = 2.0
PROBLEM_INTERVAL_SECONDS = 0.5
#: A server counts as full until it uses less than this part of its memory limit.
_ROOMY = 0.99

#: Sends packed commands and returns that many replies. Raises StoreUnavailable.
Exchange = Callable[[bytes, int], list[Any]]

_log = logging.getLogger("sqs_facade.store")


#: Stores a value under a key that has none; returns what the key then has, None if that is not known.
Create = Callable[[bytes, bytes], bytes | None]


class Remembered(Protocol):
    """What a process remembers of a store, and compares at each inspection. Any thread or task may do so."""

    #: The keys to read.
    read_keys: tuple[bytes, ...]

    def compare(self, found: Mapping[bytes, bytes | None], create: Create) -> None:
        """Compare what the keys have (None: nothing) with what is remembered. Keys of other nodes are left out.

        Raises StoreUnavailable.
        """


class ServerState:
    """What the last inspection of one server found. All connections to the server share it."""

    __slots__ = ("__weakref__", "begins_log", "problem", "was_primary")

    def __init__(self) -> None:
        #: Why the server must not acknowledge changes now; None if it may.
        self.problem: str | None = None
        self.was_primary = False
        #: Its append-only file was off when it was inspected, and is not known to be whole since.
        self.begins_log = False

    def refusal(self) -> StoreUnfit:
        """Return the error of a call that was not sent."""
        return StoreUnfit(self.problem or "", is_unsent=True)


class Terms:
    """What is asked of the servers of one deployment."""

    __slots__ = ("durability", "is_cluster", "is_in_service", "remembered")

    def __init__(self, durability: Durability, *, is_cluster: bool = False) -> None:
        self.durability: Durability = durability
        self.is_cluster = is_cluster
        #: The deployment has passed the check at start-up. Problems are logged from then on.
        self.is_in_service = False
        #: None for pools, and at start-up.
        self.remembered: Remembered | None = None


class Inspector:
    """Inspects the server at one address, and logs when a problem begins and ends. Thread-safe."""

    __slots__ = ("_clock", "_demoted", "_lock", "_name", "_pace", "_states", "_terms", "record")

    def __init__(
        self, terms: Terms, name: str, demoted: Callable[[], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``name`` is for the operator. ``demoted`` is called when a connection's server has become a replica."""
        self._terms = terms
        self._name = name
        self._demoted = demoted
        self._lock = threading.Lock()
        #: By run id: after a fail-over, an address or a Sentinel group leads to another server.
        self._states: WeakValueDictionary[str, ServerState] = WeakValueDictionary()
        self._clock = clock
        self._pace = Pace()
        self.record = Record(name)

    def inspect(self, exchange: Exchange, *, is_regular: bool = False) -> ServerState:
        """Inspect the server at the other end of ``exchange``. Two round trips at most, usually one.

        ``is_regular``: nothing but the server delays this inspection, and one thread does them, so its time counts.
        Raises StoreUnavailable when the server does not answer.
        """
        remembered = self._terms.remembered
        packed, number = server_facts.PACKED, server_facts.REPLIES
        if remembered is not None:
            packed, number = packed + _reads(remembered.read_keys), number + len(remembered.read_keys)
        began = self._clock()
        found = exchange(packed, number)
        if is_regular:
            self.record.round_trip_seconds = self._clock() - began
            self._pace.note(self.record.round_trip_seconds)
        facts = server_facts.read(found[: server_facts.REPLIES])
        is_replica = facts.get("role") == "slave"
        # A replica of a cluster redirects every command, so it acknowledges nothing.
        problem = None
        if not (is_replica and self._terms.is_cluster):
            problem = server_facts.problem(facts, self._terms.durability)
        state = self._note(facts, problem, is_replica=is_replica)
        if remembered is not None and not is_replica:
            values = zip(remembered.read_keys, found[server_facts.REPLIES :], strict=True)
            # An error is the redirect of another node, or the server is loading its data.
            known = {key: value for key, value in values if not isinstance(value, hiredis.ReplyError)}
            remembered.compare(known, partial(_create, exchange))
        return state

    def raise_problem(self) -> None:
        """Raise StoreUnfit, StoreFull or StoreUnavailable by the condition that the last inspection found."""
        found = self.record.condition
        match found.accepts:
            case "frees":
                raise StoreFull(f"{self._name}: {found.reason}")
            case "reads":
                raise StoreUnfit(f"{self._name}: {found.reason}")
            case "nothing":
                raise StoreUnavailable(f"{self._name}: {found.reason}")

    def note_gone(self, problem: StoreUnavailable) -> None:
        """Note that the server cannot be reached, does not answer, or refuses the inspection."""
        if problem.is_disconnected or not problem.reason.startswith("NOPERM"):
            self._set(gone(f"the server does not answer: {problem.reason}"))
        else:
            refused = f"the server refuses the inspection: {problem.reason}"
            self._set(Condition("misconfigured", "nothing", refused, "ACL SETUSER <user> +info", "acl"))

    def is_calm(self) -> bool:
        """Return whether the next regular inspection has time: the server is fit, and nothing suggests a change."""
        return self.record.condition.state == "fit" and self._pace.is_settled

    def _note(self, facts: server_facts.Facts, problem: Condition | None, *, is_replica: bool) -> ServerState:
        run_id = facts.get("run_id", "")
        with self._lock:
            state = self._states.get(run_id)
            if state is None:
                state = self._states[run_id] = ServerState()
            if self._terms.durability != "memory":
                state.begins_log = server_facts.begins_log(facts, was_off=state.begins_log)
                if problem is None and state.begins_log:
                    problem = server_facts.INCOMPLETE_LOG
            state.problem = None if problem is None else problem.reason
            was_demoted, state.was_primary = is_replica and state.was_primary, not is_replica
            part = _ROOMY if self.record.condition.accepts == "frees" else 1.0
            self.record.facts = facts
            found = server_facts.loading(facts) or problem or server_facts.fullness(facts, part)
            self._set(found or self._pace.condition())
        if was_demoted and not self._terms.is_cluster:
            self._demoted()
        return state

    def _set(self, now: Condition) -> None:
        if self._terms.is_in_service:
            self.record.set(now)


@cache
def _reads(keys: tuple[bytes, ...]) -> bytes:
    return b"".join(pack(("GET", key)) for key in keys)


def _create(exchange: Exchange, key: bytes, value: bytes) -> bytes | None:
    _, found = exchange(pack(("SET", key, value, "NX")) + pack(("GET", key)), 2)
    return found if isinstance(found, bytes) else None


class Watch:
    """A daemon thread that inspects a deployment at regular intervals."""

    def __init__(self, inspect: Callable[[], bool]) -> None:
        """``inspect`` returns whether the next inspection has time. It raises StoreUnavailable."""
        self._inspect = inspect
        self._is_over = threading.Event()

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="inspections", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end."""
        self._is_over.set()

    def _run(self) -> None:
        interval = INTERVAL_SECONDS
        while not self._is_over.wait(interval):
            interval = PROBLEM_INTERVAL_SECONDS
            try:
                if self._inspect():
                    interval = INTERVAL_SECONDS
            except StoreUnavailable:
                continue  # its condition tells; a connection that is opened later is inspected
            except Exception:  # a fault of one inspection must not end the others
                _log.exception("an inspection of the store failed, will retry")

"""Inspection of servers: whether each of them still keeps what the service promises.

Every new connection is inspected before its first command, and every known primary every two seconds and by
``/health/ready``. While a server does not keep the durability, calls that change something fail at once, without being
sent; all others are answered. One line is logged when that begins and one when it ends.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Protocol
from weakref import WeakValueDictionary

import hiredis

from zaqar_core.configuration.settings import Durability
from zaqar_core.domain.errors import StoreFull, StoreUnavailable, StoreUnfit
from zaqar_core.store import server_facts
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

    __slots__ = ("_demoted", "_full", "_lock", "_name", "_problem", "_states", "_terms", "facts")

    def __init__(self, terms: Terms, name: str, demoted: Callable[[], object]) -> None:
        """``name`` is for the operator. ``demoted`` is called when a connection's server has become a replica."""
        self._terms = terms
        self._name = name
        self._demoted = demoted
        self._lock = threading.Lock()
        #: By run id: after a fail-over, an address or a Sentinel group leads to another server.
        self._states: WeakValueDictionary[str, ServerState] = WeakValueDictionary()
        self._problem: str | None = None
        self._full: str | None = None
        #: What the server reported at the last inspection.
        self.facts: server_facts.Facts = {}

    def inspect(self, exchange: Exchange) -> ServerState:
        """Inspect the server at the other end of ``exchange``. Two round trips at most, usually one.

        Raises StoreUnavailable when it does not answer.
        """
        remembered = self._terms.remembered
        packed, number = server_facts.PACKED, server_facts.REPLIES
        if remembered is not None:
            packed, number = packed + _reads(remembered.read_keys), number + len(remembered.read_keys)
        found = exchange(packed, number)
        facts = self.facts = server_facts.read(found[: server_facts.REPLIES])
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
        """Raise StoreUnfit or StoreFull if the last inspection found such a problem."""
        if self._problem is not None:
            raise StoreUnfit(f"{self._name}: {self._problem}")
        if self._full is not None:
            raise StoreFull(f"{self._name}: {self._full}")

    def _note(self, facts: server_facts.Facts, problem: str | None, *, is_replica: bool) -> ServerState:
        run_id = facts.get("run_id", "")
        with self._lock:
            state = self._states.get(run_id)
            if state is None:
                state = self._states[run_id] = ServerState()
            if self._terms.durability != "memory":
                state.begins_log = server_facts.begins_log(facts, was_off=state.begins_log)
                if problem is None and state.begins_log:
                    problem = server_facts.INCOMPLETE_LOG
            state.problem = problem
            was_demoted, state.was_primary = is_replica and state.was_primary, not is_replica
            self._problem = self._reported(self._problem, problem, "changes are refused until it is mended")
            full = server_facts.fullness(facts, 1.0 if self._full is None else _ROOMY)
            self._full = self._reported(self._full, full, "only calls that free it are accepted")
        if was_demoted and not self._terms.is_cluster:
            self._demoted()
        return state

    def _reported(self, before: str | None, now: str | None, meanwhile: str) -> str | None:
        """Log the beginning or the end of a problem; return what the problem is now."""
        if not self._terms.is_in_service:
            return None
        if now is not None and before is None:
            _log.error("%s: %s; %s", self._name, now, meanwhile)
        elif now is None and before is not None:
            _log.warning("%s is mended (it was: %s)", self._name, before)
        return now


@cache
def _reads(keys: tuple[bytes, ...]) -> bytes:
    return b"".join(pack(("GET", key)) for key in keys)


def _create(exchange: Exchange, key: bytes, value: bytes) -> bytes | None:
    _, found = exchange(pack(("SET", key, value, "NX")) + pack(("GET", key)), 2)
    return found if isinstance(found, bytes) else None


class Watch:
    """A daemon thread that inspects a deployment at regular intervals."""

    def __init__(self, inspect: Callable[[], object]) -> None:
        """``inspect`` raises StoreUnavailable."""
        self._inspect = inspect
        self._is_over = threading.Event()
        #: What the last inspection found; None if all is well, or before the first one.
        self.problem: StoreUnavailable | None = None

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="inspections", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end."""
        self._is_over.set()

    def _run(self) -> None:
        interval = INTERVAL_SECONDS
        while not self._is_over.wait(interval):
            interval = INTERVAL_SECONDS
            try:
                self._inspect()
                self.problem = None
            except StoreUnfit as problem:
                self.problem = problem
                interval = PROBLEM_INTERVAL_SECONDS
            except StoreUnavailable as problem:
                self.problem = problem
                continue  # who calls it is told; a connection that is opened later is inspected
            except Exception:  # a fault of one inspection must not end the others
                _log.exception("an inspection of the store failed, will retry")

"""The condition of each server of a store, as the inspections of this process found it.

Readiness, the log, metrics, the console and ``sqs-facade doctor`` all read it here, so they agree.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

#: ``gone``: it does not answer. ``loading``: it reads its data. ``misconfigured``: a setting of it breaks the
#: durability. ``read-only``: it is a replica, or has too few. ``full``: its memory limit is reached.
State = Literal["fit", "slow", "full", "disk-full", "misconfigured", "read-only", "loading", "gone"]
STATES: tuple[State, ...] = (
    "fit", "slow", "full", "disk-full", "misconfigured", "read-only", "loading", "gone",
)  # fmt: skip
#: The calls that the server may run meanwhile. ``frees``: those that read or free; ``reads``: those that read.
Accepts = Literal["all", "frees", "reads", "nothing"]

_log = logging.getLogger("sqs_facade.store")


@dataclass(frozen=True, slots=True)
class Condition:
    """What is wrong with a server, and what to do. The texts are for the operator and have no credentials."""

    state: State
    accepts: Accepts = "all"
    reason: str = ""
    #: A command or a setting.
    remedy: str = ""
    #: The setting of the server that is wrong; empty in other states than ``misconfigured``.
    setting: str = ""

    @property
    def code(self) -> str:
        """The state as a word that programs may compare: it does not change between releases."""
        return f"store-{self.state}"

    @property
    def is_ready(self) -> bool:
        """Whether every call is accepted. Readiness is 503 otherwise; see decision 0056."""
        return self.accepts == "all"


FIT = Condition("fit")


GONE_REMEDY = "start the server, and check that the setting redis has its address, user and password"


def gone(reason: str) -> Condition:
    """Return the condition of a server that does not answer."""
    return Condition("gone", "nothing", reason, GONE_REMEDY)


@dataclass(frozen=True, slots=True)
class StoreCondition:
    """The condition of one server, since when it has it, and what the last inspection read."""

    #: The name of the pool; the main store has none.
    pool: str
    #: ``host:port`` of a node of a cluster; empty for one server and under Sentinel.
    node: str
    condition: Condition
    #: Unix time at which this process noticed the condition.
    since: float
    #: The fields of INFO (sections server, replication, memory, persistence, cluster) and some settings. Empty before
    #: the first inspection; the last known ones while the server is gone.
    facts: Mapping[str, str] = field(default_factory=dict)
    #: Duration of the last regular inspection; None before it.
    round_trip_seconds: float | None = None


def worst(found: list[StoreCondition]) -> Condition:
    """Return the condition that concerns most calls; FIT if there is none."""
    return max((one.condition for one in found), key=lambda one: STATES.index(one.state), default=FIT)


#: What the log says of the requests meanwhile.
_MEANWHILE: Mapping[Accepts, str] = {
    "all": "requests wait for it",
    "frees": "only calls that free it are accepted",
    "reads": "changes are refused until it is mended",
    "nothing": "requests fail until it answers",
}
#: A store that is slow from time to time is logged at most this often.
_QUIET_SECONDS = 60.0


class Record:
    """The present condition of one server. It logs one line when a condition begins and one when the server is fit."""

    __slots__ = ("_is_logged", "_lock", "_name", "_slow_logged_at", "condition", "facts", "round_trip_seconds", "since")

    def __init__(self, name: str) -> None:
        """``name`` is for the log."""
        self._name = name
        self._lock = threading.Lock()
        self._is_logged = False
        self._slow_logged_at = -_QUIET_SECONDS
        self.condition = FIT
        self.since = time.time()
        self.facts: Mapping[str, str] = {}
        self.round_trip_seconds: float | None = None

    def set(self, now: Condition) -> None:
        """Note the condition. The text of a state may change meanwhile, as its numbers do."""
        with self._lock:
            before, self.condition = self.condition, now
            if (before.state, before.setting) == (now.state, now.setting):
                return
            self.since = time.time()
            was_logged = self._is_logged
            # ``outages.Outages`` logs a server that is gone, at once and with the time until it is back.
            begins = now.state not in ("fit", "gone") and (now.state != "slow" or self._may_log_slow())
            self._is_logged = begins
        if begins:
            level = logging.WARNING if now.state == "slow" else logging.ERROR
            remedy = f"; to mend it: {now.remedy}" if now.remedy else ""
            _log.log(level, "%s: %s; %s%s", self._name, now.reason, _MEANWHILE[now.accepts], remedy)
        elif was_logged and now.state != "gone":
            _log.warning("%s is mended (it was: %s)", self._name, before.reason)

    def _may_log_slow(self) -> bool:
        now = time.monotonic()
        if now - self._slow_logged_at < _QUIET_SECONDS:
            return False
        self._slow_logged_at = now
        return True

    def seen(self, pool: str, node: str) -> StoreCondition:
        """Return a copy."""
        return StoreCondition(pool, node, self.condition, self.since, self.facts, self.round_trip_seconds)


#: A round trip of an inspection above the first number is slow: three of them in a row, two above the second number, or
#: one above the third. So each server that is slow is noticed within five seconds.
SLOW_SECONDS, SLOWER_SECONDS, SLOWEST_SECONDS = 0.25, 0.5, 1.0
_SLOW_CHECKS = 3.0
#: So many quick round trips in a row end it.
_QUICK_CHECKS = 2


class Pace:
    """Whether the server answers slowly, by the round trips of the regular inspections. Used by one thread."""

    __slots__ = ("_is_slow", "_seconds", "_streak")

    def __init__(self) -> None:
        self._is_slow = False
        #: Round trips in a row that speak against the present state.
        self._streak = 0.0
        self._seconds = 0.0

    @property
    def is_settled(self) -> bool:
        """Whether nothing suggests that the state is about to change, or that the server is slow."""
        return not self._is_slow and not self._streak

    def note(self, seconds: float) -> None:
        """Note one round trip."""
        if seconds > SLOW_SECONDS:
            self._seconds = seconds
        if (seconds > SLOW_SECONDS) is self._is_slow:
            self._streak = 0.0
            return
        self._streak += _SLOW_CHECKS if seconds > SLOWEST_SECONDS else 1.5 if seconds > SLOWER_SECONDS else 1.0
        if self._streak >= (_QUICK_CHECKS if self._is_slow else _SLOW_CHECKS):
            self._is_slow, self._streak = not self._is_slow, 0.0

    def condition(self) -> Condition:
        """Return the condition by the round trips alone."""
        if not self._is_slow:
            return FIT
        return Condition(
            "slow",
            reason=f"the server answers slowly: an inspection took {self._seconds:.2f} s",
            remedy="sqs-facade doctor measures the disk and lists what else slows a server: see docs/operations.md",
        )

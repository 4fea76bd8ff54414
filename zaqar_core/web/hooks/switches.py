"""The switches of the test hooks: chaos for projects and queues, and the projects whose events are recorded.

They are kept in the store, so that all workers agree. The hash has the fields ``chaos|<scope>`` and ``spy|<project>``,
and ``revision``, which grows with each change. A scope is a project or the address of a queue.
"""

from __future__ import annotations

import os
from typing import Annotated

import msgspec

from zaqar_core.configuration.setting_sources import PRIVATE_STORE_VARIABLE
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import Store, keys

Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]
#: Most milliseconds of an added latency: longer than any client waits.
MOST_LATENCY_MS = 60_000.0


class Chaos(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The faults to inject: three probabilities, and ``latency_ms``, a time or the shortest and the longest one. With
    the same seed the same requests in the same order get the same faults."""

    seed: int = 0
    duplicates: Probability = 0.0
    reordering: Probability = 0.0
    throttling: Probability = 0.0
    latency_ms: tuple[float, float] | float = 0.0

    @property
    def latency_range_ms(self) -> tuple[float, float]:
        """The shortest and the longest latency."""
        return self.latency_ms if isinstance(self.latency_ms, tuple) else (self.latency_ms, self.latency_ms)


class SwitchStates(msgspec.Struct, frozen=True):
    """The states of all switches at one moment."""

    revision: bytes = b""
    chaos: dict[str, Chaos] = {}
    spied: frozenset[str] = frozenset()


_CHAOS, _SPY, _REVISION = "chaos|", "spy|", "revision"


class Switches:
    """The switches of one process. With several workers, or a store that others use too, every request checks whether
    the revision in the store has changed."""

    def __init__(self, settings: Settings) -> None:
        is_private = settings.ephemeral or PRIVATE_STORE_VARIABLE in os.environ
        self._is_shared = settings.workers > 1 or not is_private
        self._seen: SwitchStates | None = None

    def forget(self) -> None:
        """Forget what was read: the store has lost its data."""
        self._seen = None

    def now(self, store: Store) -> SwitchStates:
        """Return the current states."""
        if self._seen is None or self._is_shared:
            revision = store.command("HGET", keys.TEST_SWITCHES, _REVISION) or b""
            if self._seen is None or self._seen.revision != revision:
                self._seen = _read(store)
        return self._seen

    def set_chaos(self, store: Store, scope: str, chaos: Chaos | None) -> None:
        """Set the chaos of a project or a queue, or with None switch it off. Its counters restart."""
        store.command("DEL", keys.test("counts", scope), keys.test("again", scope))
        self._write(store, _CHAOS + scope, msgspec.json.encode(chaos) if chaos else None)

    def set_spy(self, store: Store, project: str, *, on: bool) -> None:
        """Switch the recording of a project's events on or off, and delete the events recorded before."""
        store.command("DEL", keys.test("log", project), keys.test("seen", project))
        self._write(store, _SPY + project, b"1" if on else None)

    def clear(self, store: Store, project: str) -> None:
        """Switch everything off for the project and its queues."""
        for scope in self.now(store).chaos:
            if keys.project_of_scope(scope) == project:
                self.set_chaos(store, scope, None)
        if project in self.now(store).spied:
            self.set_spy(store, project, on=False)

    def _write(self, store: Store, field: str, value: bytes | None) -> None:
        if value is None:
            store.command("HDEL", keys.TEST_SWITCHES, field)
        else:
            store.command("HSET", keys.TEST_SWITCHES, field, value)
        store.command("HINCRBY", keys.TEST_SWITCHES, _REVISION, 1)
        self._seen = _read(store)


def of_queue(chaos: dict[str, Chaos], ref: QueueRef) -> tuple[str, Chaos] | None:
    """Return the chaos of a queue and its scope: the queue's own, else its project's, else None."""
    for scope in (keys.address(ref), keys.scope(ref.project)):
        if scope in chaos:
            return scope, chaos[scope]
    return None


def _read(store: Store) -> SwitchStates:
    flat = store.command("HGETALL", keys.TEST_SWITCHES)
    fields = {name.decode(): value for name, value in zip(flat[::2], flat[1::2], strict=True)}
    return SwitchStates(
        fields.get(_REVISION, b""),
        {
            name.removeprefix(_CHAOS): msgspec.json.decode(value, type=Chaos)
            for name, value in fields.items()
            if name.startswith(_CHAOS)
        },
        frozenset(name.removeprefix(_SPY) for name in fields if name.startswith(_SPY)),
    )

"""A session with chaos and spy, whose queues follow the project's virtual clock."""

from __future__ import annotations

import random
from typing import Any

from zaqar_core.core.process import Core
from zaqar_core.core.router import Arguments
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import RequestsThrottled
from zaqar_core.domain.names import QueueRef
from zaqar_core.eventloop import sleep
from zaqar_core.store import Script, keys, script
from zaqar_core.web.hooks import events, virtual_clock
from zaqar_core.web.hooks.switches import Chaos, Switches, of_queue

_REDELIVER = script("chaos_redeliver")
_SHUFFLE = script("chaos_shuffle")

_TAKING = frozenset({"receive", "claim", "pop"})
#: Scripts of operations on messages. Chaos affects only these.
_DISTURBED = _TAKING | {"send", "delete_received", "delete_by_id", "change_visibility", "claim_held"}
#: Number of messages at the head of a queue that reordering shuffles.
_SHUFFLED = 20


class HookedSession(Session):
    """Behaves as Session while no switch is on for the queue's project."""

    __slots__ = ("_is_admitted", "_switches")

    def __init__(self, core: Core, switches: Switches) -> None:
        super().__init__(core)
        self._switches = switches
        self._is_admitted = False

    def create_queue(
        self, ref: QueueRef, arguments: Arguments, *, flavor: str | None = None, pool: str | None = None
    ) -> list[Any]:
        """Create the queue with the virtual time of its project."""
        fields = virtual_clock.fields_of_a_new_queue(self.store, ref.project)
        reply = super().create_queue(ref, [*arguments, *fields], flavor=flavor, pool=pool)
        virtual_clock.catch_up(self, ref)
        return reply

    def run(self, script: Script, ref: QueueRef, arguments: Arguments, *, has_groups: bool = False) -> Any:
        """Run a script as Session.run does, under chaos, and record its events. Raises RequestsThrottled too."""
        switched = self._switches.now(self.store)
        if not switched.chaos and not switched.spied:
            return super().run(script, ref, arguments, has_groups=has_groups)
        name = script.plain.name
        chaos = of_queue(switched.chaos, ref) if name in _DISTURBED else None
        if chaos is not None:
            arguments = self._disturb(*chaos, name, ref, arguments)
        reply = super().run(script, ref, arguments, has_groups=has_groups)
        if ref.project in switched.spied:
            events.record(self, name, ref, arguments, reply)
        return reply

    def _disturb(self, scope: str, chaos: Chaos, name: str, ref: QueueRef, arguments: Arguments) -> Arguments:
        """Return the script's arguments, changed by chaos. Raises RequestsThrottled, at most once for each request."""
        if not self._is_admitted:
            self._is_admitted = True
            if chaos.latency_ms:
                wait = self._next_random(scope, chaos, "latency", ref).uniform(*chaos.latency_range_ms)
                sleep(wait / 1000)
            if chaos.throttling and self._next_random(scope, chaos, "throttling", ref).random() < chaos.throttling:
                raise RequestsThrottled
        if ref.is_fifo:
            return arguments
        if name in _TAKING and chaos.reordering:
            random_numbers = self._next_random(scope, chaos, "reordering", ref)
            if random_numbers.random() < chaos.reordering:
                super().run(_SHUFFLE, ref, [random_numbers.randrange(1 << 30) for _ in range(_SHUFFLED)])
        if name == "delete_received" and chaos.duplicates:
            return self._without_duplicates(scope, chaos, ref, arguments)
        return arguments

    def _without_duplicates(self, scope: str, chaos: Chaos, ref: QueueRef, arguments: Arguments) -> Arguments:
        """Make some of the messages visible again instead of deleting them, each at most once, and return the arguments
        with the others."""
        incarnation, *sequences = arguments
        chosen = []
        for sequence in sequences:
            key = f"{ref.name}|{int(sequence)}"
            if _random(chaos, f"duplicates|{key}").random() < chaos.duplicates and self.store.command(
                "SADD", keys.test("again", scope), f"{incarnation!s}|{key}"
            ):
                chosen.append(sequence)
        visible = {int(one) for one in super().run(_REDELIVER, ref, [incarnation, *chosen])} if chosen else set()
        return [incarnation, *(sequence for sequence in sequences if int(sequence) not in visible)]

    def _next_random(self, scope: str, chaos: Chaos, kind: str, ref: QueueRef) -> random.Random:
        """Return the random numbers for the next case of that kind on the queue."""
        number = self.store.command("HINCRBY", keys.test("counts", scope), f"{kind}|{keys.address(ref)}", 1)
        return _random(chaos, f"{kind}|{ref.name}|{number}")


def _random(chaos: Chaos, case: str) -> random.Random:
    return random.Random(f"{chaos.seed}|{case}")  # noqa: S311 - must be reproducible

"""State machines: random acts on a queue and its dead-letter queue, each compared, counts after each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule

from tests.model.account import NO_LIMIT, Account
from tests.model.drivers import START_MS, Driver
from tests.model.pair import Held, Pair
from tests.model.words import Entry, SettingsOf

#: Makes the real side of one example: in-flight limit, seconds between two purges.
DriverMaker = Callable[[int, int], Driver]

bodies = st.sampled_from([b"a", b"b", b"c", b"x" * 1024, b"x" * 1025])
seconds = st.sampled_from([0, 1, 5, 30, 60, 300, 900, 43_200])
purge_intervals = st.sampled_from([0, 60])
groups = st.sampled_from(["g1", "g2", "g3"])
visibility = st.one_of(st.none(), seconds)
limits = st.sampled_from([NO_LIMIT, NO_LIMIT, 4])
#: Settings that both kinds of queue have, by name.
settings_of_both: dict[str, st.SearchStrategy[int]] = {
    "delay_seconds": st.sampled_from([0, 5]),
    "visibility_timeout_seconds": st.sampled_from([0, 10]),
    "max_message_bytes": st.just(1024),
    "retention_seconds": st.just(60),
}


class QueueMachine(RuleBasedStateMachine):
    """What standard and FIFO queues have in common. ``make_driver`` is set by whoever runs it."""

    make_driver: ClassVar[DriverMaker]
    steps: ClassVar[int] = 0
    has_tenants: ClassVar[bool] = False
    has_redrive: ClassVar[bool] = True
    #: In place of what an example draws, where the service runs with limits of its own.
    service_limits: ClassVar[tuple[int, int] | None] = None
    main: ClassVar[str]
    dead: ClassVar[str]
    dead_settings: ClassVar[SettingsOf] = {}

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.pair: Any = None
        self.counts_often = True
        self.serial = 0

    def begin(self, limit: int, purge_interval: int, counts_often: bool, settings: SettingsOf) -> None:
        limit, purge_interval = type(self).service_limits or (limit, purge_interval)
        driver = type(self).make_driver(limit, purge_interval)
        account = Account(
            START_MS,
            max_in_flight=limit,
            purge_interval_seconds=purge_interval,
            has_tenants=self.has_tenants,
        )
        self.pair = Pair(account, driver)
        self.counts_often = counts_often
        self.pair.create(self.dead, **self.dead_settings)
        self.pair.create(self.main, **settings)

    def stepped(self) -> None:
        type(self).steps += 1

    # -- acts ------------------------------------------------------------------------------------------------------

    @rule(
        target=held,
        name=st.sampled_from(["main", "main", "dead"]),
        most=st.sampled_from([1, 2, 3, 10]),
        hold=visibility,
    )
    def receive(self, name: str, most: int, hold: int | None) -> Any:
        self.stepped()
        return multiple(*self.pair.receive(getattr(self, name), most, hold))

    @rule(held=held)
    def delete(self, held: Held) -> None:
        self.stepped()
        self.pair.delete(held.queue, held)

    @rule(batch=st.lists(held, min_size=2, max_size=5))
    def delete_batch(self, batch: list[Held]) -> None:
        self.stepped()
        self.pair.delete(batch[0].queue, *[one for one in batch if one.queue == batch[0].queue])

    @rule(held=held, to=seconds)
    def extend(self, held: Held, to: int) -> None:
        self.stepped()
        self.pair.extend(held.queue, (held, to))

    @rule(batch=st.lists(st.tuples(held, seconds), min_size=2, max_size=5))
    def extend_batch(self, batch: list[tuple[Held, int]]) -> None:
        self.stepped()
        name = batch[0][0].queue
        self.pair.extend(name, *[(one, to) for one, to in batch if one.queue == name])

    @rule(ms=st.sampled_from([1, 999, 1000, 5000, 30_000, 60_000, 299_999, 300_000, 900_000, 43_200_000]))
    def wait(self, ms: int) -> None:
        self.stepped()
        self.pair.advance(ms)

    @rule(which=st.integers(0, 5), around=st.sampled_from([-1, 0, 0, 1]))
    def wait_for_what_ends(self, which: int, around: int) -> None:
        """To a moment at which something ends, or just before or after it."""
        self.stepped()
        ends = self.pair.account.next_events()
        if ends:
            self.pair.advance(max(0, ends[which % len(ends)] + around - self.pair.account.now_ms))

    @rule(name=st.sampled_from(["main", "dead"]))
    def purge(self, name: str) -> None:
        self.stepped()
        self.pair.purge(getattr(self, name))

    @rule(retention=st.sampled_from([60, 120, 600, 345_600]), name=st.sampled_from(["main", "dead"]))
    def change_retention(self, retention: int, name: str) -> None:
        self.stepped()
        self.pair.change(getattr(self, name), {"retention_seconds": retention})

    @rule(delay=st.sampled_from([0, 1, 30, 900]))
    def change_delay(self, delay: int) -> None:
        self.stepped()
        self.pair.change(self.main, {"delay_seconds": delay})

    @rule(timeout=seconds)
    def change_timeout(self, timeout: int) -> None:
        self.stepped()
        self.pair.change(self.main, {"visibility_timeout_seconds": timeout})

    @precondition(lambda self: self.has_redrive)
    @rule(most=st.integers(1, 3))
    def change_redrive(self, most: int) -> None:
        self.stepped()
        self.pair.change(self.main, {"dead_letter_queue": self.dead, "max_receive_count": most})

    @precondition(lambda self: self.has_redrive)
    @rule()
    def stop_redrive(self) -> None:
        self.stepped()
        self.pair.change(self.main, forgotten=("dead_letter_queue", "max_receive_count"))

    @rule(settings=st.sampled_from([{}, {"retention_seconds": 600}]))
    def create_again(self, settings: SettingsOf) -> None:
        """An existing queue is not changed."""
        self.stepped()
        self.pair.create(self.main, **settings)

    @rule()
    def delete_and_create_the_queue(self) -> None:
        self.stepped()
        settings = dict(self.pair.account.queues[self.main].settings)
        self.pair.drop(self.main)
        self.pair.create(self.main, **settings)

    @rule()
    def count(self) -> None:
        self.stepped()
        self.pair.check_counts()

    @precondition(lambda self: self.pair is not None and self.counts_often)
    @invariant()
    def counts_agree(self) -> None:
        self.pair.check_counts()

    def teardown(self) -> None:
        """Whatever is left comes out, in order, and nothing else."""
        if self.pair is None:
            return
        self.pair.check_counts()
        for name in (self.main, self.dead):
            while self.pair.receive(name, 10, 43_200):
                continue
            self.pair.drop(name)


class StandardMachine(QueueMachine):
    """Standard queues without message groups."""

    main, dead = "q", "dead"

    @initialize(
        limit=limits,
        purge_interval=purge_intervals,
        counts_often=st.booleans(),
        settings=st.fixed_dictionaries({}, optional=settings_of_both),
    )
    def start(self, limit: int, purge_interval: int, counts_often: bool, settings: SettingsOf) -> None:
        self.begin(limit, purge_interval, counts_often, settings)

    @rule(
        name=st.sampled_from(["main", "main", "main", "dead"]),
        entries=st.lists(
            st.builds(Entry, bodies, delay_seconds=st.sampled_from([None, None, None, 0, 1, 30, 900])),
            min_size=1,
            max_size=10,
        ),
    )
    def send(self, name: str, entries: list[Entry]) -> None:
        self.stepped()
        self.pair.send(getattr(self, name), *entries)


class FifoMachine(QueueMachine):
    """FIFO queues: three groups, few bodies and few deduplication ids, so that they meet."""

    main, dead = "q.fifo", "dead.fifo"
    dead_settings: ClassVar[SettingsOf] = {"content_based_deduplication": 1}

    @initialize(
        limit=limits,
        purge_interval=purge_intervals,
        counts_often=st.booleans(),
        settings=st.fixed_dictionaries(
            {},
            optional={
                **settings_of_both,
                "content_based_deduplication": st.sampled_from([0, 1]),
                "deduplication_scope": st.sampled_from(["queue", "messageGroup"]),
            },
        ),
    )
    def start(self, limit: int, purge_interval: int, counts_often: bool, settings: SettingsOf) -> None:
        self.begin(limit, purge_interval, counts_often, settings)

    @rule(
        name=st.sampled_from(["main", "main", "main", "dead"]),
        entries=st.lists(
            st.builds(Entry, bodies, group=groups, dedup_id=st.sampled_from(["1", "2", "3", "4", "5", None])),
            min_size=1,
            max_size=10,
        ),
    )
    def send(self, name: str, entries: list[Entry]) -> None:
        self.stepped()
        self.pair.send(getattr(self, name), *entries)

    @rule(names=st.lists(groups, min_size=1, max_size=10))
    def send_new_ones(self, names: list[str]) -> None:
        """Messages that are duplicates of nothing."""
        self.stepped()
        entries = []
        for name in names:
            self.serial += 1
            entries.append(Entry(b"n", group=name, dedup_id=f"new{self.serial}"))
        self.pair.send(self.main, *entries)

    @rule(
        target=QueueMachine.held,
        most=st.sampled_from([1, 2, 3, 10]),
        hold=visibility,
        attempt_id=st.sampled_from(["x", "y"]),
    )
    def receive_by_attempt(self, most: int, hold: int | None, attempt_id: str) -> Any:
        self.stepped()
        return multiple(*self.pair.receive(self.main, most, hold, attempt_id))

    @rule(is_on=st.sampled_from([0, 1]))
    def change_content_based_deduplication(self, is_on: int) -> None:
        self.stepped()
        self.pair.change(self.main, {"content_based_deduplication": is_on})

    @rule(scope=st.sampled_from(["queue", "messageGroup"]))
    def change_the_scope_shown(self, scope: str) -> None:
        """It shows in the settings and changes nothing (fact 94)."""
        self.stepped()
        self.pair.change(self.main, {"deduplication_scope": scope})


class FairMachine(StandardMachine):
    """Standard queues with message groups, without dead letters: which of them are moved depends on whom is served."""

    has_tenants, has_redrive = True, False

    @rule(
        entries=st.lists(
            st.builds(
                Entry,
                bodies,
                group=st.sampled_from(["g1", "g2", "g3", None]),
                delay_seconds=st.sampled_from([None, None, 0, 30]),
            ),
            min_size=1,
            max_size=10,
        ),
        times=st.sampled_from([1, 1, 5]),
    )
    def send_by_tenants(self, entries: list[Entry], times: int) -> None:
        self.stepped()
        for _ in range(times):
            self.pair.send(self.main, *entries)

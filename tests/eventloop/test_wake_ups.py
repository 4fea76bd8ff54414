"""Where wake-ups arrive, and which waiting receive they resume first."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from tests.deployments import IN_MEMORY, Server, deployed
from tests.eventloop.loops import on_loop
from tests.eventloop.test_waiting import Client, poll, sleep_until, waiting
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage, QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys, rechecks, wait_ends
from zaqar_core.store.rechecks import Rechecks
from zaqar_core.store.wakeups import Waiter

FEW_ENDING = 4


def send(core: Core, queue: QueueRef, body: bytes) -> None:
    messages.send(core.session(), queue, [NewMessage(body)])


@pytest.fixture
def server() -> Iterator[Server]:
    with deployed() as found:
        yield found.server(*IN_MEMORY)


def publish_until_received_on_loop(core: Core) -> None:
    """Return when a message on the channel of the process arrives on the thread of the loop."""
    found: list[threading.Thread] = []
    core.waiters.pushed = lambda _: found.append(threading.current_thread())

    def arrives() -> bool:
        core.store.command("PUBLISH", core.waiters.channel, "anything")
        return threading.current_thread() in found

    sleep_until(arrives)
    core.waiters.pushed = None


def test_the_loop_of_a_waiting_receive_reads_the_wake_ups_itself(core: Core, queue: QueueRef) -> None:
    def sends() -> None:
        sleep_until(lambda: waiting(core, queue) == 1)
        publish_until_received_on_loop(core)
        send(core, queue, b"1")

    assert [one.body for got in on_loop(poll(core, queue), sends) if got for one in got] == [b"1"]


@pytest.mark.parametrize("by_thread", [True, False], ids=["a thread", "another loop"])
def test_waits_after_the_end_of_a_loop_are_woken(core: Core, queue: QueueRef, by_thread: bool) -> None:
    def sends(body: bytes) -> None:
        sleep_until(lambda: waiting(core, queue) == 1)
        send(core, queue, body)

    def first() -> None:
        sleep_until(lambda: waiting(core, queue) == 1)
        publish_until_received_on_loop(core)
        send(core, queue, b"1")

    on_loop(poll(core, queue), first)
    if by_thread:
        sender = threading.Thread(target=sends, args=(b"2",))
        sender.start()
        found = poll(core, queue)()
        sender.join()
    else:
        found = next(got for got in on_loop(poll(core, queue), lambda: sends(b"2")) if got)
    assert [one.body for one in found] == [b"2"]


def test_a_subscriber_that_the_server_disconnects_is_replaced(server: Server) -> None:
    url = f"redis://127.0.0.1:{server.port}"
    core = Core(Settings(redis=url, durability="memory"), url)
    queue = QueueRef("000000000000", "us-east-1", "q")
    queues.create(core.session(), queue, QueueSettings(), creator="sqs")

    def sends() -> None:
        sleep_until(lambda: waiting(core, queue) == 1)
        publish_until_received_on_loop(core)
        core.store.command("CLIENT", "KILL", "TYPE", "pubsub")
        publish_until_received_on_loop(core)
        send(core, queue, b"1")

    found = on_loop(poll(core, queue), sends)
    core.close()
    assert [one.body for got in found if got for one in got] == [b"1"]


def test_few_of_the_waits_that_are_over_end_at_the_same_time(
    core: Core, queue: QueueRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wait_ends, "_MORE_PER_SECOND", 0)
    now, most = 0, 0

    class Counting(Session):
        __slots__ = ()

        def run(self, *arguments: Any, **options: Any) -> Any:
            nonlocal now, most
            now += is_over()
            most = max(most, now)
            try:
                return super().run(*arguments, **options)
            finally:
                now -= is_over()

    clients = [Client() for _ in range(100)]

    def is_over() -> bool:
        return clients[0].is_gone

    def ends(client: Client) -> Any:
        def run() -> Any:
            session = Counting(core)
            session.client = client
            return leases.receive(session, queue, max_messages=1, wait_seconds=20)

        return run

    def leave() -> None:
        sleep_until(lambda: core.waiters.asleep == len(clients))
        for client in clients:
            client.goes()

    found = on_loop(*[ends(client) for client in clients], leave)
    assert found.count([]) == len(clients)
    assert waiting(core, queue) == 0
    assert 1 < most <= FEW_ENDING


class _Over:
    """A waiter whose time is over."""

    is_asleep, is_ending, has_checked = True, False, False

    def wake(self) -> None:
        self.has_checked = True


class _Loop:
    """A loop with a clock that stands still."""

    def __init__(self) -> None:
        self.now = 0.0
        self._scheduled: list[Callable[[], object]] = []

    def time(self) -> float:
        return self.now

    def call_soon(self, function: Callable[[], object]) -> None:
        self._scheduled.append(function)

    def turn(self) -> None:
        scheduled, self._scheduled = self._scheduled, []
        for function in scheduled:
            function()


def test_more_waits_end_at_the_same_time_the_longer_they_have_been_over() -> None:
    loop, waiters = _Loop(), [_Over() for _ in range(100)]
    ends = wait_ends.WaitEnds(cast(Any, loop))
    for waiter in waiters:
        ends.add(cast(Any, waiter))
    running: list[int] = []
    for loop.now in (0.0, 0.1, 1.0, 10.0):
        loop.turn()
        running.append(sum(waiter.is_ending for waiter in waiters) - len(running))
        ends.ended()
    assert running == [FEW_ENDING, FEW_ENDING, FEW_ENDING + 4, FEW_ENDING + 40]


def test_when_all_waits_check_their_queues_few_do_in_each_turn() -> None:
    loop, waiters = _Loop(), [_Over() for _ in range(40)]
    ends = wait_ends.WaitEnds(cast(Any, loop))
    ends.check(cast(Any, waiters[:20]))
    ends.check(cast(Any, waiters[20:]))
    checked = []
    for _ in range(4):
        loop.turn()
        checked.append(sum(waiter.has_checked for waiter in waiters))
    assert checked == [16, 32, 40, 40]


def test_a_wait_that_ends_twice_takes_one_place_among_those_that_end(core: Core, queue: QueueRef) -> None:
    """A timer may fire a little too early: the receive then waits for the rest."""

    def waits_twice() -> None:
        waiter = core.waiters.register(keys.queue(queue))
        assert waiter is not None
        core.waiters.wait(waiter, 0.001)
        core.waiters.wait(waiter, 0.001)
        core.waiters.unregister(waiter)

    assert on_loop(*[waits_twice] * 3 * FEW_ENDING) == [None] * 3 * FEW_ENDING


def test_a_wake_up_is_not_delayed_by_waits_that_end(core: Core, queue: QueueRef) -> None:
    """The message wakes a receive whose client has gone. It passes the message on before its turn to end."""
    clients = [Client() for _ in range(60)]

    def leave() -> None:
        sleep_until(lambda: core.waiters.asleep == len(clients))
        poller.wake()
        sleep_until(lambda: waiting(core, queue) == len(clients) + 1)
        for client in clients:
            client.goes()
        send(core, queue, b"1")

    poller = _Later(core, queue)
    found = on_loop(*[poll(core, queue, client) for client in clients], poller.run, leave)
    assert [one.body for got in found if got for one in got] == [b"1"]


class _Later:
    """A receive that begins after others."""

    def __init__(self, core: Core, queue: QueueRef) -> None:
        self._may_begin = False
        self._poll = poll(core, queue)

    def wake(self) -> None:
        self._may_begin = True

    def run(self) -> Any:
        sleep_until(lambda: self._may_begin)
        return self._poll()


def test_the_check_without_a_wake_up_falls_to_a_waiter_that_sleeps() -> None:
    checks = Rechecks()
    busy, asleep = (Waiter(number, "channel", b"queue", None) for number in range(2))
    for waiter in (busy, asleep):
        checks.add(waiter)
    asleep.is_asleep = True
    checks.wake(b"queue")
    assert (busy.is_recheck, asleep.is_recheck) == (False, True)


class CountedRechecks(Rechecks):
    def __init__(self) -> None:
        super().__init__()
        self.checks: Counter[bytes] = Counter()

    def wake(self, queue: bytes, *, instead_of: Waiter | None = None) -> None:
        del instead_of
        self.checks[queue] += 1


@pytest.mark.parametrize("count", [1, 500, 4000])
def test_waiters_check_few_queues_a_second_however_many_there_are(count: int) -> None:
    checked, seconds = CountedRechecks(), 60
    for number in range(count):
        checked.add(Waiter(number, "channel", b"%d" % number, None))
    began = time.monotonic()
    for tick in range(2 * seconds):
        checked.wake_due(began + tick / 2)
    assert len(checked.checks) == count, "all are checked"
    assert checked.checks.total() <= 1.3 * seconds * rechecks.MOST_PER_SECOND
    if count <= 500:
        assert min(checked.checks.values()) >= seconds // rechecks.RECHECK_SECONDS[1] - 1

"""Waiting receives as tasks of one loop, and as clients of the service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.eventloop.loops import on_loop
from zaqar_core import eventloop
from zaqar_core.core import leases, messages
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage, StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys


class Client:
    """A client that can go."""

    def __init__(self) -> None:
        self.is_gone = False
        self.on_gone: Callable[[], object] | None = None

    def goes(self) -> None:
        self.is_gone = True
        if self.on_gone is not None:
            self.on_gone()


def poll(core: Core, queue: QueueRef, client: Client | None = None) -> Callable[[], list[StoredMessage]]:
    def run() -> list[StoredMessage]:
        session = core.session()
        session.client = client
        return leases.receive(session, queue, max_messages=1, wait_seconds=20)

    return run


def waiting(core: Core, queue: QueueRef) -> int:
    return int(core.store.command("ZCARD", keys.queue(queue) + b":w"))


def sleep_until(happened: Callable[[], object]) -> None:
    for _ in range(3000):
        if happened():
            return
        eventloop.sleep(0.01)
    raise AssertionError("not in time")


def test_a_send_wakes_one_of_many_polls_and_each_message_goes_to_one(core: Core, queue: QueueRef) -> None:
    def sends() -> None:
        sleep_until(lambda: waiting(core, queue) == 20)
        for number in range(20):
            messages.send(core.session(), queue, [NewMessage(b"%d" % number)])

    found = on_loop(*[poll(core, queue)] * 20, sends)
    bodies = sorted(int(one.body) for got in found if got for one in got)
    assert bodies == list(range(20))


def test_a_poll_whose_client_goes_ends_and_takes_no_message(core: Core, queue: QueueRef) -> None:
    client = Client()

    def goes() -> int:
        sleep_until(lambda: waiting(core, queue) == 1)
        client.goes()
        sleep_until(lambda: waiting(core, queue) == 0)
        messages.send(core.session(), queue, [NewMessage(b"kept")])
        return len(leases.receive(core.session(), queue, max_messages=1))

    assert on_loop(poll(core, queue, client), goes) == [[], 1]


def test_a_wake_up_for_a_client_that_goes_is_passed_on(core: Core, queue: QueueRef) -> None:
    """The message wakes the first poll in the moment in which its client goes; the second one receives it."""
    client = Client()

    def goes() -> None:
        sleep_until(lambda: waiting(core, queue) == 2)
        client.is_gone = True
        messages.send(core.session(), queue, [NewMessage(b"for the other")])

    found = on_loop(poll(core, queue, client), poll(core, queue), goes)
    assert [one.body for got in found if got for one in got] == [b"for the other"]


def test_a_lost_wake_up_is_made_up_for_all_its_messages(core: Core, queue: QueueRef) -> None:
    """As after a crash of the process that was woken: the messages are there, and nobody was told."""

    def sends() -> None:
        sleep_until(lambda: waiting(core, queue) == 3)
        core.store.command("DEL", keys.queue(queue) + b":w")
        messages.send(core.session(), queue, [NewMessage(b"%d" % number) for number in range(3)])

    found = on_loop(*[poll(core, queue)] * 3, sends)
    assert sorted(one.body for got in found if got for one in got) == [b"0", b"1", b"2"]


def test_one_waiter_of_a_queue_checks_it_and_not_every_one(core: Core, session: Session, queue: QueueRef) -> None:
    checks = 0

    class Counting(Session):
        __slots__ = ()

        def run(self, *arguments: Any, **options: Any) -> Any:
            nonlocal checks
            checks += 1
            return super().run(*arguments, **options)

    def polls() -> list[StoredMessage]:
        return leases.receive(Counting(core), queue, max_messages=1, wait_seconds=12)

    on_loop(*[polls] * 100)
    # Each receive has a first call, one that registers it, and a last one; the rest are checks.
    assert checks - 300 <= 3

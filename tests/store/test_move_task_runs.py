"""Processes that run a move task, and crashes of them: each message is moved once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.store.redrive import bodies, create_dead_letters, dead_letter_queue_of, newest, run, taken, visible
from zaqar_core.background.housekeeping import SHARDS, Housekeeping
from zaqar_core.background.task_runner import TaskRunner
from zaqar_core.core import dead_letters, move_tasks
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import Compiled, Store, keys

Advance = Callable[[QueueRef, float], None]


@pytest.fixture
def dead(session: Session, queue: QueueRef) -> QueueRef:
    return dead_letter_queue_of(session, queue)


def test_another_process_takes_over_only_after_the_lease(
    session: Session, queue: QueueRef, dead: QueueRef, advance: Advance, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_dead_letters(session, queue, *bodies("1", "2"))
    move_tasks.start(session, dead, destination=None, messages_per_second=1)
    move_tasks.step(session, dead, "first")
    wait = move_tasks.step(session, dead, "second")
    assert wait is not None
    assert 4 < wait <= 5
    monkeypatch.setattr(move_tasks, "RUNNER_LEASE_MS", 0)
    move_tasks.step(session, dead, "first")
    advance(dead, 1)
    run(session, dead, "second")
    assert newest(session, dead).status == "COMPLETED"


class Died(Exception):
    """The process ended here."""


@contextlib.contextmanager
def killed_before(monkeypatch: pytest.MonkeyPatch, number: int) -> Iterator[list[str]]:
    """End the process before it sends that script of a move, and let its leases end."""
    whole = Store.run
    done: list[str] = []

    def run(store: Store, wanted: Compiled, key: bytes, *arguments: Any) -> Any:
        if len(done) == number:
            raise Died
        done.append(wanted.name)
        return whole(store, wanted, key, *arguments)

    with monkeypatch.context() as patched, contextlib.suppress(Died):
        patched.setattr(Store, "run", run)
        patched.setattr(dead_letters, "LEASE_MS", 0)
        patched.setattr(move_tasks, "RUNNER_LEASE_MS", 0)
        yield done


STEPS = ["move_task_step", "move_intents", "move_in", "move_done", "move_forget", "move_intents", "move_task_step"]


@pytest.mark.parametrize("number", range(len(STEPS)))
@pytest.mark.parametrize("ending", ["go on", "cancel"])
def test_a_task_cut_before_any_script_ends_with_each_message_once(
    session: Session, queue: QueueRef, dead: QueueRef, monkeypatch: pytest.MonkeyPatch, number: int, ending: str
) -> None:
    create_dead_letters(session, queue, *bodies("1", "2", "3"))
    task = move_tasks.start(session, dead, destination=None, messages_per_second=None)
    with killed_before(monkeypatch, number) as done:
        run(session, dead, "first")
    assert done == STEPS[:number]
    if ending == "cancel":
        move_tasks.cancel(session, dead, task.id)
    run(session, dead, "second")
    ended = newest(session, dead)
    there = [message.body for message in taken(session, queue)]
    left = [message.body for message in taken(session, dead)]
    assert ended.moved == len(there)
    assert ended.status == ("COMPLETED" if ending == "go on" else "CANCELLED")
    assert sorted(there + left) == [b"1", b"2", b"3"]
    assert left == [] or ending == "cancel"


def test_the_runner_of_a_process_does_the_work(core: Core, session: Session, queue: QueueRef, dead: QueueRef) -> None:
    create_dead_letters(session, queue, *[NewMessage(b"%d" % number) for number in range(250)])
    move_tasks.start(session, dead, destination=None, messages_per_second=None)
    runner = TaskRunner(core)
    for _ in range(100):
        runner.round()
        if newest(session, dead).status != "RUNNING":
            break
    assert (newest(session, dead).status, newest(session, dead).moved) == ("COMPLETED", 250)
    assert visible(session, queue) == 250


def test_large_messages_move_in_small_steps(session: Session, queue: QueueRef, dead: QueueRef) -> None:
    create_dead_letters(session, queue, *[NewMessage(bytes([65 + number]) * 600_000) for number in range(5)])
    move_tasks.start(session, dead, destination=None, messages_per_second=None)
    assert move_tasks.step(session, dead, "this") == 0
    assert newest(session, dead).moved == 2
    run(session, dead)
    assert newest(session, dead).moved == 5


def test_housekeeping_finds_a_task_that_no_runner_knows(
    core: Core, session: Session, queue: QueueRef, dead: QueueRef
) -> None:
    create_dead_letters(session, queue, *bodies("1"))
    move_tasks.start(session, dead, destination=None, messages_per_second=None)
    session.store.command("DEL", keys.MOVE_TASKS)
    for shard in range(SHARDS):
        session.store.command("DEL", keys.housekeeping_lease(shard))
    Housekeeping(core).round()
    assert dead in move_tasks.enlisted(session)

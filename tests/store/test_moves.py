"""Dead letters: moves between queues in four steps, each of which may be repeated."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from zaqar_core.core import claims, dead_letters, leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Attribute, Counts, NewMessage, QueueSettings, SettingsChange
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import Compiled, ScriptFailed, Store, keys, script

Advance = Callable[[QueueRef, float], None]


@pytest.fixture
def dead(session: Session, queue: QueueRef) -> QueueRef:
    """The queue's dead-letter queue; one receive is allowed, and each ends at once."""
    ref = queue.sibling(queue.name + "-dead")
    queues.create(session, ref, QueueSettings(), creator="sqs")
    queues.change(
        session,
        queue,
        SettingsChange(set={"dead_letter_queue": ref.name, "max_receive_count": 1, "visibility_timeout_seconds": 0}),
    )
    return ref


def take(session: Session, queue: QueueRef) -> list[bytes]:
    return [m.body for m in leases.receive(session, queue, max_messages=10, wait_seconds=0)]


def test_the_receive_after_the_last_allowed_one_moves(session: Session, queue: QueueRef, dead: QueueRef) -> None:
    attribute = Attribute("a", "String", b"v")
    [sent] = messages.send(session, queue, [NewMessage(b"1", attributes=(attribute,))])
    assert take(session, queue) == [b"1"]
    assert take(session, queue) == []
    [found] = leases.receive(session, dead, max_messages=10, wait_seconds=0)
    assert not isinstance(sent, Exception)
    assert (found.id, found.body, found.attributes) == (sent.id, b"1", (attribute,))
    assert (found.receive_count, found.source_queue) == (2, queue)


def test_a_moved_message_is_found_by_its_old_id(session: Session, queue: QueueRef, dead: QueueRef) -> None:
    [sent] = messages.send(session, queue, [NewMessage(b"1")])
    take(session, queue)
    take(session, queue)
    assert not isinstance(sent, Exception)
    [found] = messages.get_many(session, dead, [sent.id])
    assert found.body == b"1"
    messages.delete_by_id(session, dead, sent.id, claim_id=None)
    assert messages.get_many(session, dead, [sent.id]) == []


def test_a_dead_letter_keeps_its_age(session: Session, queue: QueueRef, dead: QueueRef, advance: Advance) -> None:
    messages.send(session, queue, [NewMessage(b"1")])
    take(session, queue)
    advance(queue, 345_000)
    take(session, queue)
    assert queues.get_with_counts(session, dead)[1].visible == 1
    advance(dead, 601)
    assert queues.get_with_counts(session, dead)[1].visible == 0


def test_a_message_whose_destination_is_missing_stays_and_is_delivered(
    session: Session, queue: QueueRef, dead: QueueRef
) -> None:
    messages.send(session, queue, [NewMessage(b"1")])
    take(session, queue)
    queues.delete(session, dead)
    assert take(session, queue) == []
    assert take(session, queue) == [b"1"]


class Died(Exception):
    """The process ended here."""


@contextlib.contextmanager
def killed_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> Iterator[None]:
    """End the process after that many steps beyond the first, and let its lease end."""
    whole, done = Store.run, 0

    def run(store: Store, wanted: Compiled, key: bytes, *arguments: Any) -> Any:
        nonlocal done
        if wanted.name.startswith("move_"):
            if done == steps:
                raise Died
            done += 1
        return whole(store, wanted, key, *arguments)

    with monkeypatch.context() as patched, contextlib.suppress(Died):
        patched.setattr(Store, "run", run)
        patched.setattr(dead_letters, "LEASE_MS", 0)
        yield
    assert done == steps


@pytest.mark.parametrize("steps_done", [0, 1, 2, 3])
def test_a_move_cut_between_any_two_steps_ends_once(
    session: Session, queue: QueueRef, dead: QueueRef, monkeypatch: pytest.MonkeyPatch, steps_done: int
) -> None:
    """The next process finishes a move that a crashed one left: nothing is lost or duplicated."""
    messages.send(session, queue, [NewMessage(b"1")])
    take(session, queue)
    with killed_after(monkeypatch, steps_done):
        take(session, queue)
    dead_letters.finish_moves(session, queue)
    assert queues.get_with_counts(session, queue)[1] == Counts(0, 0, 0)
    assert take(session, dead) == [b"1"]
    assert dead_letters.finish_moves(session, queue) == 0


def test_a_delayed_process_repeats_nothing(
    session: Session, queue: QueueRef, dead: QueueRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process got the lease, finished the move and deleted the record."""
    messages.send(session, queue, [NewMessage(b"1")])
    take(session, queue)
    whole = Store.run
    by_the_other: list[int] = []

    def run(store: Store, wanted: Compiled, key: bytes, *arguments: Any) -> Any:
        if wanted.name == "move_in":
            patched.undo()
            by_the_other.append(dead_letters.finish_moves(session, queue))
        return whole(store, wanted, key, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "run", run)
        patched.setattr(dead_letters, "LEASE_MS", 0)
        patched.setattr(dead_letters, "DEADLINE_MS", 0)
        take(session, queue)
    assert by_the_other == [1]
    assert queues.get_with_counts(session, dead)[1] == Counts(1, 0, 0)


@pytest.mark.parametrize("late", ["move_done", "move_back"])
def test_a_third_step_after_the_lease_changes_nothing(session: Session, queue: QueueRef, late: str) -> None:
    with pytest.raises(ScriptFailed, match="STALE"):
        session.store.run(script(late).plain, keys.queue(queue), ["no-holder", "", "", 1])


def test_moves_of_many_receivers_arrive_once(core: Core, session: Session, queue: QueueRef, dead: QueueRef) -> None:
    messages.send(session, queue, [NewMessage(b"%d" % number) for number in range(200)])
    while take(session, queue):
        continue

    def receive_all() -> None:
        own = core.session()
        for _ in range(20):
            leases.receive(own, queue, max_messages=10, wait_seconds=0)

    queues.change(session, queue, SettingsChange(set={"visibility_timeout_seconds": 600}))
    messages.send(session, queue, [NewMessage(b"%d" % number) for number in range(200, 400)])
    threads = [threading.Thread(target=receive_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dead_letters.finish_moves(session, queue) == 0
    found: list[bytes] = []
    while popped := messages.pop(session, dead, limit=20):
        found += [message.body for message in popped]
    assert sorted(found) == sorted(b"%d" % number for number in range(200))


def test_a_record_that_a_crashed_process_left_is_removed(
    session: Session, queue: QueueRef, dead: QueueRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "STALE_RECORD_MS", 0)
    address = f"{keys.address(queue)}|{queues.get(session, queue).incarnation.hex()}"
    [seq] = arrive(session, dead, address)
    assert dead_letters.forget_stale_records(session, dead) == 1
    assert arrive(session, dead, address) != [0]
    assert seq > 0


def test_a_record_stays_as_long_as_its_intent(
    session: Session, queue: QueueRef, dead: QueueRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages.send(session, queue, [NewMessage(b"1")])
    take(session, queue)
    with killed_after(monkeypatch, 1):
        take(session, queue)
    monkeypatch.setattr(dead_letters, "STALE_RECORD_MS", 0)
    assert dead_letters.forget_stale_records(session, dead) == 0
    assert dead_letters.finish_moves(session, queue) == 1
    assert queues.get_with_counts(session, dead)[1] == Counts(1, 0, 0)


def arrive(session: Session, destination: QueueRef, source: str) -> list[int]:
    """The second step of a move, for the first message of that source."""
    arguments: list[bytes | str | int] = [
        1 << 50,
        source,
        1,
        b"12345678\x18" + (0).to_bytes(4) + b"body",
        0,
        1,
        1,
        -1,
        0,
        b"i" * 16,
    ]
    return list(session.store.run(script("move_in").plain, keys.queue(destination), arguments))


def test_a_returned_message_is_still_found_by_its_id(session: Session, queue: QueueRef, dead: QueueRef) -> None:
    """Also from a chain of dead-letter queues whose last one is missing."""
    [sent] = messages.send(session, queue, [NewMessage(b"1")])
    take(session, queue)
    take(session, queue)
    change: dict[str, int | str] = {
        "dead_letter_queue": "nowhere",
        "max_receive_count": 1,
        "visibility_timeout_seconds": 0,
    }
    queues.change(session, dead, SettingsChange(set=change))
    assert [take(session, dead), take(session, dead)] == [[b"1"], []]
    assert not isinstance(sent, Exception)
    assert [message.body for message in messages.get_many(session, dead, [sent.id])] == [b"1"]


def test_a_returned_message_keeps_its_own_ttl(session: Session, queue: QueueRef, advance: Advance) -> None:
    """The ttl for dead letters does not apply to a message that could not be moved."""
    queues.change(
        session,
        queue,
        SettingsChange(
            set={
                "dead_letter_queue": "nowhere",
                "max_receive_count": 1,
                "dead_letter_ttl_seconds": 90,
                "visibility_timeout_seconds": 0,
            }
        ),
    )
    messages.send(session, queue, [NewMessage(b"1")])
    take(session, queue)
    assert take(session, queue) == []
    advance(queue, 100)
    assert queues.get_with_counts(session, queue)[1] == Counts(1, 0, 0)


def test_many_moves_are_all_finished(session: Session, queue: QueueRef, dead: QueueRef) -> None:
    messages.send(session, queue, [NewMessage(b"x") for _ in range(350)])
    while take(session, queue):
        continue
    take(session, queue)
    assert queues.get_with_counts(session, queue)[1] == Counts(0, 0, 0)
    assert queues.get_with_counts(session, dead)[1] == Counts(350, 0, 0)


def test_a_repeated_second_step_inserts_nothing(session: Session, dead: QueueRef) -> None:
    in_time = 1 << 50
    arguments: list[bytes | str | int] = [
        in_time,
        f"{keys.address(dead)}|0",
        7,
        b"12345678\x18" + (0).to_bytes(4) + b"body",
        0,
        1,
        1,
        -1,
        0,
        b"i" * 16,
    ]
    assert session.store.run(script("move_in").plain, keys.queue(dead), arguments) == [1]
    assert session.store.run(script("move_in").plain, keys.queue(dead), arguments) == [0]
    assert queues.get_with_counts(session, dead)[1].visible == 1


def test_a_dead_letter_queue_of_zaqar_is_created_on_demand(session: Session, queue: QueueRef) -> None:
    source, target = queue.sibling(queue.name + "-z"), queue.sibling(queue.name + "-zd")
    messages.post(session, source, [NewMessage(b"1", kind="json"), NewMessage(b"2", kind="json")], post_bytes=9)
    queues.change(
        session,
        source,
        SettingsChange(set={"dead_letter_queue": target.name, "max_receive_count": 1, "dead_letter_ttl_seconds": 90}),
    )
    made = claims.create(session, source, ttl_seconds=60, grace_seconds=60, limit=1)
    assert made is not None
    claims.release(session, source, made.id)
    again = claims.create(session, source, ttl_seconds=60, grace_seconds=60, limit=1)
    assert again is not None
    assert [m.body for m in again.messages] == [b"2"]
    [moved] = messages.pop(session, target, limit=5)
    assert (moved.body, moved.ttl_seconds) == (b"1", 90)


def test_a_dead_letter_shows_the_time_it_was_sent_unless_the_clocks_are_far_apart(
    session: Session, queue: QueueRef, dead: QueueRef, advance: Advance
) -> None:
    for ahead_seconds, is_kept in ((5, True), (100, False)):
        advance(dead, ahead_seconds)
        messages.send(session, queue, [NewMessage(b"1")])
        [found] = leases.receive(session, queue, max_messages=1, wait_seconds=0)
        assert take(session, queue) == []
        [arrived] = leases.receive(session, dead, max_messages=1, visibility_seconds=900, wait_seconds=0)
        assert arrived.id == found.id
        assert (arrived.sent_ms == found.sent_ms) is is_kept

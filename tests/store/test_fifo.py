"""FIFO queues: order within a group, its lock, turns, deduplication."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from tests.store.fifo import make, send, texts
from zaqar_core.core import claims, leases, messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import DeduplicationIdMissing, LeaseExpired
from zaqar_core.domain.model import Counts, NewMessage, SettingsChange, StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys

Advance = Callable[[QueueRef, float], None]


@pytest.fixture
def fifo(session: Session) -> QueueRef:
    return make(session)


def receive(session: Session, ref: QueueRef, n: int = 10, seconds: int = 30) -> list[StoredMessage]:
    return leases.receive(session, ref, max_messages=n, visibility_seconds=seconds, wait_seconds=0)


def delete(session: Session, ref: QueueRef, *found: StoredMessage) -> list[object]:
    return list(leases.delete_received(session, ref, [one.receipt for one in found if one.receipt]))


def test_one_group_is_served_before_the_next(session: Session, fifo: QueueRef) -> None:
    send(session, fifo, "a1", "b1", "a2", "a3")
    assert texts(receive(session, fifo)) == ["a1", "a2", "a3", "b1"]


def test_a_group_in_flight_delivers_nothing_and_others_do(session: Session, fifo: QueueRef) -> None:
    send(session, fifo, "a1", "a2", "b1")
    assert texts(receive(session, fifo, 1)) == ["a1"]
    assert texts(receive(session, fifo)) == ["b1"]
    assert receive(session, fifo) == []


def test_a_group_is_free_when_all_in_flight_are_deleted(session: Session, fifo: QueueRef) -> None:
    send(session, fifo, "a1", "a2", "a3")
    first, second = receive(session, fifo, 2)
    delete(session, fifo, first)
    assert receive(session, fifo) == []
    delete(session, fifo, second)
    assert texts(receive(session, fifo)) == ["a3"]


def test_after_an_ended_lease_only_messages_before_one_in_flight_are_delivered(
    session: Session, fifo: QueueRef, advance: Advance
) -> None:
    send(session, fifo, "a1", "a2", "a3")
    found = receive(session, fifo)
    assert found[1].receipt is not None
    leases.change_visibility(session, fifo, [(found[1].receipt, 100)])
    advance(fifo, 31)
    assert texts(receive(session, fifo)) == ["a1"]


def test_a_freed_group_goes_to_the_end_of_the_groups(session: Session, fifo: QueueRef) -> None:
    send(session, fifo, "a1", "a2", "b1")
    [a1] = receive(session, fifo, 1)
    delete(session, fifo, a1)
    assert texts(receive(session, fifo, 1)) == ["b1"]


def test_a_receive_without_a_lease_does_not_lock(session: Session, fifo: QueueRef) -> None:
    send(session, fifo, "a1", "a2")
    assert texts(receive(session, fifo, 1, seconds=0)) == ["a1"]
    assert texts(receive(session, fifo)) == ["a1", "a2"]


def test_a_released_message_is_the_next_of_its_group(session: Session, fifo: QueueRef) -> None:
    send(session, fifo, "a1", "a2", "a3")
    first, _ = receive(session, fifo, 2)
    assert first.receipt is not None
    leases.change_visibility(session, fifo, [(first.receipt, 0)])
    [again] = receive(session, fifo)
    assert (again.body, again.receive_count) == (b"a1", 2)


def test_a_receipt_past_its_lease_neither_deletes_nor_extends(
    session: Session, fifo: QueueRef, advance: Advance
) -> None:
    send(session, fifo, "a1")
    [found] = receive(session, fifo)
    advance(fifo, 31)
    [outcome] = delete(session, fifo, found)
    assert isinstance(outcome, LeaseExpired)
    assert found.receipt is not None
    [outcome] = leases.change_visibility(session, fifo, [(found.receipt, 10)])
    assert isinstance(outcome, LeaseExpired)
    assert texts(receive(session, fifo)) == ["a1"]


def test_deleting_twice_is_no_error(session: Session, fifo: QueueRef) -> None:
    send(session, fifo, "a1")
    [found] = receive(session, fifo)
    assert delete(session, fifo, found) == [None]
    assert delete(session, fifo, found) == [None]


def test_messages_of_a_locked_group_count_as_visible(session: Session, fifo: QueueRef) -> None:
    send(session, fifo, "a1", "a2", "a3", "b1")
    receive(session, fifo, 1)
    assert queues.get_with_counts(session, fifo)[1] == Counts(visible=3, in_flight=1, delayed=0)


def test_a_changed_delay_applies_to_existing_messages(session: Session, fifo: QueueRef, advance: Advance) -> None:
    send(session, fifo, "a1")
    advance(fifo, 10)
    queues.change(session, fifo, SettingsChange(set={"delay_seconds": 60}))
    send(session, fifo, "a2", "b1")
    assert receive(session, fifo) == []
    assert queues.get_with_counts(session, fifo)[1] == Counts(0, 0, 3)
    advance(fifo, 51)
    assert queues.get_with_counts(session, fifo)[1] == Counts(1, 0, 2)
    assert texts(receive(session, fifo)) == ["a1"]
    advance(fifo, 10)
    assert texts(receive(session, fifo)) == ["b1"]


def test_the_same_id_is_the_first_message_for_five_minutes(session: Session, fifo: QueueRef, advance: Advance) -> None:
    first = NewMessage(b"1", group="a", dedup_id="x")
    [sent] = messages.send(session, fifo, [first])
    [found] = receive(session, fifo)
    delete(session, fifo, found)
    for seconds in (0, 140, 150):
        advance(fifo, seconds)
        assert messages.send(session, fifo, [NewMessage(b"2", group="b", dedup_id="x")]) == [sent]
    advance(fifo, 11)
    assert messages.send(session, fifo, [NewMessage(b"3", group="b", dedup_id="x")]) != [sent]
    assert texts(receive(session, fifo)) == ["3"]


def test_the_scope_is_that_of_the_creation(session: Session) -> None:
    per_group, per_queue = make(session, deduplication_scope="messageGroup"), make(session)
    for ref, other in ((per_group, "queue"), (per_queue, "messageGroup")):
        queues.change(session, ref, SettingsChange(set={"deduplication_scope": other}))
    for ref, expected in ((per_group, 2), (per_queue, 1)):
        messages.send(session, ref, [NewMessage(b"1", group=group, dedup_id="x") for group in "aab"])
        assert queues.get_with_counts(session, ref)[1].visible == expected


def test_a_content_based_queue_derives_ids_from_the_content(session: Session, fifo: QueueRef) -> None:
    with pytest.raises(DeduplicationIdMissing):
        messages.send(session, fifo, [NewMessage(b"1", group="a", dedup_id="x"), NewMessage(b"1", group="a")])
    assert queues.get_with_counts(session, fifo)[1].visible == 0
    queues.change(session, fifo, SettingsChange(set={"content_based_deduplication": 1}))
    messages.send(session, fifo, [NewMessage(b"1", group="a"), NewMessage(b"1", group="b")])
    [found] = receive(session, fifo)
    assert found.dedup_id == "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"


def test_a_purge_clears_the_deduplication_history(session: Session, fifo: QueueRef) -> None:
    for expected in (b"1", b"2"):
        messages.send(session, fifo, [NewMessage(expected, group="a", dedup_id="x")])
        assert [one.body for one in receive(session, fifo)] == [expected]
        queues.purge_all(session, fifo) if expected == b"1" else None


def test_a_claim_locks_its_groups_for_both_dialects(session: Session, fifo: QueueRef) -> None:
    send(session, fifo, "a1", "a2")
    claim = claims.create(session, fifo, ttl_seconds=60, grace_seconds=60, limit=1)
    assert claim is not None
    assert claims.create(session, fifo, ttl_seconds=60, grace_seconds=60, limit=1) is None
    assert receive(session, fifo) == []
    claims.release(session, fifo, claim.id)
    assert texts(receive(session, fifo)) == ["a1", "a2"]


def test_zaqars_client_is_the_group(session: Session, fifo: QueueRef) -> None:
    clients = [uuid.uuid4().bytes for _ in range(2)]
    for text, client in (("1", 0), ("2", 1), ("3", 0)):
        messages.post(session, fifo, [NewMessage(text.encode(), client_id=clients[client])], post_bytes=1)
    found = receive(session, fifo, 2)
    assert texts(found) == ["1", "3"]
    assert found[0].group == str(uuid.UUID(bytes=clients[0]))
    assert found[0].dedup_id == found[0].id


def test_an_expired_head_does_not_block_its_group(session: Session, advance: Advance) -> None:
    fifo = make(session, retention_seconds=60)
    send(session, fifo, "a1")
    receive(session, fifo, seconds=600)
    advance(fifo, 30)
    send(session, fifo, "a2")
    advance(fifo, 31)
    assert queues.get_with_counts(session, fifo)[1] == Counts(1, 0, 0)
    assert texts(receive(session, fifo)) == ["a2"]


def test_a_listing_is_in_order_across_groups(session: Session, fifo: QueueRef) -> None:
    send(session, fifo, "a1", "b1", "a2", "b2")
    receive(session, fifo, 1)
    page = messages.list_page(
        session, fifo, marker=None, limit=10, except_client_id=None, include_claimed=True, include_delayed=True
    )
    assert texts(page.messages) == ["a1", "b1", "a2", "b2"]


def test_dead_letters_move_in_order_and_keep_their_group(session: Session, fifo: QueueRef, advance: Advance) -> None:
    dead = make(session)
    queues.change(session, fifo, SettingsChange(set={"dead_letter_queue": dead.name, "max_receive_count": 1}))
    send(session, fifo, "a1", "a2", "b1")
    receive(session, fifo)
    advance(fifo, 31)
    assert receive(session, fifo) == []
    found = receive(session, dead)
    assert [(one.body, one.group, one.receive_count) for one in found] == [
        (b"a1", "a", 2), (b"a2", "a", 2), (b"b1", "b", 2),
    ]  # fmt: skip
    send(session, fifo, "a3")
    assert texts(receive(session, fifo)) == ["a3"]


def test_an_attempt_waits_for_the_time_of_the_queue_and_leaves_no_waiter(session: Session) -> None:
    fifo = make(session, receive_wait_seconds=1)
    assert leases.receive(session, fifo, max_messages=1, attempt_id="x") == []
    assert session.store.command("ZCARD", keys.queue(fifo) + b":w") == 0


def test_an_expired_message_in_flight_does_not_lock_its_group(session: Session, advance: Advance) -> None:
    fifo = make(session, retention_seconds=60)
    send(session, fifo, "a1")
    receive(session, fifo, seconds=600)
    advance(fifo, 70)
    send(session, fifo, "a2")
    assert texts(receive(session, fifo)) == ["a2"]

"""Leases: receive, extend, release, delete, expire."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from zaqar_core.core import leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import (
    InFlightLimitReached,
    MessageTooLong,
    NotInFlight,
    QueueNotFound,
    ReceiptInvalid,
    VisibilityTooLong,
)
from zaqar_core.domain.model import Attribute, Counts, NewMessage, QueueSettings, SettingsChange, StoredMessage
from zaqar_core.domain.names import QueueRef

Advance = Callable[[QueueRef, float], None]


def put(session: Session, queue: QueueRef, *bodies: bytes) -> None:
    messages.send(session, queue, [NewMessage(body) for body in bodies])


def take(session: Session, queue: QueueRef, most: int = 10, **how: Any) -> list[StoredMessage]:
    return leases.receive(session, queue, max_messages=most, wait_seconds=0, **how)


def bodies(found: list[StoredMessage]) -> list[bytes]:
    return [message.body for message in found]


def counts(session: Session, queue: QueueRef) -> Counts:
    return queues.get_with_counts(session, queue)[1]


def test_messages_are_received_in_the_order_sent(session: Session, queue: QueueRef) -> None:
    put(session, queue, b"1", b"2", b"3")
    assert bodies(take(session, queue)) == [b"1", b"2", b"3"]


def test_attributes_and_bytes_come_back_as_sent(session: Session, queue: QueueRef) -> None:
    attributes = (Attribute("n", "Number", b"1"), Attribute("b", "Binary", bytes(range(256))))
    messages.send(session, queue, [NewMessage(b"\r\n\x00", attributes=attributes, group="g", sender="me")])
    [found] = take(session, queue)
    assert (found.body, found.attributes, found.group, found.sender) == (b"\r\n\x00", attributes, "g", "me")


def test_a_message_in_flight_is_not_delivered_twice(session: Session, queue: QueueRef) -> None:
    put(session, queue, b"1")
    assert bodies(take(session, queue)) == [b"1"]
    assert take(session, queue) == []
    assert counts(session, queue) == Counts(0, 1, 0)


def test_a_message_is_visible_again_when_its_lease_ends(session: Session, queue: QueueRef, advance: Advance) -> None:
    put(session, queue, b"1", b"2")
    take(session, queue, 1, visibility_seconds=10)
    advance(queue, 10)
    assert counts(session, queue) == Counts(2, 0, 0)
    found = take(session, queue)
    assert [(m.body, m.receive_count) for m in found] == [(b"1", 2), (b"2", 1)]


def test_the_first_receive_time_stays(session: Session, queue: QueueRef, advance: Advance) -> None:
    put(session, queue, b"1")
    [first] = take(session, queue, visibility_seconds=1)
    advance(queue, 5)
    [second] = take(session, queue)
    assert second.first_received_ms == first.first_received_ms


def test_each_receive_returns_another_receipt(session: Session, queue: QueueRef) -> None:
    put(session, queue, b"1")
    [first] = take(session, queue, visibility_seconds=0)
    [second] = take(session, queue)
    assert first.receipt is not None
    assert second.receipt is not None
    assert first.receipt.nonce != second.receipt.nonce


def test_an_old_receipt_deletes_from_a_standard_queue(session: Session, queue: QueueRef) -> None:
    put(session, queue, b"1")
    [first] = take(session, queue, visibility_seconds=0)
    take(session, queue)
    assert first.receipt is not None
    assert leases.delete_received(session, queue, [first.receipt, first.receipt]) == [None, None]
    assert counts(session, queue) == Counts(0, 0, 0)


def test_empty_batches_need_an_existing_queue(session: Session, queue: QueueRef) -> None:
    assert leases.delete_received(session, queue, []) == []
    assert leases.change_visibility(session, queue, []) == []
    for call in (leases.delete_received, leases.change_visibility):
        with pytest.raises(QueueNotFound):
            call(session, queue.sibling("missing"), [])


def test_a_visibility_of_zero_releases_a_message_at_its_old_position(session: Session, queue: QueueRef) -> None:
    put(session, queue, b"1", b"2")
    [first] = take(session, queue, 1)
    assert first.receipt is not None
    assert leases.change_visibility(session, queue, [(first.receipt, 0)]) == [None]
    assert bodies(take(session, queue)) == [b"1", b"2"]


def test_an_extended_lease_ends_later(session: Session, queue: QueueRef, advance: Advance) -> None:
    put(session, queue, b"1")
    [held] = take(session, queue, visibility_seconds=10)
    assert held.receipt is not None
    leases.change_visibility(session, queue, [(held.receipt, 100)])
    advance(queue, 50)
    assert take(session, queue) == []
    advance(queue, 50)
    assert bodies(take(session, queue)) == [b"1"]


def test_changing_the_visibility_of_a_deleted_message_is_refused(session: Session, queue: QueueRef) -> None:
    put(session, queue, b"1")
    [held] = take(session, queue)
    assert held.receipt is not None
    leases.delete_received(session, queue, [held.receipt])
    [outcome] = leases.change_visibility(session, queue, [(held.receipt, 5)])
    assert isinstance(outcome, NotInFlight)


def test_a_lease_ends_at_most_twelve_hours_after_the_receive(
    session: Session, queue: QueueRef, advance: Advance
) -> None:
    put(session, queue, b"1")
    [held] = take(session, queue, visibility_seconds=1000)
    assert held.receipt is not None
    advance(queue, 10)
    [outcome] = leases.change_visibility(session, queue, [(held.receipt, 43_200)])
    assert isinstance(outcome, VisibilityTooLong)


def test_a_receipt_of_a_deleted_queue_has_no_effect_on_the_next_incarnation(session: Session, queue: QueueRef) -> None:
    put(session, queue, b"old")
    [old] = take(session, queue)
    queues.delete(session, queue)
    queues.create(session, queue, QueueSettings(), creator="sqs")
    put(session, queue, b"new")
    assert old.receipt is not None
    [outcome] = leases.delete_received(session, queue, [old.receipt])
    assert isinstance(outcome, ReceiptInvalid)
    assert counts(session, queue).visible == 1


def test_a_delayed_message_is_neither_visible_nor_in_flight(
    session: Session, queue: QueueRef, advance: Advance
) -> None:
    messages.send(session, queue, [NewMessage(b"later", delay_seconds=20)])
    assert take(session, queue) == []
    assert counts(session, queue) == Counts(0, 0, 1)
    advance(queue, 20)
    assert bodies(take(session, queue)) == [b"later"]


def test_delay_zero_overrides_the_queues_delay(session: Session, queue: QueueRef) -> None:
    queues.change(session, queue, SettingsChange(set={"delay_seconds": 30}))
    messages.send(session, queue, [NewMessage(b"now", delay_seconds=0), NewMessage(b"later")])
    assert bodies(take(session, queue)) == [b"now"]


def test_a_changed_retention_applies_to_messages_that_sqs_sent_before(
    session: Session, queue: QueueRef, advance: Advance
) -> None:
    put(session, queue, b"1", b"2")
    take(session, queue, 1, visibility_seconds=43_200)
    advance(queue, 100)
    assert counts(session, queue) == Counts(1, 1, 0)
    queues.change(session, queue, SettingsChange(set={"retention_seconds": 60}))
    assert counts(session, queue) == Counts(0, 0, 0)
    assert take(session, queue) == []


def test_many_expired_messages_do_not_hide_a_fresh_one(session: Session, queue: QueueRef, advance: Advance) -> None:
    for _ in range(30):
        put(session, queue, *[b"old"] * 10)
    advance(queue, 345_600)
    put(session, queue, b"fresh")
    assert bodies(take(session, queue, 1)) == [b"fresh"]
    assert counts(session, queue) == Counts(0, 1, 0)


def test_an_entry_that_is_too_long_fails_alone(session: Session, queue: QueueRef) -> None:
    queues.change(session, queue, SettingsChange(set={"max_message_bytes": 1024}))
    first, second = messages.send(
        session, queue, [NewMessage(b"x", size_bytes=1025), NewMessage(b"y", size_bytes=1024)]
    )
    assert first == MessageTooLong(1024)
    assert bodies(take(session, queue)) == [b"y"]
    assert not isinstance(second, MessageTooLong)


def test_the_in_flight_limit_is_an_error_without_waiting(core: Core, queue: QueueRef) -> None:
    session = core.session()
    put(session, queue, b"1", b"2")
    take(session, queue, 1)
    session.settings = msgspec.structs.replace(core.settings, max_in_flight=1)
    with pytest.raises(InFlightLimitReached):
        take(session, queue, 1)


def test_a_purge_deletes_messages_in_flight_and_delayed_ones_too(session: Session, queue: QueueRef) -> None:
    put(session, queue, b"1", b"2")
    messages.send(session, queue, [NewMessage(b"3", delay_seconds=9)])
    take(session, queue, 1)
    queues.purge_all(session, queue)
    assert counts(session, queue) == Counts(0, 0, 0)
    put(session, queue, b"4")
    assert bodies(take(session, queue)) == [b"4"]


@pytest.mark.parametrize("act", [lambda s, q: put(s, q, b"x"), take, counts, queues.delete, queues.purge_all])
def test_a_missing_queue_is_reported(act: Callable[[Session, QueueRef], object], session: Session) -> None:
    with pytest.raises(QueueNotFound):
        act(session, QueueRef("000000000000", "us-east-1", "nowhere"))


def test_a_receive_costs_no_more_with_a_hundred_thousand_waiting(session: Session, queue: QueueRef) -> None:
    """The cost of a receive does not grow with the queue: microseconds as the store counts them itself."""

    def per_receive() -> float:
        best = 9e9
        for _ in range(9):
            for server in session.store.servers():
                server.command("CONFIG", "RESETSTAT")
            for _ in range(20):
                take(session, queue, 1)
            statistics = b"".join(server.command("INFO", "commandstats") for server in session.store.servers())
            spent = re.search(rb"cmdstat_fcall:calls=\d+,usec=(\d+)", statistics)
            assert spent is not None
            best = min(best, int(spent[1]))
        return best

    put(session, queue, *[b"x"] * 200)
    small = per_receive()
    for _ in range(100):
        put(session, queue, *[b"x"] * 1000)
    assert per_receive() < 6 * small  # what grows with the queue would be hundreds of times as much

"""Results that are remembered are those that counting finds, and a queue is counted only if something has happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.store.queue_kinds import queue_kinds
from zaqar_core.core import leases, messages, queues
from zaqar_core.core.known_queues import COUNTED_AT_ONCE, Kind, KnownQueues
from zaqar_core.core.queue_figures import FIGURES
from zaqar_core.core.queue_gauges import GAUGES, Gauges
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Figures, NewMessage, QueueSettings, SettingsChange
from zaqar_core.domain.names import QueueRef

Advance = Callable[[QueueRef, float], None]

KINDS: dict[str, Kind[Any, Any]] = {"figures": FIGURES, "gauges": GAUGES}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def _noted(kind: Kind[Any, Any]) -> tuple[KnownQueues[Any, Any], list[list[str]]]:
    """Return the memory of a kind, and the names of the queues that it counts, by round trips."""
    found: list[list[str]] = []

    def counted(session: Session, refs: list[QueueRef]) -> Any:
        found.append([ref.name for ref in refs])
        return kind.count(session, refs)

    return KnownQueues(replace(kind, count=counted)), found


def _without_time(one: Figures | Gauges) -> Figures | Gauges:
    return replace(one, now_ms=0) if isinstance(one, Figures) else replace(one, oldest_age_ms=0)


def _visible(one: Figures | Gauges) -> int:
    return one.counts.visible if isinstance(one, Figures) else one.visible


@each_kind
@pytest.mark.parametrize("queue_kind", queue_kinds(""))
def test_remembered_results_are_those_that_counting_finds(
    session: Session, queue_name: str, advance: Advance, kind: Kind[Any, Any], queue_kind: str
) -> None:
    ref, settings, group = queue_kinds(queue_name)[queue_kind]
    queues.create(session, ref, settings, creator="sqs")
    queues.change(session, ref, SettingsChange(set={"retention_seconds": 200}))
    known = KnownQueues(kind)

    def check() -> None:
        [remembered], [found] = known.read(session, [ref]), kind.count(session, [ref])
        if isinstance(found, Figures):
            assert abs(remembered.now_ms - found.now_ms) < 10_000
        else:
            assert abs(remembered.oldest_age_ms - found.oldest_age_ms) < 10_000
        assert _without_time(remembered) == _without_time(found)
        expected = queues.get_with_counts(session, ref)[1]
        assert _visible(remembered) == expected.visible

    def checked(change: Callable[[], object]) -> None:
        check()
        change()
        check()

    for number in range(6):
        delay = 30 if number == 5 and not ref.is_fifo else None
        new = NewMessage(str(number).encode(), delay_seconds=delay, group=group)
        checked(lambda new=new: messages.send(session, ref, [new]))  # type: ignore[misc]
    advance(ref, 11)
    assert leases.receive(session, ref, max_messages=2, visibility_seconds=5)
    checked(lambda: advance(ref, 6))  # the leases have ended
    [taken] = leases.receive(session, ref, max_messages=1, visibility_seconds=50)
    receipt = taken.receipt
    assert receipt is not None
    checked(lambda: leases.change_visibility(session, ref, [(receipt, 90)]))
    checked(lambda: leases.delete_received(session, ref, [receipt]))
    checked(lambda: advance(ref, 30))
    checked(lambda: queues.change(session, ref, SettingsChange(documents={"tags": b'{"a": "b"}'})))
    checked(lambda: queues.purge_all(session, ref))
    checked(lambda: messages.send(session, ref, [NewMessage(b"x", group=group)]))
    if kind is FIGURES:
        checked(lambda: advance(ref, 205))  # past the retention


@each_kind
def test_a_queue_in_which_nothing_happens_is_not_counted_again(
    session: Session, queue: QueueRef, kind: Kind[Any, Any]
) -> None:
    other = queue.sibling(f"{queue.name}-other")
    queues.create(session, other, QueueSettings(), creator="sqs")
    messages.send(session, queue, [NewMessage(b"a"), NewMessage(b"b")])
    known, counted = _noted(kind)
    for _ in range(3):
        known.read(session, [queue, other])
    is_remembered = not session.store.is_cluster
    assert counted == [[queue.name, other.name]] * (1 if is_remembered else 3)
    counted.clear()
    messages.send(session, other, [NewMessage(b"a")])
    [_, found] = known.read(session, [queue, other])
    assert counted == [[other.name] if is_remembered else [queue.name, other.name]]
    assert _visible(found) == 1


def test_figures_of_a_queue_with_messages_in_flight_are_remembered(session: Session, queue: QueueRef) -> None:
    messages.send(session, queue, [NewMessage(b"a"), NewMessage(b"b")])
    leases.receive(session, queue, max_messages=1, visibility_seconds=600)
    known, counted = _noted(FIGURES)
    for _ in range(3):
        known.read(session, [queue])
    assert len(counted) == (3 if session.store.is_cluster else 1)


def test_a_message_that_came_from_another_queue_ends_by_the_time_it_was_sent(
    session: Session, queue: QueueRef, advance: Advance
) -> None:
    """It is older than those that were there before it."""
    source = queue.sibling(f"{queue.name}-source")
    settings = QueueSettings(dead_letter_queue=queue.name, max_receive_count=1, visibility_timeout_seconds=0)
    queues.create(session, source, settings, creator="sqs")
    queues.change(session, queue, SettingsChange(set={"retention_seconds": 200}))
    messages.send(session, source, [NewMessage(b"old")])
    for ref in (source, queue):
        advance(ref, 100)
    messages.send(session, queue, [NewMessage(b"young")])
    for _ in range(2):
        leases.receive(session, source, max_messages=1)
    known = KnownQueues(FIGURES)
    [before] = known.read(session, [queue])
    assert isinstance(before, Figures)
    assert before.counts.visible == 2
    advance(queue, 150)
    [after] = known.read(session, [queue])
    assert isinstance(after, Figures)
    assert after.counts.visible == 1


@each_kind
def test_a_queue_that_is_created_again_has_its_own_result(
    session: Session, queue: QueueRef, kind: Kind[Any, Any]
) -> None:
    known = KnownQueues(kind)
    messages.send(session, queue, [NewMessage(b"a")])
    [before] = known.read(session, [queue])
    queues.delete(session, queue)
    assert known.read(session, [queue]) == [None]
    queues.create(session, queue, QueueSettings(delay_seconds=7), creator="zaqar")
    [after] = known.read(session, [queue])
    assert (_visible(before), _visible(after)) == (1, 0)
    if isinstance(after, Figures):
        assert (after.queue.creator, after.queue.settings.delay_seconds) == ("zaqar", 7)


@each_kind
def test_many_queues_are_counted_a_few_at_a_time(session: Session, queue: QueueRef, kind: Kind[Any, Any]) -> None:
    """The server of a store does nothing else while it counts those of one round trip."""
    refs = [queue.sibling(f"{queue.name}-{number}") for number in range(2 * COUNTED_AT_ONCE)]
    for ref in refs:
        queues.create(session, ref, QueueSettings(), creator="sqs")
    known, counted = _noted(kind)
    assert all(isinstance(one, kind.result) for one in known.read(session, refs))
    assert max(map(len, counted)) == COUNTED_AT_ONCE


@each_kind
def test_other_queues_are_forgotten(session: Session, queue: QueueRef, kind: Kind[Any, Any]) -> None:
    other = queue.sibling(f"{queue.name}-other")
    queues.create(session, other, QueueSettings(), creator="sqs")
    known, counted = _noted(kind)
    known.read(session, [queue, other])
    known.keep(1, lambda ref: ref == queue)
    counted.clear()
    known.read(session, [queue, other])
    assert counted == [[queue.name, other.name] if session.store.is_cluster else [other.name]]

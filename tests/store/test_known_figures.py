"""Figures that are remembered are those that counting finds, and a queue is counted only if something has happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from zaqar_core.core import known_figures, leases, messages, queues
from zaqar_core.core.known_figures import KnownFigures
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Figures, NewMessage, QueueSettings, SettingsChange
from zaqar_core.domain.names import QueueRef

Advance = Callable[[QueueRef, float], None]


def _kinds(name: str) -> dict[str, tuple[QueueRef, QueueSettings, str | None]]:
    """Return a queue of each kind, and the group of its messages."""
    plain, fifo = QueueRef("000000000000", "us-east-1", name), QueueRef("000000000000", "us-east-1", f"{name}.fifo")
    return {
        "plain": (plain, QueueSettings(), None),
        "fair": (plain, QueueSettings(), "a group"),
        "fifo with a delay": (fifo, QueueSettings(delay_seconds=10, content_based_deduplication=1), "a group"),
    }


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return a list of the queues that are counted from now on, by round trips."""
    found: list[list[str]] = []
    read = queues.figures

    def counted(session: Session, refs: list[QueueRef]) -> list[known_figures.Answer]:
        found.append([ref.name for ref in refs])
        return read(session, refs)

    monkeypatch.setattr(queues, "figures", counted)
    return found


@pytest.mark.parametrize("kind", _kinds(""))
def test_remembered_figures_are_those_that_counting_finds(
    session: Session, queue_name: str, advance: Advance, kind: str
) -> None:
    ref, settings, group = _kinds(queue_name)[kind]
    queues.create(session, ref, settings, creator="sqs")
    queues.change(session, ref, SettingsChange(set={"retention_seconds": 200}))
    known = KnownFigures()

    def check() -> Figures:
        [remembered], [found] = known.read(session, [ref]), queues.figures(session, [ref])
        assert isinstance(remembered, Figures)
        assert isinstance(found, Figures)
        assert abs(remembered.now_ms - found.now_ms) < 10_000
        assert replace(remembered, now_ms=0) == replace(found, now_ms=0)
        return found

    def checked(change: Callable[[], object]) -> Figures:
        check()
        change()
        return check()

    for number in range(6):
        delay = 30 if number == 5 and not ref.is_fifo else None
        new = NewMessage(str(number).encode(), delay_seconds=delay, group=group)
        checked(lambda new=new: messages.send(session, ref, [new]))  # type: ignore[misc]
    advance(ref, 11)
    leases.receive(session, ref, max_messages=2, visibility_seconds=5)
    assert check().counts.in_flight == 2
    assert checked(lambda: advance(ref, 6)).counts.in_flight == 0  # the leases have ended
    [taken] = leases.receive(session, ref, max_messages=1, visibility_seconds=50)
    receipt = taken.receipt
    assert receipt is not None
    assert checked(lambda: leases.change_visibility(session, ref, [(receipt, 90)])).counts.in_flight == 1
    assert checked(lambda: leases.delete_received(session, ref, [receipt])).counts.in_flight == 0
    assert checked(lambda: advance(ref, 30)).counts.delayed == 0
    changed = checked(lambda: queues.change(session, ref, SettingsChange(documents={"tags": b'{"a": "b"}'})))
    assert changed.queue.settings.documents["tags"] == b'{"a": "b"}'
    checked(lambda: queues.purge_all(session, ref))
    checked(lambda: messages.send(session, ref, [NewMessage(b"x", group=group)]))
    assert checked(lambda: advance(ref, 205)).oldest_sent_ms is None  # past the retention


def test_a_queue_in_which_nothing_happens_is_not_counted_again(
    session: Session, queue: QueueRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = queue.sibling(f"{queue.name}-other")
    queues.create(session, other, QueueSettings(), creator="sqs")
    messages.send(session, queue, [NewMessage(b"a"), NewMessage(b"b")])
    leases.receive(session, queue, max_messages=1, visibility_seconds=600)
    known, counted = KnownFigures(), _counted(monkeypatch)
    for _ in range(3):
        known.read(session, [queue, other])
    is_remembered = not session.store.is_cluster
    assert counted == [[queue.name, other.name]] * (1 if is_remembered else 3)
    counted.clear()
    messages.send(session, other, [NewMessage(b"a")])
    known.read(session, [queue, other])
    assert counted == [[other.name] if is_remembered else [queue.name, other.name]]


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
    known = KnownFigures()
    [before] = known.read(session, [queue])
    assert isinstance(before, Figures)
    assert before.counts.visible == 2
    advance(queue, 150)
    [after] = known.read(session, [queue])
    assert isinstance(after, Figures)
    assert after.counts.visible == 1


def test_a_queue_that_is_created_again_has_its_own_figures(session: Session, queue: QueueRef) -> None:
    known = KnownFigures()
    [before] = known.read(session, [queue])
    queues.delete(session, queue)
    assert known.read(session, [queue]) == [None]
    queues.create(session, queue, QueueSettings(delay_seconds=7), creator="zaqar")
    [after] = known.read(session, [queue])
    assert isinstance(before, Figures)
    assert isinstance(after, Figures)
    assert (before.queue.creator, after.queue.creator, after.queue.settings.delay_seconds) == ("sqs", "zaqar", 7)


def test_many_queues_are_counted_a_few_at_a_time(
    session: Session, queue: QueueRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server of a store does nothing else while it counts those of one round trip."""
    refs = [queue.sibling(f"{queue.name}-{number}") for number in range(known_figures.SIGNS_AT_ONCE)]
    for ref in refs:
        queues.create(session, ref, QueueSettings(), creator="sqs")
    counted = _counted(monkeypatch)
    found = KnownFigures().read(session, refs)
    assert all(isinstance(one, Figures) for one in found)
    assert max(map(len, counted)) == known_figures.COUNTED_AT_ONCE

"""Zaqar's side of the core: lazy queues, claims, ids, listings, pop, purge."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from zaqar_core.core import claims, leases, messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import (
    ClaimedByAnother,
    ClaimNotFound,
    MessageClaimed,
    MessageNotClaimed,
    PostTooLong,
)
from zaqar_core.domain.model import Claim, Counts, NewMessage, Sent, SettingsChange, StoredMessage
from zaqar_core.domain.names import QueueRef

Advance = Callable[[QueueRef, float], None]
CLIENT = uuid.uuid4().bytes


@pytest.fixture
def lazy() -> QueueRef:
    """A queue that does not exist yet."""
    return QueueRef("project", "us-east-1", f"z-{uuid.uuid4().hex[:12]}")


def post(session: Session, queue: QueueRef, *bodies: bytes, **how: int) -> list[str]:
    new = [NewMessage(body, kind="json", client_id=CLIENT, **how) for body in bodies]  # type: ignore[arg-type]
    return [sent.id for sent in messages.post(session, queue, new, post_bytes=100)]


def claim(session: Session, queue: QueueRef, limit: int = 10, ttl: int = 60, grace: int = 60) -> Claim:
    made = claims.create(session, queue, ttl_seconds=ttl, grace_seconds=grace, limit=limit)
    assert made is not None
    return made


def listed(session: Session, queue: QueueRef, **how: object) -> list[StoredMessage]:
    defaults: dict[str, object] = {
        "marker": None, "limit": 20, "except_client_id": None, "include_claimed": False, "include_delayed": False,
    }  # fmt: skip
    return messages.list_page(session, queue, **{**defaults, **how}).messages  # type: ignore[arg-type]


def bodies(found: list[StoredMessage]) -> list[bytes]:
    return [message.body for message in found]


def test_a_post_creates_the_queue_and_lists_it(session: Session, lazy: QueueRef) -> None:
    post(session, lazy, b"1")
    assert lazy.name in queues.names(session, lazy.project, lazy.region, prefix=lazy.name)
    assert queues.get(session, lazy).creator == "zaqar"


def test_claims_never_share_a_message(session: Session, lazy: QueueRef) -> None:
    post(session, lazy, *[b"%d" % n for n in range(6)])
    first, second = claim(session, lazy, 2), claim(session, lazy, 2)
    claims.release(session, lazy, first.id)
    third = claim(session, lazy, 10)
    assert bodies(second.messages) == [b"2", b"3"]
    assert bodies(third.messages) == [b"0", b"1", b"4", b"5"]


def test_an_ended_claim_is_unknown_and_its_messages_are_visible(
    session: Session, lazy: QueueRef, advance: Advance
) -> None:
    post(session, lazy, b"1")
    held = claim(session, lazy)
    advance(lazy, 60)
    with pytest.raises(ClaimNotFound):
        claims.get(session, lazy, held.id)
    assert bodies(claim(session, lazy).messages) == [b"1"]


def test_an_updated_claim_starts_again(session: Session, lazy: QueueRef, advance: Advance) -> None:
    post(session, lazy, b"1")
    held = claim(session, lazy)
    advance(lazy, 50)
    assert claims.get(session, lazy, held.id).age_seconds == 50
    claims.update(session, lazy, held.id, ttl_seconds=300, grace_seconds=60)
    advance(lazy, 200)
    again = claims.get(session, lazy, held.id)
    assert (again.ttl_seconds, again.age_seconds, bodies(again.messages)) == (300, 200, [b"1"])


def test_grace_lets_a_message_outlive_its_claim(session: Session, lazy: QueueRef, advance: Advance) -> None:
    post(session, lazy, b"1", ttl_seconds=60)
    held = claim(session, lazy, ttl=100, grace=60)
    assert held.messages[0].ttl_seconds == 160
    advance(lazy, 159)
    assert bodies(listed(session, lazy)) == [b"1"]
    advance(lazy, 2)
    assert listed(session, lazy) == []


def test_a_claim_extends_only_messages_that_expire_before_its_end(session: Session, lazy: QueueRef) -> None:
    """Messages that are received for the first time share their state in the store's function until one changes."""
    post(session, lazy, b"1", ttl_seconds=3600)
    post(session, lazy, b"2", ttl_seconds=60)
    post(session, lazy, b"3", ttl_seconds=3600)
    made = claim(session, lazy, ttl=300, grace=60)
    assert [message.ttl_seconds for message in made.messages] == [3600, 360, 3600]


def test_a_post_of_many_messages_is_stored_whole(session: Session, lazy: QueueRef) -> None:
    """Lua's stack has no room for the arguments of a single command with all of them."""
    count = 12_000
    sent = messages.post(session, lazy, [NewMessage(b"1", kind="json")] * count, post_bytes=count)
    assert [one.sequence for one in sent] == list(range(1, count + 1))
    assert queues.stats(session, lazy).counts == Counts(visible=count, in_flight=0, delayed=0)


def test_grace_applies_to_messages_that_sqs_sent(session: Session, queue: QueueRef, advance: Advance) -> None:
    queues.change(session, queue, SettingsChange(set={"retention_seconds": 60}))
    messages.send(session, queue, [NewMessage(b"1")])
    claim(session, queue, ttl=100, grace=60)
    advance(queue, 120)
    assert bodies(listed(session, queue)) == [b"1"]


def test_a_posted_message_keeps_the_ttl_it_got(session: Session, lazy: QueueRef, advance: Advance) -> None:
    post(session, lazy, b"1")
    queues.change(session, lazy, SettingsChange(set={"retention_seconds": 60}))
    advance(lazy, 3599)
    assert bodies(listed(session, lazy)) == [b"1"]
    advance(lazy, 2)
    assert listed(session, lazy) == []


def test_a_marker_survives_the_deletion_of_its_message(session: Session, lazy: QueueRef) -> None:
    ids = post(session, lazy, *[b"%d" % n for n in range(5)])
    messages.delete_many(session, lazy, ids[:3])
    assert bodies(listed(session, lazy, marker=ids[2])) == [b"3", b"4"]


def test_a_page_is_filled_past_what_does_not_match(session: Session, lazy: QueueRef) -> None:
    post(session, lazy, *[b"mine"] * 300)
    messages.post(session, lazy, [NewMessage(b"other", client_id=uuid.uuid4().bytes)], post_bytes=9)
    assert bodies(listed(session, lazy, except_client_id=CLIENT)) == [b"other"]


def test_a_foreign_marker_gives_an_empty_page(session: Session, lazy: QueueRef) -> None:
    post(session, lazy, b"1")
    assert listed(session, lazy, marker="sfhlsfdjh2048") == []


def test_held_and_delayed_are_listed_only_on_request(session: Session, lazy: QueueRef) -> None:
    post(session, lazy, b"held", b"free")
    claim(session, lazy, 1)
    queues.change(session, lazy, SettingsChange(set={"delay_seconds": 30}))
    post(session, lazy, b"late")
    assert bodies(listed(session, lazy)) == [b"free"]
    assert bodies(listed(session, lazy, include_claimed=True)) == [b"held", b"free"]
    assert bodies(listed(session, lazy, include_delayed=True)) == [b"free", b"late"]
    assert bodies(listed(session, lazy, include_claimed=True, include_delayed=True)) == [b"held", b"free", b"late"]


def test_an_id_means_nothing_in_another_queue_or_project(session: Session, lazy: QueueRef) -> None:
    [mine] = post(session, lazy, b"1")
    other = QueueRef("other", lazy.region, lazy.name)
    post(session, other, b"2")
    assert messages.get_many(session, other, [mine]) == []
    messages.delete_many(session, other, [mine])
    assert bodies(messages.get_many(session, lazy, [mine])) == [b"1"]


def test_a_deletion_by_id_respects_claims(session: Session, lazy: QueueRef) -> None:
    held, free = post(session, lazy, b"held", b"free")
    mine = claim(session, lazy, 1)
    post(session, lazy, b"x")
    other = claim(session, lazy, 2)
    with pytest.raises(MessageClaimed):
        messages.delete_by_id(session, lazy, held, claim_id=None)
    with pytest.raises(ClaimedByAnother):
        messages.delete_by_id(session, lazy, held, claim_id=other.id)
    with pytest.raises(ClaimNotFound):
        messages.delete_by_id(session, lazy, held, claim_id=str(uuid.uuid4()))
    claims.release(session, lazy, other.id)
    with pytest.raises(MessageNotClaimed):
        messages.delete_by_id(session, lazy, free, claim_id=mine.id)
    messages.delete_by_id(session, lazy, held, claim_id=mine.id)
    assert claims.get(session, lazy, mine.id).messages == []


def test_an_expired_message_is_deleted_although_it_is_held(session: Session, lazy: QueueRef, advance: Advance) -> None:
    """A receive, unlike a claim, does not extend the expiry of a message."""
    [held] = post(session, lazy, b"1", ttl_seconds=60)
    leases.receive(session, lazy, max_messages=1, wait_seconds=0, visibility_seconds=300)
    with pytest.raises(MessageClaimed):
        messages.delete_by_id(session, lazy, held, claim_id=None)
    advance(lazy, 60)
    messages.delete_by_id(session, lazy, held, claim_id=None)
    messages.delete_by_id(session, lazy, held, claim_id=str(uuid.uuid4()))


def test_an_ended_claim_does_not_delete_a_message_that_was_received_again(
    session: Session, lazy: QueueRef, advance: Advance
) -> None:
    """A handle from before the claim may hold the message after it."""
    [held] = post(session, lazy, b"1")
    [received] = leases.receive(session, lazy, max_messages=1, wait_seconds=0, visibility_seconds=30)
    assert received.receipt is not None
    advance(lazy, 30)
    lapsed = claim(session, lazy, ttl=60)
    advance(lazy, 60)
    leases.change_visibility(session, lazy, [(received.receipt, 120)])
    with pytest.raises(ClaimNotFound):
        messages.delete_by_id(session, lazy, held, claim_id=lapsed.id)
    with pytest.raises(ClaimNotFound):
        messages.delete_many(session, lazy, [held], claim_ids=[lapsed.id])
    assert bodies(messages.get_many(session, lazy, [held])) == [b"1"]


@pytest.mark.parametrize("delete_many", [False, True])
def test_an_ended_claim_deletes_messages_of_a_fair_queue(
    session: Session, lazy: QueueRef, advance: Advance, delete_many: bool
) -> None:
    post(session, lazy, b"0")
    [sent] = messages.send(session, lazy, [NewMessage(b"1", group="tenant")])
    assert isinstance(sent, Sent)
    lapsed = claim(session, lazy, 2, ttl=60)
    advance(lazy, 60)
    if delete_many:
        messages.delete_many(session, lazy, [sent.id], claim_ids=[lapsed.id])
    else:
        messages.delete_by_id(session, lazy, sent.id, claim_id=lapsed.id)
    assert bodies(claim(session, lazy).messages) == [b"0"]


def test_a_pop_removes_the_oldest_messages(session: Session, lazy: QueueRef) -> None:
    post(session, lazy, b"1", b"2", b"3")
    assert bodies(messages.pop(session, lazy, limit=2)) == [b"1", b"2"]
    assert queues.stats(session, lazy).counts == Counts(1, 0, 0)


def test_zaqars_purge_keeps_only_messages_in_flight(session: Session, lazy: QueueRef, advance: Advance) -> None:
    post(session, lazy, *[b"%d" % n for n in range(2500)])
    claim(session, lazy, 3)
    leases.receive(session, lazy, max_messages=2, wait_seconds=0)
    queues.change(session, lazy, SettingsChange(set={"delay_seconds": 30}))
    post(session, lazy, *[b"late"] * 1500)
    queues.purge_free(session, lazy)
    assert queues.stats(session, lazy).counts == Counts(0, 5, 0)
    advance(lazy, 90)
    assert queues.stats(session, lazy).counts == Counts(5, 0, 0)


def test_zaqars_purge_deletes_delayed_messages_of_a_fair_queue(
    session: Session, lazy: QueueRef, advance: Advance
) -> None:
    post(session, lazy, b"free")
    messages.send(session, lazy, [NewMessage(b"now", group="tenant")])
    messages.send(session, lazy, [NewMessage(b"late", group="tenant", delay_seconds=30)])
    claim(session, lazy, 1)
    queues.purge_free(session, lazy)
    assert queues.stats(session, lazy).counts == Counts(0, 1, 0)
    advance(lazy, 60)
    assert bodies(claim(session, lazy).messages) == [b"free"]


def test_zaqars_purge_deletes_delayed_messages_of_a_fifo_queue(
    session: Session, lazy: QueueRef, advance: Advance
) -> None:
    fifo = lazy.sibling(f"{lazy.name}.fifo")
    post(session, fifo, b"held", b"behind it")
    claim(session, fifo, 1)
    queues.change(session, fifo, SettingsChange(set={"delay_seconds": 30}))
    post(session, fifo, b"late")
    queues.purge_free(session, fifo)
    assert queues.stats(session, fifo).counts == Counts(0, 1, 0)
    advance(fifo, 60)
    assert bodies(claim(session, fifo).messages) == [b"held"]


def test_a_post_over_the_queues_size_is_refused_whole(session: Session, lazy: QueueRef) -> None:
    post(session, lazy, b"1")
    queues.change(session, lazy, SettingsChange(set={"max_post_bytes": 50}))
    with pytest.raises(PostTooLong):
        post(session, lazy, b"2")
    assert bodies(listed(session, lazy)) == [b"1"]


def test_stats_show_oldest_and_newest(session: Session, lazy: QueueRef) -> None:
    post(session, lazy, b"1", b"2", b"3")
    claim(session, lazy, 1)
    found = queues.stats(session, lazy)
    assert found.oldest is not None
    assert found.newest is not None
    assert (found.oldest.body, found.newest.body) == (b"1", b"3")

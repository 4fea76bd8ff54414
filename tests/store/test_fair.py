"""Fair queues: message groups on a standard queue are tenants, and quiet ones are served first."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from zaqar_core.core import claims, leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Counts, NewMessage, Receipt, SettingsChange, StoredMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys

Advance = Callable[[QueueRef, float], None]


def send(session: Session, ref: QueueRef, *texts: str) -> None:
    """``a1`` is a message of tenant a, ``-1`` one without a group."""
    new = [NewMessage(text.encode(), group=None if text[0] == "-" else text[0]) for text in texts]
    messages.send(session, ref, new)


def receive(session: Session, ref: QueueRef, n: int = 10, seconds: int = 30) -> list[StoredMessage]:
    return leases.receive(session, ref, max_messages=n, visibility_seconds=seconds, wait_seconds=0)


def receipts(found: list[StoredMessage]) -> list[Receipt]:
    return [one.receipt for one in found if one.receipt]


def texts(found: list[StoredMessage]) -> list[str]:
    return [one.body.decode() for one in found]


@pytest.fixture
def noisy(session: Session, queue: QueueRef) -> list[StoredMessage]:
    """Tenant a has 40 messages in flight and 60 that wait."""
    send(session, queue, *["a"] * 100)
    return [one for _ in range(4) for one in receive(session, queue)]


def test_quiet_tenants_are_served_in_order(session: Session, queue: QueueRef) -> None:
    send(session, queue, "-1", "a1", "b1", "-2", "a2")
    assert texts(receive(session, queue)) == ["-1", "a1", "b1", "-2", "a2"]


def test_a_quiet_tenants_message_is_not_behind_a_noisy_ones(
    session: Session, queue: QueueRef, noisy: list[StoredMessage]
) -> None:
    assert len(noisy) == 40
    send(session, queue, "b1", "-1", "c1")
    assert texts(receive(session, queue, 4)) == ["b1", "-1", "c1", "a"]


def test_a_slow_tenant_is_noisy_with_few_in_flight(session: Session, queue: QueueRef, advance: Advance) -> None:
    """A tenant with more than a tenth of the recent processing time is noisy too."""
    send(session, queue, *["a"] * 10)
    [slow] = receive(session, queue, 1)
    advance(queue, 20)
    leases.delete_received(session, queue, receipts([slow]))
    receive(session, queue, 1)
    send(session, queue, "b1")
    assert texts(receive(session, queue, 1)) == ["b1"]


def test_a_noisy_tenant_is_quiet_when_none_of_its_messages_waits(
    session: Session, queue: QueueRef, noisy: list[StoredMessage]
) -> None:
    while rest := receive(session, queue):
        noisy += rest
    leases.delete_received(session, queue, receipts(noisy))
    send(session, queue, "a-new", "b1")
    assert texts(receive(session, queue, 1)) == ["a-new"]


@pytest.mark.usefixtures("noisy")
def test_a_noisy_tenant_is_quiet_when_it_sent_nothing_for_five_minutes(
    session: Session, queue: QueueRef, advance: Advance
) -> None:
    advance(queue, 301)
    send(session, queue, "b1")
    assert texts(receive(session, queue, 1)) == ["a"]


def test_the_noisy_tenant_with_the_fewest_messages_in_flight_is_served(session: Session, queue: QueueRef) -> None:
    send(session, queue, *["a"] * 60, *["b"] * 60)
    found = [one for _ in range(8) for one in receive(session, queue)]
    shares = {tenant: sum(one.group == tenant for one in found) for tenant in "ab"}
    assert abs(shares["a"] - shares["b"]) <= 31
    more = [one for _ in range(4) for one in receive(session, queue)]
    total = {tenant: shares[tenant] + sum(one.group == tenant for one in more) for tenant in "ab"}
    assert total == {"a": 60, "b": 60}


def test_nothing_is_lost_and_counts_agree(session: Session, queue: QueueRef, advance: Advance) -> None:
    send(session, queue, *[f"{tenant}{n}" for n in range(30) for tenant in "ab-"])
    first = [one for _ in range(3) for one in receive(session, queue)]
    leases.change_visibility(session, queue, [(receipt, 0) for receipt in receipts(first[:10])])
    leases.delete_received(session, queue, receipts(first[10:20]))
    assert queues.get_with_counts(session, queue)[1] == Counts(70, 10, 0)
    advance(queue, 31)
    assert queues.get_with_counts(session, queue)[1] == Counts(80, 0, 0)
    found: list[str] = []
    while got := receive(session, queue):
        found += texts(got)
        leases.delete_received(session, queue, receipts(got))
    assert len(found) == len(set(found)) == 80
    assert queues.get_with_counts(session, queue)[1] == Counts(0, 0, 0)


def test_a_delayed_message_joins_its_tenant(session: Session, queue: QueueRef, advance: Advance) -> None:
    messages.send(session, queue, [NewMessage(b"a1", group="a", delay_seconds=60)])
    assert receive(session, queue) == []
    advance(queue, 61)
    assert texts(receive(session, queue)) == ["a1"]


def test_a_process_that_does_not_know_of_groups_switches_to_a_fair_queue(
    session: Session, queue: QueueRef, core: Core
) -> None:
    send(session, queue, "a1", "-1")
    core.grouped.clear()
    assert texts(receive(session, queue, 1)) == ["a1"]
    core.grouped.clear()
    send(session, queue, "-2")
    assert texts(receive(session, queue)) == ["-1", "-2"]


def test_expired_messages_and_dead_letters_leave_their_tenant(
    session: Session, queue: QueueRef, advance: Advance
) -> None:
    dead = queue.sibling(queue.name + "-dead")
    queues.create(session, dead, queues.get(session, queue).settings, creator="sqs")
    queues.change(
        session,
        queue,
        SettingsChange(set={"dead_letter_queue": dead.name, "max_receive_count": 1, "retention_seconds": 60}),
    )
    send(session, queue, "a1", "b1")
    receive(session, queue, seconds=0)
    send(session, queue, "a2")
    assert texts(receive(session, queue, seconds=10)) == ["a2"]
    assert [(one.body, one.group) for one in receive(session, dead)] == [(b"a1", "a"), (b"b1", "b")]
    advance(queue, 61)
    assert queues.get_with_counts(session, queue)[1] == Counts(0, 0, 0)
    send(session, queue, "a3")
    assert texts(receive(session, queue)) == ["a3"]


def test_a_claim_is_as_fair_as_a_receive(session: Session, queue: QueueRef, noisy: list[StoredMessage]) -> None:
    assert noisy
    send(session, queue, "b1")
    claim = claims.create(session, queue, ttl_seconds=60, grace_seconds=60, limit=2)
    assert claim is not None
    assert texts(claim.messages) == ["b1", "a"]
    claims.release(session, queue, claim.id)
    assert queues.get_with_counts(session, queue)[1] == Counts(61, 40, 0)


def test_a_receive_writes_nothing_of_tenants_that_it_does_not_serve(
    session: Session, queue: QueueRef, noisy: list[StoredMessage], advance: Advance
) -> None:
    """It does not depend on the number of noisy tenants, because each write costs."""
    send(session, queue, *["b"] * 80)
    noisy += [one for _ in range(4) for one in receive(session, queue)]
    tenants = keys.queue(queue) + b":gc"
    assert session.store.command("ZCARD", keys.queue(queue) + b":tn") == 2
    before = session.store.command("HGETALL", tenants)
    advance(queue, 1)
    [served] = receive(session, queue, 1)
    after = session.store.command("HGETALL", tenants)
    assert served.group is not None
    changed = [field for field in before[::2] if _value(before, field) != _value(after, field)]
    assert changed == [session.ids.group(served.group)]


def _value(flat: list[bytes], field: bytes) -> bytes:
    return flat[flat.index(field) + 1]

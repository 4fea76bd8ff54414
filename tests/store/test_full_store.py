"""A store at its memory limit: messages can be received and deleted, and nothing new is stored."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from tests.private_valkey import PrivateValkey
from tests.store import fifo, redrive
from tests.store.private_server import core_on_server, private_server
from zaqar_core.background.housekeeping import Housekeeping
from zaqar_core.background.usage import UsageMeter
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import claims, leases, messages, queues, subscriptions
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import AccountInFlightLimitReached, StoreFull
from zaqar_core.domain.model import NewMessage, QueueSettings, SettingsChange
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys, script

#: A limit that every server exceeds.
TINY = 1


server = pytest.fixture(scope="module")(private_server)
core = pytest.fixture(scope="module")(core_on_server)


@pytest.fixture
def roomy(server: PrivateValkey) -> Iterator[None]:
    """The server has room again after the test."""
    yield
    limit(server, 0)


def limit(server: PrivateValkey, maxmemory: int) -> None:
    with server.client() as client:
        client.config_set("maxmemory", maxmemory)


def size(server: PrivateValkey) -> int:
    with server.client() as client:
        return int(client.dbsize())


def send(session: Session, ref: QueueRef, number: int = 1) -> None:
    messages.send(session, ref, [NewMessage(b"%d" % at) for at in range(number)])


@pytest.mark.usefixtures("roomy")
def test_a_full_store_can_be_emptied(server: PrivateValkey, session: Session, queue: QueueRef) -> None:
    send(session, queue, 6)
    limit(server, TINY)
    first, second = leases.receive(session, queue, max_messages=2, visibility_seconds=30, wait_seconds=0)
    assert first.receipt
    assert second.receipt
    assert leases.change_visibility(session, queue, [(second.receipt, 0)]) == [None]
    assert leases.delete_received(session, queue, [first.receipt]) == [None]
    claim = claims.create(session, queue, ttl_seconds=60, grace_seconds=60, limit=1)
    assert claim
    claims.update(session, queue, claim.id, ttl_seconds=90, grace_seconds=60)
    messages.delete_by_id(session, queue, claim.messages[0].id, claim_id=claim.id)
    claims.release(session, queue, claim.id)
    assert len(messages.pop(session, queue, limit=1)) == 1
    page = messages.list_page(
        session, queue, marker=None, limit=9, except_client_id=None, include_claimed=True, include_delayed=True
    )
    assert len(page.messages) == 3
    assert queues.get_with_counts(session, queue)[1].visible == 3
    queues.purge_free(session, queue)
    queues.purge_all(session, queue)
    assert queues.stats(session, queue).counts.visible == 0
    queues.delete(session, queue)
    assert queue.name not in queues.names(session, queue.project, queue.region)


@pytest.mark.usefixtures("roomy")
def test_groups_of_a_full_store_can_be_emptied(server: PrivateValkey, session: Session, queue: QueueRef) -> None:
    ordered = fifo.make(session)
    fifo.send(session, ordered, "a1", "b1")
    messages.send(session, queue, [NewMessage(b"1", group="a")])
    limit(server, TINY)
    for ref in (ordered, queue):
        found = leases.receive(session, ref, max_messages=10, visibility_seconds=30, wait_seconds=0)
        assert leases.delete_received(session, ref, [one.receipt for one in found if one.receipt]) == [None] * len(
            found
        )
        assert queues.get_with_counts(session, ref)[1].visible == 0


@pytest.mark.usefixtures("roomy")
def test_a_full_store_stores_nothing_and_says_so(server: PrivateValkey, session: Session, queue: QueueRef) -> None:
    new = QueueRef(queue.project, queue.region, "new")
    before = size(server)
    limit(server, TINY)
    with pytest.raises(StoreFull):
        send(session, queue)
    with pytest.raises(StoreFull):
        messages.post(session, new, [NewMessage(b"1")], post_bytes=1)
    with pytest.raises(StoreFull):
        queues.create(session, new, QueueSettings(), creator="sqs")
    with pytest.raises(StoreFull):
        queues.change(session, queue, SettingsChange(set={"delay_seconds": 3}))
    with pytest.raises(StoreFull):
        subscriptions.create(session, queue, subscriber="http://a.invalid/", options=b"{}", ttl_seconds=60)
    assert size(server) == before
    assert queues.get_with_counts(session, queue)[1].visible == 0
    assert queues.get(session, queue).settings.delay_seconds is None
    assert not queues.create(session, queue, QueueSettings(), creator="sqs").is_new


@pytest.mark.usefixtures("roomy")
def test_dead_letters_move_in_a_full_store(server: PrivateValkey, session: Session, queue: QueueRef) -> None:
    dead = redrive.dead_letter_queue_of(session, queue)
    send(session, queue)
    limit(server, TINY)
    for _ in range(9):
        leases.receive(session, queue, max_messages=1, visibility_seconds=0, wait_seconds=0)
    assert queues.get_with_counts(session, queue)[1].visible == 0
    assert queues.get_with_counts(session, dead)[1].visible == 1


@pytest.mark.usefixtures("roomy")
def test_housekeeping_empties_a_full_store(server: PrivateValkey, core: Core, session: Session) -> None:
    ref = QueueRef("full", "us-east-1", "expiring")
    queues.create(session, ref, QueueSettings(retention_seconds=60), creator="sqs")
    send(session, ref, 3)
    session.run(script("clock"), ref, [61_000])
    for shard in range(16):
        session.store.command("DEL", keys.housekeeping_lease(shard))
    limit(server, TINY)
    Housekeeping(core).round()
    assert session.store.command("EXISTS", keys.queue(ref) + b":m") == 0


@pytest.mark.usefixtures("roomy")
def test_an_account_that_has_used_up_its_quota_recovers_in_a_full_store(server: PrivateValkey) -> None:
    """Otherwise nobody could receive the messages that fill the store."""
    core = Core(Settings(redis=server.url, durability="memory", max_in_flight_per_account=2), server.url)
    with contextlib.closing(core):
        session, ref = core.session(), QueueRef("busy", "us-east-1", "q")
        queues.create(session, ref, QueueSettings(), creator="sqs")
        send(session, ref, 4)
        quotas = core.quotas
        assert quotas is not None
        meter = UsageMeter(core, quotas)
        taken = leases.receive(session, ref, max_messages=2, visibility_seconds=30, wait_seconds=0)
        meter.round()
        with pytest.raises(AccountInFlightLimitReached):
            leases.receive(session, ref, max_messages=1, visibility_seconds=30, wait_seconds=0)
        limit(server, TINY)
        leases.delete_received(session, ref, [one.receipt for one in taken if one.receipt])
        session.store.command("DEL", keys.USAGE_LEASE)
        meter.round()
        assert len(leases.receive(session, ref, max_messages=2, visibility_seconds=30, wait_seconds=0)) == 2


@pytest.mark.usefixtures("roomy")
def test_a_process_can_start_on_a_full_store(server: PrivateValkey, core: Core, queue: QueueRef) -> None:
    send(core.session(), queue)
    limit(server, TINY)
    other = Core(Settings(redis=server.url, durability="memory", store_connections=4), server.url)
    try:
        assert other.secrets.secret == core.secrets.secret
        [found] = leases.receive(other.session(), queue, max_messages=1, visibility_seconds=9, wait_seconds=0)
        assert found.receipt
        assert leases.delete_received(core.session(), queue, [found.receipt]) == [None]
    finally:
        other.close()

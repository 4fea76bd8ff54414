"""A store that refuses a later step of an operation: what was taken is returned, what was changed is not denied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.private_valkey import PrivateValkey
from tests.store import redrive
from tests.store.private_server import core_on_server, private_server
from zaqar_core.core import claims, dead_letters, deliveries, leases, messages, move_tasks, queues, subscriptions
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreFull, StoreUnavailable, StoreUnfit
from zaqar_core.domain.model import NewMessage
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import registry

server = pytest.fixture(scope="module")(private_server)
core = pytest.fixture(scope="module")(core_on_server)


@pytest.fixture
def refusing(server: PrivateValkey, session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Return a function: from the call ``number`` of ``owner.name`` on, the server refuses all writes."""

    def refuse_from(owner: Any, name: str, number: int = 1) -> None:
        real, calls = getattr(owner, name), 0

        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == number:
                need_replicas(server, 1)
            return real(*arguments, **named)

        monkeypatch.setattr(owner, name, call)

    yield refuse_from
    need_replicas(server, 0)
    session.store.inspect()


def need_replicas(server: PrivateValkey, number: int) -> None:
    with server.client() as client:
        client.config_set("min-replicas-to-write", number)


def receive(session: Session, ref: QueueRef) -> list[bytes]:
    return [one.body for one in leases.receive(session, ref, max_messages=10, wait_seconds=0)]


def claim(session: Session, ref: QueueRef) -> list[bytes]:
    claimed = claims.create(session, ref, ttl_seconds=60, grace_seconds=60, limit=10)
    return [] if claimed is None else [one.body for one in claimed.messages]


def pop(session: Session, ref: QueueRef) -> list[bytes]:
    return [one.body for one in messages.pop(session, ref, limit=10)]


@pytest.mark.parametrize("take", [receive, claim, pop])
def test_messages_are_returned_although_dead_letters_before_them_cannot_move(
    server: PrivateValkey,
    session: Session,
    queue: QueueRef,
    refusing: Callable[..., None],
    take: Callable[[Session, QueueRef], list[bytes]],
) -> None:
    """Popped messages exist nowhere else: an error in place of them would lose them."""
    dead = redrive.dead_letter_queue_of(session, queue)
    messages.send(session, queue, [NewMessage(b"dead")])
    assert receive(session, queue) == [b"dead"]
    messages.send(session, queue, [NewMessage(b"live")])
    refusing(dead_letters, "finish_moves")
    assert take(session, queue) == [b"live"]
    need_replicas(server, 0)
    assert queues.get_with_counts(session, dead)[1].visible == 0


def delete(session: Session, ref: QueueRef) -> None:
    queues.delete(session, ref)


def purge(session: Session, ref: QueueRef) -> None:
    queues.purge_free(session, ref)


def start(session: Session, ref: QueueRef) -> None:
    move_tasks.start(session, ref, destination=ref.sibling("other"), messages_per_second=1)


def subscribe(session: Session, ref: QueueRef) -> None:
    subscriptions.create(session, ref, subscriber="http://a.invalid/", options=b"{}", ttl_seconds=60)


@pytest.mark.parametrize(
    ("operation", "step"),
    [
        (delete, (registry, "remove", 1)),
        (purge, (Session, "run", 2)),
        (start, (move_tasks, "enlist", 2)),
        (subscribe, (deliveries, "enlist", 2)),
    ],
)
def test_the_outcome_is_unknown_if_the_store_refuses_a_step_after_the_first_change(
    session: Session,
    queue: QueueRef,
    refusing: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    operation: Callable[[Session, QueueRef], None],
    step: tuple[Any, str, int],
) -> None:
    """Clients read StoreUnfit and StoreFull as the promise that nothing was changed."""
    messages.send(session, queue, [NewMessage(b"1"), NewMessage(b"2")])
    monkeypatch.setattr(queues, "_PURGE_STEP", 1)
    refusing(*step)
    with pytest.raises(StoreUnavailable, match="min-replicas-to-write") as raised:
        operation(session, queue)
    assert not isinstance(raised.value, StoreUnfit | StoreFull)

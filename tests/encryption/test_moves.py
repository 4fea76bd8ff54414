"""Encrypted messages that move between queues."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from tests.encryption.conftest import Process, everything, make_queue
from zaqar_core.core import leases, messages, move_tasks, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Attribute, NewMessage, QueueSettings, SettingsChange
from zaqar_core.domain.names import QueueRef

Advance = Callable[[QueueRef, float], None]


def _with_dead_letters(session: Session, suffix: str, *, dead_is_encrypted: bool) -> tuple[QueueRef, QueueRef]:
    """An encrypted queue that delivers each message once, and its dead-letter queue."""
    dead = make_queue(session, QueueSettings(managed_encryption=int(dead_is_encrypted)), suffix=suffix)
    settings = QueueSettings(managed_encryption=1, dead_letter_queue=dead.name, max_receive_count=1)
    return make_queue(session, settings, suffix=suffix), dead


def _die(session: Session, source: QueueRef, advance: Advance, body: bytes) -> None:
    group = "g" if source.is_fifo else None
    attribute = Attribute("a", "String", b"1")
    messages.send(session, source, [NewMessage(body, attributes=(attribute,), group=group, dedup_id=group)])
    leases.receive(session, source, max_messages=1, visibility_seconds=1)
    advance(source, 2)
    assert leases.receive(session, source, max_messages=1) == []


@pytest.mark.parametrize("suffix", ["", ".fifo"])
@pytest.mark.parametrize("dead_is_encrypted", [True, False])
def test_a_dead_letter_stays_encrypted_and_can_be_read(
    keyed: Session, valkey: str, advance: Advance, suffix: str, dead_is_encrypted: bool
) -> None:
    source, dead = _with_dead_letters(keyed, suffix, dead_is_encrypted=dead_is_encrypted)
    body = uuid.uuid4().hex.encode()
    _die(keyed, source, advance, body)
    assert body not in everything(valkey)
    [found] = leases.receive(keyed, dead, max_messages=1)
    assert (found.body, found.attributes[0].value, found.source_queue) == (body, b"1", source)


def test_a_dead_letter_moves_without_its_key(processes: Process, advance: Advance) -> None:
    one, without = processes("one"), processes()
    source, dead = _with_dead_letters(one, "", dead_is_encrypted=False)
    messages.send(one, source, [NewMessage(b"a")])
    leases.receive(one, source, max_messages=1, visibility_seconds=1)
    advance(source, 2)
    assert leases.receive(without, source, max_messages=1) == []
    assert [found.body for found in leases.receive(one, dead, max_messages=1)] == [b"a"]


def _run_task(session: Session, source: QueueRef, destination: QueueRef | None) -> str:
    move_tasks.start(session, source, destination=destination, messages_per_second=None)
    for _ in range(20):
        if move_tasks.step(session, source, "test") is None:
            break
    [task] = move_tasks.listed(session, source, limit=1)
    return f"{task.status} {task.failure or ''}".strip()


@pytest.mark.parametrize("suffix", ["", ".fifo"])
def test_a_move_task_brings_encrypted_messages_back(keyed: Session, valkey: str, advance: Advance, suffix: str) -> None:
    source, dead = _with_dead_letters(keyed, suffix, dead_is_encrypted=False)
    body = uuid.uuid4().hex.encode()
    _die(keyed, source, advance, body)
    assert _run_task(keyed, dead, None) == "COMPLETED"
    assert body not in everything(valkey)
    assert [found.body for found in leases.receive(keyed, source, max_messages=1)] == [body]


def test_a_move_task_into_a_queue_without_encryption_keeps_it(keyed: Session, valkey: str, advance: Advance) -> None:
    source, dead = _with_dead_letters(keyed, "", dead_is_encrypted=True)
    target = make_queue(keyed, QueueSettings())
    body = uuid.uuid4().hex.encode()
    _die(keyed, source, advance, body)
    assert _run_task(keyed, dead, target) == "COMPLETED"
    assert body not in everything(valkey)
    assert [found.body for found in messages.pop(keyed, target, limit=1)] == [body]


def test_a_move_task_without_the_key_fails_and_loses_nothing(processes: Process, advance: Advance) -> None:
    one, without = processes("one"), processes()
    source, dead = _with_dead_letters(one, "", dead_is_encrypted=False)
    _die(one, source, advance, b"a")
    assert _run_task(without, dead, None) == "FAILED CouldNotDecryptMessage"
    assert [found.body for found in leases.receive(one, dead, max_messages=1)] == [b"a"]


def test_a_plain_message_moves_into_an_encrypted_queue(keyed: Session, advance: Advance) -> None:
    source, dead = _with_dead_letters(keyed, "", dead_is_encrypted=True)
    queues.change(keyed, source, SettingsChange(set={"managed_encryption": 0}))
    _die(keyed, source, advance, b"a")
    assert [found.body for found in messages.pop(keyed, dead, limit=1)] == [b"a"]

"""Keys that change, keys that are missing, and records that were tampered with."""

from __future__ import annotations

import itertools
import logging
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from tests.encryption.conftest import Process, key, make_queue
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import load
from zaqar_core.core import claims, leases, messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain import encryption
from zaqar_core.domain.errors import CoreError, MessageUnreadable
from zaqar_core.domain.model import Attribute, NewMessage, QueueSettings, Sent
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys

Advance = Callable[[QueueRef, float], None]


def _tamper(session: Session, ref: QueueRef, sequence: int) -> None:
    """Change one bit in the last byte of the message."""
    where = keys.queue(ref) + b":m"
    record: bytes = session.store.command("HGET", where, sequence)
    session.store.command("HSET", where, sequence, record[:-1] + bytes([record[-1] ^ 1]))


def _send(session: Session, ref: QueueRef, *bodies: bytes, group: str | None = None) -> list[Sent]:
    given = [NewMessage(body, group=group, dedup_id=body.decode() if group else None) for body in bodies]
    return [one for one in messages.send(session, ref, given) if isinstance(one, Sent)]


def test_after_a_rotation_old_and_new_messages_are_read(processes: Process) -> None:
    before, after = processes("old"), processes("new", "old")
    ref = make_queue(before)
    _send(before, ref, b"a")
    _send(after, ref, b"b")
    assert [one.body for one in leases.receive(after, ref, max_messages=10)] == [b"a", b"b"]


def test_the_first_key_encrypts(processes: Process) -> None:
    before, after = processes("old"), processes("new", "old")
    ref = make_queue(before)
    _send(after, ref, b"a")
    with pytest.raises(MessageUnreadable) as failure:
        leases.receive(before, ref, max_messages=10)
    assert failure.value == MessageUnreadable("new", is_key_missing=True)


def test_unreadable_messages_are_left_out(processes: Process) -> None:
    one, other = processes("one"), processes("other")
    ref = make_queue(one)
    _send(one, ref, b"a")
    _send(other, ref, b"b")
    assert [found.body for found in leases.receive(other, ref, max_messages=10)] == [b"b"]


def test_unreadable_messages_stay_in_the_queue(processes: Process, advance: Advance) -> None:
    one, without = processes("one"), processes()
    ref = make_queue(one)
    _send(one, ref, b"a")
    with pytest.raises(MessageUnreadable):
        leases.receive(without, ref, max_messages=10, visibility_seconds=30)
    advance(ref, 31)
    assert [found.body for found in leases.receive(one, ref, max_messages=10)] == [b"a"]


def test_a_pop_deletes_no_unreadable_message(processes: Process, advance: Advance) -> None:
    one, other = processes("one"), processes("other")
    ref = make_queue(one)
    _send(one, ref, b"a")
    _send(other, ref, b"b")
    assert [found.body for found in messages.pop(other, ref, limit=10)] == [b"b"]
    advance(ref, 61)
    with pytest.raises(MessageUnreadable):
        messages.pop(other, ref, limit=10)
    advance(ref, 61)
    assert [found.body for found in messages.pop(one, ref, limit=10)] == [b"a"]


def test_a_pop_returns_its_messages_although_their_deletion_is_refused(
    keyed: Session, monkeypatch: pytest.MonkeyPatch, advance: Advance
) -> None:
    """They may be deleted nevertheless, and exist nowhere else then."""
    ref = make_queue(keyed)
    _send(keyed, ref, b"a")
    delete = messages.delete_many

    def delete_refused(*arguments: Any) -> None:
        keyed.store.command("CONFIG", "SET", "min-replicas-to-write", 1)
        try:
            delete(*arguments)
        finally:
            keyed.store.command("CONFIG", "SET", "min-replicas-to-write", 0)
            keyed.store.inspect()

    monkeypatch.setattr(messages, "delete_many", delete_refused)
    assert [found.body for found in messages.pop(keyed, ref, limit=1)] == [b"a"]
    monkeypatch.undo()
    advance(ref, 61)
    assert [found.body for found in messages.pop(keyed, ref, limit=1)] == [b"a"], "nothing was deleted"


def test_a_pop_shows_the_ttl_of_a_message(keyed: Session, advance: Advance) -> None:
    """The lease during the pop does not extend it."""
    ref = make_queue(keyed)
    messages.post(keyed, ref, [NewMessage(b"1", "json", ttl_seconds=70)], post_bytes=1)
    advance(ref, 30)
    [popped] = messages.pop(keyed, ref, limit=1)
    assert (popped.ttl_seconds, (popped.now_ms - popped.sent_ms) // 1000) == (70, 30)


def test_a_group_waits_for_its_unreadable_message(processes: Process) -> None:
    one, other = processes("one"), processes("other")
    ref = make_queue(one, QueueSettings(managed_encryption=1), suffix=".fifo")
    _send(one, ref, b"a", group="g")
    _send(other, ref, b"b", group="g")
    _send(other, ref, b"c", group="h")
    assert [found.body for found in leases.receive(other, ref, max_messages=10)] == [b"c"]


@pytest.mark.parametrize("way", ["receive", "claim", "list", "get", "pop"])
def test_a_tampered_message_is_refused_and_stays(keyed: Session, sealed: QueueRef, way: str) -> None:
    [sent] = _send(keyed, sealed, b"a")
    _tamper(keyed, sealed, sent.sequence)
    calls: dict[str, Callable[[], object]] = {
        "receive": lambda: leases.receive(keyed, sealed, max_messages=1),
        "claim": lambda: claims.create(keyed, sealed, ttl_seconds=60, grace_seconds=60, limit=1),
        "list": lambda: messages.list_page(
            keyed, sealed, marker=None, limit=5, except_client_id=None, include_claimed=False, include_delayed=False
        ),
        "get": lambda: messages.get_many(keyed, sealed, [sent.id]),
        "pop": lambda: messages.pop(keyed, sealed, limit=1),
    }
    with pytest.raises(MessageUnreadable) as failure:
        calls[way]()
    assert failure.value == MessageUnreadable("k1", is_key_missing=False)
    counts = queues.get_with_counts(keyed, sealed)[1]
    assert counts.visible + counts.in_flight == 1


def test_a_record_cut_short_is_refused(keyed: Session, sealed: QueueRef) -> None:
    [sent] = _send(keyed, sealed, b"a")
    where = keys.queue(sealed) + b":m"
    record: bytes = keyed.store.command("HGET", where, sent.sequence)
    for length in range(22, len(record)):
        keyed.store.command("HSET", where, sent.sequence, record[:length])
        with pytest.raises(MessageUnreadable):
            messages.get_many(keyed, sealed, [sent.id])


def test_no_changed_bit_causes_another_message_or_an_unexpected_error(keyed: Session, sealed: QueueRef) -> None:
    """What stands before byte 13 is the time, which the message's content does not depend on."""
    given = NewMessage(b"a body", attributes=(Attribute("a", "String", b"1"),), client_id=b"0123456789abcdef")
    [sent] = [one for one in messages.send(keyed, sealed, [given]) if isinstance(one, Sent)]
    where = keys.queue(sealed) + b":m"
    record: bytes = keyed.store.command("HGET", where, sent.sequence)
    outcomes: set[str] = set()
    for place, bit in itertools.product(range(13, len(record)), range(8)):
        changed = bytes([record[place] ^ 1 << bit])
        keyed.store.command("HSET", where, sent.sequence, record[:place] + changed + record[place + 1 :])
        try:
            found = messages.get_many(keyed, sealed, [sent.id])
        except CoreError as problem:
            outcomes.add(type(problem).__name__)
            continue
        assert [(one.body, one.attributes) for one in found] in ([], [(given.body, given.attributes)]), (place, bit)
        outcomes.add("the message" if found else "none of that id")
    # A bit of the flags has no meaning yet.
    assert outcomes == {"MessageUnreadable", "none of that id", "the message"}


def test_a_message_cannot_be_decrypted_in_another_project(keyed: Session, sealed: QueueRef) -> None:
    """A user who can write to the store cannot get the content of another project's message."""
    [sent] = _send(keyed, sealed, b"a")
    record: bytes = keyed.store.command("HGET", keys.queue(sealed) + b":m", sent.sequence)
    other = QueueRef("111111111111", sealed.region, sealed.name)
    queues.create(keyed, other, QueueSettings(managed_encryption=1), creator="sqs")
    _send(keyed, other, b"b")
    keyed.store.command("HSET", keys.queue(other) + b":m", 1, record)
    with pytest.raises(MessageUnreadable):
        leases.receive(keyed, other, max_messages=1)


def test_the_log_names_key_and_queue_and_no_secret(processes: Process, caplog: pytest.LogCaptureFixture) -> None:
    one, without = processes("one"), processes()
    ref = make_queue(one)
    _send(one, ref, b"a secret body")
    with caplog.at_level(logging.DEBUG), pytest.raises(MessageUnreadable):
        leases.receive(without, ref, max_messages=1)
    [line] = [record.getMessage() for record in caplog.records if record.name == "sqs_facade.encryption"]
    assert line == (
        f"message 1 of queue {keys.address(ref)} cannot be decrypted with key one: add the key to encryption_keys"
    )
    assert key("one").partition(":")[2] not in caplog.text
    assert "secret" not in caplog.text


_KEY = b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ("a", "entry 1 must be NAME:KEY, and NAME may contain only A-Z a-z 0-9 . _ -"),
        ("0123456789abcdef" * 4, "entry 1 must be NAME:KEY, and NAME may contain only A-Z a-z 0-9 . _ -"),
        ("a:c2hvcnQ=", "the key named a must be 32 bytes in base64"),
        ("a:no base64", "the key named a must be 32 bytes in base64"),
        (f":{_KEY}", "entry 1 must be NAME:KEY, and NAME may contain only A-Z a-z 0-9 . _ -"),
        (f"a:{_KEY},a:{_KEY}", "two keys are named a: give each key its own name"),
    ],
)
def test_a_wrong_setting_is_one_line_without_the_key(entries: str, reason: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        load({}, {"SQS_FACADE_ENCRYPTION_KEYS": entries})
    source = "environment variable SQS_FACADE_ENCRYPTION_KEYS"
    assert str(refused.value) == f"{source} must be a list, each entry name:base64 of 32 bytes: {reason}"


def test_a_new_salt_is_drawn_after_its_number_of_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "_MESSAGES_OF_A_SALT", 2)
    keyring = encryption.Keyring(encryption.parse([key("k")]))
    salts = [keyring.seal(b"", b"")[2:18] for _ in range(4)]
    assert salts[0] == salts[1] != salts[2] == salts[3]

"""The data of an encrypted queue in the store."""

from __future__ import annotations

import uuid

import pytest

from tests.encryption.conftest import everything, make_queue
from zaqar_core.core import leases, messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import EncryptionKeyMissing
from zaqar_core.domain.model import Attribute, NewMessage, QueueSettings, SettingsChange
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys
from zaqar_core.store.statistics import STATISTICS


def _full(secret: str, group: str | None = None) -> NewMessage:
    """A message that holds the secret in every part that its sender chose."""
    return NewMessage(
        f"body {secret}".encode(),
        attributes=(Attribute(f"name.{secret}", "String", f"value {secret}".encode()),),
        system_attributes=(Attribute("AWSTraceHeader", "String", f"Root={secret}".encode()),),
        sender=f"sender {secret}",
        group=group,
    )


@pytest.mark.parametrize("suffix", ["", ".fifo"])
def test_the_store_holds_neither_body_nor_attributes(keyed: Session, valkey: str, suffix: str) -> None:
    secret = uuid.uuid4().hex
    settings = QueueSettings(managed_encryption=1, content_based_deduplication=1)
    ref = make_queue(keyed, settings, suffix=suffix)
    messages.send(keyed, ref, [_full(secret, group=f"group {secret}" if suffix else None)])
    leases.receive(keyed, ref, max_messages=1, attempt_id="a" if suffix else None)
    assert secret.encode() not in everything(valkey)


def test_the_check_of_the_store_finds_plain_messages(keyed: Session, valkey: str) -> None:
    secret = uuid.uuid4().hex
    messages.send(keyed, make_queue(keyed, QueueSettings()), [_full(secret)])
    assert everything(valkey).count(secret.encode()) == 5


def test_zaqar_posts_are_encrypted_too(keyed: Session, valkey: str) -> None:
    secret = uuid.uuid4().hex
    ref = make_queue(keyed, QueueSettings(encrypt_messages=1))
    messages.post(keyed, ref, [NewMessage(f'{{"a":"{secret}"}}'.encode(), kind="json")], post_bytes=60)
    assert secret.encode() not in everything(valkey)


def test_switching_encryption_concerns_new_messages_only(keyed: Session, valkey: str) -> None:
    """Encrypted and plain messages are in one queue, and are received in order."""
    ref = make_queue(keyed, QueueSettings())
    texts = [uuid.uuid4().hex.encode() for _ in range(4)]
    for text, wish in zip(texts, (0, 1, 0, 1), strict=True):
        queues.change(keyed, ref, SettingsChange(set={"managed_encryption": wish}))
        messages.send(keyed, ref, [NewMessage(text)])
    found = everything(valkey)
    assert [text in found for text in texts] == [True, False, True, False]
    assert [one.body for one in leases.receive(keyed, ref, max_messages=10)] == texts


def test_either_dialect_can_switch_encryption_on(keyed: Session, valkey: str) -> None:
    secret = uuid.uuid4().hex.encode()
    ref = make_queue(keyed, QueueSettings(managed_encryption=0, encrypt_messages=1))
    messages.send(keyed, ref, [NewMessage(secret)])
    assert secret not in everything(valkey)


def test_a_process_without_a_key_sends_nothing_unencrypted(session: Session, sealed: QueueRef) -> None:
    with pytest.raises(EncryptionKeyMissing):
        messages.send(session, sealed, [NewMessage(b"a")])
    assert queues.get_with_counts(session, sealed)[1].visible == 0


def test_a_queue_that_is_created_again_without_encryption_is_served(
    keyed: Session, sealed: QueueRef, valkey: str
) -> None:
    messages.send(keyed, sealed, [NewMessage(b"a")])
    queues.delete(keyed, sealed)
    queues.create(keyed, sealed, QueueSettings(), creator="sqs")
    text = uuid.uuid4().hex.encode()
    messages.send(keyed, sealed, [NewMessage(text)])
    assert text in everything(valkey)


def test_a_long_message_counts_as_its_plain_text(keyed: Session, sealed: QueueRef) -> None:
    body = b"a" * (1 << 20)
    [sent] = messages.send(keyed, sealed, [NewMessage(body, size_bytes=len(body))])
    assert messages.get_many(keyed, sealed, [getattr(sent, "id", "")])[0].body == body


def test_a_send_to_a_known_queue_is_one_round_trip(keyed: Session, sealed: QueueRef) -> None:
    messages.send(keyed, sealed, [NewMessage(b"a")])
    before = STATISTICS.round_trips
    messages.send(keyed, sealed, [NewMessage(b"b")])
    assert STATISTICS.round_trips - before == 1


def test_content_deduplicates_in_an_encrypted_queue(keyed: Session) -> None:
    settings = QueueSettings(managed_encryption=1, content_based_deduplication=1)
    ref = make_queue(keyed, settings, suffix=".fifo")
    first, again = (messages.send(keyed, ref, [NewMessage(b"a", group="g")])[0] for _ in range(2))
    assert first == again
    [found] = leases.receive(keyed, ref, max_messages=10)
    assert found.dedup_id == "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"


def test_two_messages_with_one_body_have_nothing_in_common(keyed: Session, sealed: QueueRef) -> None:
    messages.send(keyed, sealed, [NewMessage(b"the same" * 20)] * 2)
    first, second = keyed.store.command("HVALS", keys.queue(sealed) + b":m")
    assert first[-40:] != second[-40:]

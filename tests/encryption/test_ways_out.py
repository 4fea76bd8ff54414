"""A message is read from an encrypted queue as it was sent, by every operation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.encryption.conftest import make_queue
from zaqar_core.core import claims, leases, messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Attribute, NewMessage, QueueSettings, Sent, StoredMessage
from zaqar_core.domain.names import QueueRef

SENT = NewMessage(
    b"a body",
    attributes=(Attribute("a", "String", b"1"), Attribute("b", "Binary", b"\x00\xff")),
    system_attributes=(Attribute("AWSTraceHeader", "String", b"Root=1"),),
    client_id=b"0123456789abcdef",
    sender="somebody",
)


def _received(session: Session, ref: QueueRef, message_id: str) -> StoredMessage:
    return leases.receive(session, ref, max_messages=1)[0]


def _claimed(session: Session, ref: QueueRef, message_id: str) -> StoredMessage:
    claim = claims.create(session, ref, ttl_seconds=60, grace_seconds=60, limit=1)
    assert claim is not None
    return claim.messages[0]


def _of_claim(session: Session, ref: QueueRef, message_id: str) -> StoredMessage:
    claim = claims.create(session, ref, ttl_seconds=60, grace_seconds=60, limit=1)
    assert claim is not None
    return claims.get(session, ref, claim.id).messages[0]


def _listed(session: Session, ref: QueueRef, message_id: str) -> StoredMessage:
    return messages.list_page(
        session, ref, marker=None, limit=5, except_client_id=None, include_claimed=True, include_delayed=True
    ).messages[0]


def _got(session: Session, ref: QueueRef, message_id: str) -> StoredMessage:
    return messages.get_many(session, ref, [message_id])[0]


def _popped(session: Session, ref: QueueRef, message_id: str) -> StoredMessage:
    return messages.pop(session, ref, limit=1)[0]


@pytest.mark.parametrize("way", [_received, _claimed, _of_claim, _listed, _got, _popped])
def test_a_decrypted_message_is_as_it_was_sent(
    keyed: Session, sealed: QueueRef, way: Callable[[Session, QueueRef, str], StoredMessage]
) -> None:
    [sent] = messages.send(keyed, sealed, [SENT])
    assert isinstance(sent, Sent)
    found = way(keyed, sealed, sent.id)
    shown = (found.id, found.body, found.attributes, found.system_attributes, found.client_id, found.sender, found.kind)
    given = (sent.id, SENT.body, SENT.attributes, SENT.system_attributes, SENT.client_id, SENT.sender, SENT.kind)
    assert shown == given


def test_a_popped_message_is_deleted(keyed: Session, sealed: QueueRef) -> None:
    messages.send(keyed, sealed, [NewMessage(b"a"), NewMessage(b"b"), NewMessage(b"c")])
    assert [one.body for one in messages.pop(keyed, sealed, limit=2)] == [b"a", b"b"]
    counts = queues.get_with_counts(keyed, sealed)[1]
    assert (counts.visible, counts.in_flight) == (1, 0)


def test_a_repeated_attempt_returns_the_same_message(keyed: Session) -> None:
    ref = make_queue(keyed, QueueSettings(managed_encryption=1), suffix=".fifo")
    messages.send(keyed, ref, [NewMessage(b"a", group="g", dedup_id="d")])
    first, again = (leases.receive(keyed, ref, max_messages=1, attempt_id="x")[0] for _ in range(2))
    assert (first.body, first.group, first.dedup_id) == (again.body, again.group, again.dedup_id) == (b"a", "g", "d")


def test_a_listing_continues_after_an_encrypted_message(keyed: Session, sealed: QueueRef) -> None:
    first, _ = messages.send(keyed, sealed, [NewMessage(b"a"), NewMessage(b"b")])
    assert isinstance(first, Sent)
    page = messages.list_page(
        keyed, sealed, marker=first.id, limit=5, except_client_id=None, include_claimed=True, include_delayed=True
    )
    assert [one.body for one in page.messages] == [b"b"]


def test_stats_need_no_key(keyed: Session, session: Session, sealed: QueueRef) -> None:
    [sent] = messages.send(keyed, sealed, [NewMessage(b"a")])
    oldest = queues.stats(session, sealed).oldest
    assert oldest is not None
    assert isinstance(sent, Sent)
    assert oldest.id == sent.id


def test_json_stays_json(keyed: Session) -> None:
    ref = make_queue(keyed, QueueSettings(encrypt_messages=1))
    [sent] = messages.post(keyed, ref, [NewMessage(b'{"a":1}', kind="json", client_id=b"0" * 16)], post_bytes=9)
    [found] = messages.get_many(keyed, ref, [sent.id])
    assert (found.body, found.kind, found.ttl_seconds) == (b'{"a":1}', "json", 345_600)

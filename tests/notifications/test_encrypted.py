"""Notifications of encrypted messages are plain text; in the outbox they are encrypted."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.notifications.conftest import Subscriber, new_queue, subscribe, texts
from tests.patience import until
from zaqar_core.core import messages
from zaqar_core.core.session import Session
from zaqar_core.store import keys

SECRET = "what nobody may read in the store"


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"encryption_keys": ("k:" + base64.b64encode(bytes(range(32))).decode(),)}


def test_a_notification_of_an_encrypted_message_is_plain_text(session: Session, subscriber: Subscriber) -> None:
    queue = new_queue(session, encrypt_messages=1)
    subscriber.statuses = [503] * 4
    subscribe(session, queue, subscriber.url())
    messages.send(session, queue, texts(SECRET))
    until(lambda: len(subscriber.seen) == 4, "four tries")
    assert subscriber.bodies == [SECRET] * 4
    [entry] = session.store.command("HVALS", keys.queue(queue) + b":o")
    assert SECRET.encode() not in entry

"""Shared code of the tests of FIFO queues."""

from __future__ import annotations

import uuid

from zaqar_core.core import messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import NewMessage, QueueSettings, Sent, StoredMessage
from zaqar_core.domain.names import QueueRef


def make(session: Session, **settings: int | str) -> QueueRef:
    ref = QueueRef("000000000000", "us-east-1", f"q-{uuid.uuid4().hex[:12]}.fifo")
    queues.create(session, ref, QueueSettings(**settings), creator="sqs")  # type: ignore[arg-type]
    return ref


def send(session: Session, ref: QueueRef, *texts: str) -> list[Sent]:
    """``a1`` is message a1 of group a."""
    new = [NewMessage(text.encode(), group=text[0], dedup_id=uuid.uuid4().hex) for text in texts]
    return [one for one in messages.send(session, ref, new) if isinstance(one, Sent)]


def texts(found: list[StoredMessage]) -> list[str]:
    return [one.body.decode() for one in found]

"""What happens to notifications is counted for their queue."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.notifications.conftest import Subscriber, subscribe, texts
from tests.patience import until
from zaqar_core.core import messages
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.core.traffic import Event
from zaqar_core.domain.names import QueueRef


class Recorder:
    """Counts events in memory."""

    def __init__(self) -> None:
        self.counted: Counter[tuple[QueueRef, int]] = Counter()

    def count(self, ref: QueueRef, event: int, number: int, size_bytes: int = 0) -> None:
        """Add the number."""
        del size_bytes
        self.counted[ref, event] += number

    def forget(self, ref: QueueRef) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("status", "event"),
    [(200, Event.NOTIFIED), (404, Event.NOTIFICATION_FAILED), (503, Event.NOTIFICATION_RETRIED)],
)
def test_a_delivery_is_counted_by_its_outcome(
    core: Core,
    session: Session,
    queue: QueueRef,
    subscriber: Subscriber,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    event: int,
) -> None:
    recorder = Recorder()
    monkeypatch.setattr(core, "traffic", recorder)
    subscriber.statuses = [status]
    subscribe(session, queue, subscriber.url())
    messages.send(session, queue, texts("a"))
    until(lambda: recorder.counted[queue, event] == 1, "it is counted")

"""Workers add what they have counted before they end."""

from __future__ import annotations

import pytest
import requests

from tests.conftest import serving
from tests.sqs.wire import Sqs
from zaqar_core.core import samples
from zaqar_core.core.session import Session
from zaqar_core.domain.names import QueueRef

MESSAGES = 40


@pytest.mark.slow
def test_the_counts_of_workers_that_are_stopped_are_summed(store_url: str, session: Session, queue_name: str) -> None:
    ref = QueueRef("000000000000", "us-east-1", queue_name)

    def counted() -> samples.Events:
        [found] = samples.read(session, [ref])
        assert found is not None
        events = [minute.events for minute in found.minutes(0, 1 << 40)]
        return samples.Events(sum(one.sent for one in events), sent_bytes=sum(one.sent_bytes for one in events))

    with serving(redis=store_url, durability="memory", workers="2") as service:
        url = Sqs(service.url, "json", "fast").queue(queue_name)
        for _ in range(MESSAGES):  # each by a connection of its own, so that both workers get some
            body = {"QueueUrl": url, "MessageBody": "xy"}
            headers = {"X-Amz-Target": "AmazonSQS.SendMessage"}
            requests.post(service.url, json=body, headers=headers, timeout=10).raise_for_status()
    assert counted() == samples.Events(MESSAGES, sent_bytes=2 * MESSAGES)

"""Traffic of tests of fail-overs: send without pause, record acknowledged messages, and search for them afterwards."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from tests.conftest import running_core
from tests.deployments import until
from tests.patience import ENDLESS_POLL_SECONDS, PATIENCE_SECONDS
from zaqar_core.configuration.setting_types import Durability
from zaqar_core.core import leases, messages, queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.model import NewMessage, QueueSettings, StoredMessage
from zaqar_core.domain.names import QueueRef


def core_on(url: str, durability: Durability = "memory") -> AbstractContextManager[Core]:
    """A core whose commands time out after a second."""
    return running_core(url, durability=durability, store_connections=4, store_timeout_seconds=1)


def made(session: Session, name: str) -> QueueRef:
    """A new queue."""
    ref = QueueRef("000000000000", "us-east-1", name)
    queues.create(session, ref, QueueSettings(), creator="sqs")
    return ref


def is_sent(core: Core, queue: QueueRef) -> bool:
    """Return whether a message could be sent."""
    try:
        session = core.session()
        messages.send(session, queue, [NewMessage(b"1")])
    except StoreUnavailable:
        return False
    return True


@dataclass
class Producer:
    """A thread that sends numbers one by one and ignores errors. A number whose send failed may be stored or not."""

    core: Core
    queue: QueueRef
    acknowledged: list[int] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    last_at: float = 0.0

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            try:
                session = self.core.session()
                messages.send(session, self.queue, [NewMessage(str(number).encode())])
            except StoreUnavailable as problem:
                self.failed.append(problem.reason)
            else:
                self.acknowledged.append(number)
                self.last_at = time.monotonic()

    def goes_on(self, within_seconds: float) -> None:
        """Wait until a message that is sent from now on is acknowledged."""
        since, before = time.monotonic(), len(self.acknowledged)
        until(lambda: len(self.acknowledged) > before + 1 and self.last_at > since, "a send", within_seconds)

    def stop(self) -> list[int]:
        """Stop the thread and return the acknowledged numbers."""
        self._stop.set()
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()
        return self.acknowledged


def numbers_in(core: Core, queue: QueueRef) -> list[int]:
    """Return every number in the queue, in order, without receiving it, so that a failed read can be repeated."""
    found: list[int] = []
    marker: str | None = None
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            session = core.session()
            page = messages.list_page(
                session,
                queue,
                marker=marker,
                limit=100,
                except_client_id=None,
                include_claimed=True,
                include_delayed=True,
            )
        except StoreUnavailable:
            continue
        found += [int(one.body) for one in page.messages]
        if not page.messages:
            return found
        marker = page.marker
    raise AssertionError("the queue has no end")


def sleeping_poll(core: Core, pool: ThreadPoolExecutor, queue: QueueRef) -> Future[list[StoredMessage]]:
    """Start a receive; it waits when this returns."""
    before = core.waiters.asleep

    def run() -> list[StoredMessage]:
        session = core.session()
        return leases.receive(session, queue, max_messages=1, wait_seconds=ENDLESS_POLL_SECONDS)

    future = pool.submit(run)
    until(lambda: core.waiters.asleep > before, "a poll's sleep")
    return future

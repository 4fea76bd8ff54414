"""Producers and consumers over HTTP while parts of the service are killed; everything they saw is written down.

Times are this machine's monotonic clock, taken around each call: what happened lies between ``began`` and ``ended``.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.serving.conftest import Client, Serve, kill_valkey

#: Of every lease: short, so that many run out.
VISIBILITY_SECONDS = 1
#: Receives of a poison message, which nobody deletes, before it is a dead letter.
MOST_RECEIVES = 3
GROUPS = 16
#: Between two messages of a producer: consumers keep up.
PAUSE_SECONDS = 0.005
QUEUES = ("standard", "fair", "ordered.fifo")


@dataclass(slots=True)
class Sent:
    """A message whose send was acknowledged."""

    queue: str
    body: str
    group: str
    message_id: str
    sequence: int


@dataclass(slots=True)
class Delivery:
    """One message of one response. ``touched`` is the time at which its consumer began to delete or change it,
    ``gone`` the time at which the deletion was acknowledged."""

    queue: str
    body: str
    group: str
    message_id: str
    sequence: int
    began: float
    ended: float
    answer: int
    visibility: float
    handle: str = ""
    touched: float | None = None
    gone: float | None = None


@dataclass(slots=True)
class History:
    """Everything that clients saw. Many threads append to the lists."""

    sent: list[Sent] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    #: Seconds by which empty long polls were late, and when they began.
    late: list[tuple[float, float]] = field(default_factory=list)
    kills: list[tuple[float, str]] = field(default_factory=list)
    unknown: int = 0


class Cluster:
    """Services on one data directory, which can be killed."""

    def __init__(self, serve: Callable[..., Serve], data: Path, *, services: int = 1, workers: int = 1) -> None:
        self._serve = serve
        self._flags = ("--data-dir", str(data), "--workers", str(workers))
        self._data = data
        self.services = [serve(*self._flags).wait_ready() for _ in range(services)]

    def url(self) -> str:
        return random.choice(self.services).url

    def kill(self, what: str) -> None:
        """``worker``, ``valkey``, ``main`` (one service's main process) or ``all``; what does not come back by itself
        is started again."""
        victim = random.randrange(len(self.services))
        service = self.services[victim]
        if what == "worker":
            with contextlib.suppress(psutil.NoSuchProcess, IndexError):
                random.choice(service.workers()).kill()
        elif what == "valkey":
            kill_valkey(self._data)
        elif what == "main":
            service.process.kill()
            service.process.wait()
            self.services[victim] = self._serve(*self._flags).wait_ready()
        else:
            for one in self.services:
                one.kill()
            kill_valkey(self._data)
            self.services = [self._serve(*self._flags).wait_ready() for _ in self.services]


class Actor(threading.Thread):
    """Calls any service that responds. A failed call returns None: its outcome is unknown."""

    def __init__(self, cluster: Cluster, history: History, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self.cluster, self.history, self.ended = cluster, history, ended
        self.random = random.Random()
        self._client: Client | None = None

    def call(self, operation: str, **members: Any) -> dict[str, Any] | None:
        try:
            if self._client is None:
                self._client = Client(self.cluster.url())
            return self._client.call(operation, **members)
        except (OSError, http.client.HTTPException, AssertionError, ValueError):
            self.history.unknown += 1
            self.close()
            time.sleep(0.01)
            return None

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class Producer(Actor):
    """Sends to all queues in turn, each of its groups in order.

    On FIFO an unknown outcome is tried again under the same deduplication id until it is known; elsewhere the next
    message follows.
    """

    number = 0

    def __init__(self, cluster: Cluster, history: History, ended: threading.Event) -> None:
        super().__init__(cluster, history, ended)
        Producer.number += 1
        self._name = f"p{Producer.number}"

    def run(self) -> None:
        count = 0
        while not self.ended.is_set():
            count += 1
            queue = QUEUES[count % len(QUEUES)]
            poison = "poison-" if count % 25 == 0 and queue != "ordered.fifo" else ""
            body, group = f"{poison}{self._name}-{count}", f"{self._name}-g{self.random.randrange(GROUPS)}"
            self._send(queue, body, group)
            time.sleep(PAUSE_SECONDS)
        self.close()

    def _send(self, queue: str, body: str, group: str) -> None:
        members: dict[str, Any] = {"QueueUrl": queue, "MessageBody": body}
        if queue != "standard":
            members["MessageGroupId"] = group
        if queue.endswith(".fifo"):
            members["MessageDeduplicationId"] = body
        while (answer := self.call("SendMessage", **members)) is None:
            if not queue.endswith(".fifo"):
                return
        self.history.sent.append(
            Sent(queue, body, group, answer["MessageId"], int(answer.get("SequenceNumber", 0))),
        )


class Consumer(Actor):
    """Receive from all queues. Delete most messages; release some, extend some, and let the leases of others end."""

    answers = 0
    #: Deletes whatever it gets, and at once.
    is_diligent = False

    def run(self) -> None:
        while not self.ended.is_set():
            for one in self.receive(self.random.choice(QUEUES), wait=self.random.choice((0, 1, 2))):
                self._treat(one)
        self.close()

    def receive(self, queue: str, *, wait: int, visibility: int = VISIBILITY_SECONDS) -> list[Delivery]:
        began = time.monotonic()
        answer = self.call(
            "ReceiveMessage",
            QueueUrl=queue,
            MaxNumberOfMessages=self.random.choice((1, 3, 10)),
            WaitTimeSeconds=wait,
            VisibilityTimeout=visibility,
            AttributeNames=["All"],
        )
        ended = time.monotonic()
        if answer is None:
            return []
        if "Messages" not in answer:
            self.history.late.append((ended - began - wait, began))
            return []
        Consumer.answers += 1
        found = [
            Delivery(
                queue, one["Body"], one["Attributes"].get("MessageGroupId", ""), one["MessageId"],
                int(one["Attributes"].get("SequenceNumber", 0)), began, ended, Consumer.answers, visibility,
                one["ReceiptHandle"],
            )
            for one in answer["Messages"]
        ]  # fmt: skip
        self.history.deliveries += found
        return found

    def _treat(self, one: Delivery) -> None:
        if one.body.startswith("poison"):
            return
        randomness = self.random.random()
        if self.is_diligent or randomness < 0.90:
            self.delete(one)
        elif randomness < 0.96:
            one.touched = time.monotonic()
            new = self.random.choice((0, 0, 1, 3))
            self.call("ChangeMessageVisibility", QueueUrl=one.queue, ReceiptHandle=one.handle, VisibilityTimeout=new)

    def delete(self, one: Delivery) -> None:
        one.touched = time.monotonic()
        if self.call("DeleteMessage", QueueUrl=one.queue, ReceiptHandle=one.handle) is not None:
            one.gone = time.monotonic()

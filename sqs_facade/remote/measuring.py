"""Measure an endpoint with threads of this process: how many messages per second, and how long a call takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sqs_facade.remote import batches, receiving
from sqs_facade.remote.batches import Outgoing
from sqs_facade.remote.errors import RemoteError
from sqs_facade.remote.service import Service


@dataclass
class Measured:
    """One measurement. ``calls`` are the times of steps in seconds, ``processors`` is the CPU that this client used."""

    name: str
    messages: int = 0
    seconds: float = 0.0
    calls: list[float] = field(default_factory=list)
    errors: int = 0
    processors: float = 0.0

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.messages / self.seconds if self.seconds else 0.0

    def milliseconds(self, part: float) -> float:
        """Return the time below which this part of the calls was, in milliseconds."""
        ordered = sorted(self.calls)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))] * 1000 if ordered else 0.0


#: Does a piece of work and returns its number of messages; 0 ends the thread's work.
Step = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Plan:
    """How to measure: ``batch`` messages a call, each of ``size`` bytes, by ``threads`` threads for ``seconds``."""

    threads: int
    seconds: float
    batch: int
    size: int


def measure(name: str, plan: Plan, step: Step) -> Measured:
    """Repeat a step in all threads for the time of the plan. Raises RemoteError if the first call of a thread fails."""
    found, lock = Measured(name), threading.Lock()
    began, cpu = time.monotonic(), time.process_time()
    deadline = began + plan.seconds

    def work() -> None:
        calls: list[float] = []
        messages = errors = 0
        while time.monotonic() < deadline:
            start = time.perf_counter()
            try:
                done = step()
            except RemoteError:
                if not calls:
                    raise
                errors += 1
                continue
            if not done:
                break
            calls.append(time.perf_counter() - start)
            messages += done
        with lock:
            found.messages += messages
            found.calls += calls
            found.errors += errors

    with ThreadPoolExecutor(plan.threads) as pool:
        for future in [pool.submit(work) for _ in range(plan.threads)]:
            future.result()
    found.seconds = time.monotonic() - began
    found.processors = (time.process_time() - cpu) / found.seconds
    return found


def sender(service: Service, queue_url: str, plan: Plan) -> Step:
    """Return the step that sends a batch."""
    batch = [Outgoing(place, {"MessageBody": "x" * plan.size}) for place in range(plan.batch)]

    def send() -> int:
        if plan.batch == 1:
            service.call("SendMessage", QueueUrl=queue_url, **batch[0].parameters)
            return 1
        failed = [one for one in batches.send(service, queue_url, batch) if one.code is not None]
        if failed:
            raise RemoteError(f"{failed[0].code}: {failed[0].text}")
        return plan.batch

    return send


def receiver(service: Service, queue_url: str, plan: Plan) -> Step:
    """Return the step that receives and deletes up to a batch; it ends when the queue is empty."""

    def receive() -> int:
        found = receiving.receive(service, queue_url, plan.batch)
        if found:
            receiving.delete(service, queue_url, found)
        return len(found)

    return receive


def cycle(service: Service, queue_url: str, plan: Plan) -> Step:
    """Return the step that sends a batch, receives as many messages, and deletes them."""
    send, receive = sender(service, queue_url, plan), receiver(service, queue_url, plan)

    def run() -> int:
        sent = send()
        receive()  # perhaps the messages of another thread
        return sent

    return run

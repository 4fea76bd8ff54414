"""Runs clients of both dialects while faults are injected, and finds out what is left at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable

from tests.faults import rules
from tests.faults.clients import Client
from tests.faults.consumers import Consumer, SqsConsumer, ZaqarConsumer
from tests.faults.history import DEAD, MOST_RECEIVES, POPPED, QUEUES, VISIBILITY_SECONDS, History, Left
from tests.faults.producers import SqsProducer, ZaqarProducer
from tests.faults.wire import ACCOUNT, Connection, Unknown
from tests.patience import until

Urls = Callable[[], list[str]]

#: Sends that are acknowledged between two faults, so that each falls into the middle of the work.
_BETWEEN = 40
#: Until the service works again after a fault.
_RECOVERY_SECONDS = 90.0
#: Counts that do not change for so long, longer than any lease but a claim's, do not change before the claims end.
_STEADY_SECONDS = 6.0
#: Likewise where no claim can hold messages: then they are stuck.
_STUCK_SECONDS = 60.0
#: Within it the moves of killed processes are finished.
_MOVE_SECONDS = 60.0
#: Visibility timeout of the dead letters, which are read once.
_READ_ONCE_SECONDS = 600


def attack(urls: Urls, faults: Iterable[Callable[[], None]], *, seed: str, expects_loss: bool = False) -> History:
    """Run clients, inject the faults one after the other, drain the queues; return what the clients saw.

    ``urls`` returns the addresses of the services. With ``expects_loss`` consumers start after the last fault, so that
    it finds many messages, and missing ones are not waited for.
    """
    history = History()
    _make_queues(urls)
    producers: list[Client] = [
        *(SqsProducer(f"s{at}", urls, history, seed) for at in range(2)),
        ZaqarProducer("z", urls, history, seed),
    ]
    consumers: list[Consumer] = [
        *(SqsConsumer(f"cs{at}", urls, history, seed) for at in range(3)),
        ZaqarConsumer("cz", urls, history, seed),
    ]
    try:
        _start(producers if expects_loss else [*producers, *consumers])
        for inject in faults:
            _await_progress(history)
            inject()
        _await_progress(history)
        _finish(producers)
        if expects_loss:
            _start(consumers)
        for consumer in consumers:
            consumer.is_diligent = True
        _drain(urls, history)
    finally:
        _finish([*producers, *consumers])
    _read_what_is_left(urls, history, seed, 0 if expects_loss else _MOVE_SECONDS)
    return history


def _start(clients: Iterable[Client]) -> None:
    for client in clients:
        client.start()


def _finish(clients: Iterable[Client]) -> None:
    for client in clients:
        client.ended.set()
    for client in clients:
        client.finish()


def _await_progress(history: History) -> None:
    """Return when further messages were acknowledged."""
    at = len(history.sent)

    def has_progress() -> bool:
        return sum(one.outcome == "done" for one in history.sent[at:]) >= _BETWEEN

    until(has_progress, "the service works again", _RECOVERY_SECONDS)


def _make_queues(urls: Urls) -> None:
    connection = Connection(lambda: urls()[0])
    for queue in (*DEAD.values(), *QUEUES):
        attributes = {"VisibilityTimeout": str(VISIBILITY_SECONDS)}
        if queue.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        if queue in DEAD:
            arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{DEAD[queue]}"
            policy = {"deadLetterTargetArn": arn, "maxReceiveCount": MOST_RECEIVES}
            attributes["RedrivePolicy"] = json.dumps(policy)
        connection.sqs("CreateQueue", QueueName=queue, Attributes=attributes)
    connection.close()


def _drain(urls: Urls, history: History) -> None:
    """Wait until the queues are empty, or until only claims without a known outcome hold messages back."""
    connection = Connection(lambda: urls()[0])
    counted, since = -1, time.monotonic()
    while counted:
        try:
            number = sum(_count(connection, queue) for queue in QUEUES)
        except Unknown:
            number = -1
        if number != counted:
            counted, since = number, time.monotonic()
        elif time.monotonic() - since > (_STEADY_SECONDS if history.lost_claims else _STUCK_SECONDS):
            break
        time.sleep(0.1)
    connection.close()


def _count(connection: Connection, queue: str) -> int:
    found = connection.sqs("GetQueueAttributes", QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    return sum(int(value) for name, value in found.items() if name.startswith("ApproximateNumber"))


def _read_what_is_left(urls: Urls, history: History, seed: str, patience_seconds: float) -> None:
    """Receive all dead letters, and list what is still in the other queues.

    A move whose process was killed is finished by housekeeping, so this repeats while a message is missing.
    """
    reader = SqsConsumer("reader", urls, history, seed)
    deadline = time.monotonic() + patience_seconds
    while True:
        while _read_dead_letters(reader):
            pass
        history.left[:] = [one for queue in QUEUES for one in _listed(reader.connection, queue)]
        missing = [one for one in rules.missing_messages(history) if one.queue != POPPED]
        if not missing or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    reader.connection.close()


def _read_dead_letters(reader: SqsConsumer) -> bool:
    """Receive from each dead-letter queue and delete the messages. Return whether there was any."""
    found = [
        one
        for queue in DEAD.values()
        for one in reader.receive(queue, wait_seconds=0, lease_seconds=_READ_ONCE_SECONDS)
    ]
    for one in found:
        reader.delete(one)
    return bool(found)


def _listed(connection: Connection, queue: str) -> list[Left]:
    """List all messages of a queue, also those in flight, without receiving them."""
    found: list[Left] = []
    path = f"{queue}/messages?echo=true&include_claimed=true&include_delayed=true&limit=20"
    while True:
        page, _ = connection.zaqar("GET", path)
        messages = page.get("messages", [])
        found += [Left(queue, one["body"], one["href"].rpartition("/")[2].partition("?")[0]) for one in messages]
        if not messages:
            return found
        path = page["links"][0]["href"].removeprefix("/v2/queues/")

"""Looks at long queues (peek) take little memory, all together."""

from __future__ import annotations

import tracemalloc
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from sqs_facade.looks import Look
from sqs_facade.peek import PATH
from sqs_facade.wsgi import APPLICATION, create_app
from tests.patience import until
from tests.server.conftest import Running, length_of_rest
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import messages, queues
from zaqar_core.domain.model import NewMessage, QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.eventloop import Semaphore
from zaqar_core.web.server.limits import Limits

LOOKS = 12
MESSAGES, BODY_BYTES = 50, 250_000


@pytest.fixture
def app(valkey: str) -> Iterator[Flask]:
    app = create_app(Settings(redis=valkey, durability="memory"))
    yield app
    app.extensions["sqs_facade"].close()


@pytest.fixture
def long_queue(app: Flask) -> str:
    """The name of a queue of 12 MB."""
    name = f"q-{uuid.uuid4().hex[:12]}"
    session = app.extensions["sqs_facade"].session()
    ref = QueueRef("000000000000", "us-east-1", name)
    queues.create(session, ref, QueueSettings(), creator="sqs")
    for at in range(MESSAGES):
        messages.post(session, ref, [NewMessage(b"%03d" % at + b"x" * BODY_BYTES)], post_bytes=0)
    return name


def look(http: Running, name: str, accept: str) -> int:
    """Return the bytes of the response, which are not kept."""
    with http.connect() as client:
        head = (
            f"GET {PATH}?QueueUrl={name} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
        )
        client.sendall(head.encode())
        return length_of_rest(client)


def test_parallel_looks_at_a_long_queue_take_little_memory_together(app: Flask, long_queue: str) -> None:
    """Counted in bytes that Python allocates: four looks at a time with a few pages of a mebibyte each."""
    http = Running(app.extensions[APPLICATION], Limits())
    try:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        with ThreadPoolExecutor(LOOKS) as pool:
            kinds = ["application/json", "text/xml"] * (LOOKS // 2)
            lengths = list(pool.map(lambda accept: look(http, long_queue, accept), kinds))
        most = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
        http.end()
    assert all(length > MESSAGES * BODY_BYTES for length in lengths)
    assert most < 4 * 12 << 20


def test_looks_beyond_the_bound_wait_for_their_turn(app: Flask, long_queue: str) -> None:
    http = Running(app.extensions[APPLICATION], Limits(write_idle_seconds=0.5))
    begin = f"GET {PATH}?QueueUrl={long_queue} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    try:
        stalled = [http.connect() for _ in range(4)]
        for client in stalled:
            client.sendall(begin)
        until(lambda: http.server.counters.unsent_bytes > 3 << 20, "none of them reads")
        assert look(http, long_queue, "text/xml") > MESSAGES * BODY_BYTES
        for client in stalled:
            client.close()
    finally:
        http.end()


def test_a_look_that_is_dropped_gives_its_turn_back() -> None:
    bound = Semaphore(1)
    assert bound.acquire(0)
    one = Look(bound)
    assert not bound.acquire(0)
    del one
    assert bound.acquire(0)

"""Processes with keys of their own on one store, and a look at all that the store holds."""

from __future__ import annotations

import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest
import redis

from tests.private_valkey import private_valkey
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef


def key(name: str) -> str:
    """An entry of the setting: the same key for the same name."""
    return f"{name}:{b64encode(name.encode().ljust(32, b'.')).decode()}"


@contextmanager
def process(valkey: str, *names: str) -> Iterator[Session]:
    """A session of a process that has the keys of these names, the first one active."""
    settings = Settings(redis=valkey, durability="memory", store_connections=2, encryption_keys=tuple(map(key, names)))
    core = Core(settings, valkey)
    try:
        session = core.session()
        yield session
    finally:
        core.close()


@pytest.fixture(scope="session")
def valkey() -> Iterator[str]:
    """A store of its own: services of other tests lack the keys, and their move tasks would fail."""
    with private_valkey() as server:
        yield server.url


@pytest.fixture(scope="session")
def session(valkey: str) -> Iterator[Session]:
    """A session of a process that has no key."""
    with process(valkey) as session:
        yield session


@pytest.fixture(scope="session")
def keyed(valkey: str) -> Iterator[Session]:
    """A session of a process that has the key ``k1``."""
    with process(valkey, "k1") as session:
        yield session


Process = Callable[..., Session]


@pytest.fixture
def processes(valkey: str) -> Iterator[Process]:
    """Makes processes: each call gives a session of another one, with the keys named."""
    with ExitStack() as stack:

        def make(*names: str) -> Session:
            made: AbstractContextManager[Session] = process(valkey, *names)
            return stack.enter_context(made)

        yield make


def make_queue(session: Session, settings: QueueSettings | None = None, *, suffix: str = "") -> QueueRef:
    """A new queue; encrypted unless its settings are given."""
    ref = QueueRef("000000000000", "us-east-1", f"e-{uuid.uuid4().hex[:12]}{suffix}")
    queues.create(session, ref, settings or QueueSettings(managed_encryption=1), creator="sqs")
    return ref


@pytest.fixture
def sealed(keyed: Session) -> QueueRef:
    """A new standard queue whose messages are encrypted."""
    return make_queue(keyed)


def everything(url: str) -> bytes:
    """All that the server holds, members and values, one after the other. One decoding of MessagePack is not needed: it
    keeps texts as they are."""
    found: list[bytes] = []
    with redis.Redis.from_url(url) as client:
        for name in client.scan_iter(count=1000):
            found.append(name)
            match client.type(name):
                case b"hash":
                    for field, value in client.hgetall(name).items():
                        found += (field, value)
                case b"zset":
                    found += client.zrange(name, 0, -1)
                case b"set":
                    found += client.smembers(name)
                case b"string":
                    found.append(client.get(name) or b"")
                case b"list":
                    found += client.lrange(name, 0, -1)
                case b"stream":
                    found += [part for _, fields in client.xrange(name) for pair in fields.items() for part in pair]
                case b"none":
                    pass  # it was there a moment ago
                case kind:
                    raise AssertionError(f"a key of type {kind!r} was not looked into")
    return b"\n".join(found)

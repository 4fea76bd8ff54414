"""The limits on requests per second, by several workers on one store."""

from __future__ import annotations

import uuid

import pytest

from sqs_facade import peek
from tests.zaqar.conftest import Zaqar
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.core.rate_limits import RateLimits
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import RequestsThrottled, StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.web.envelope import Request


def _admitted(limits: RateLimits, session: Session, account: str, number: int, user: str = "") -> int:
    admitted = 0
    for _ in range(number):
        try:
            limits.require(session, account, user)
            admitted += 1
        except RequestsThrottled:
            pass
    return admitted


@pytest.fixture
def account() -> str:
    return uuid.uuid4().hex


def test_workers_share_the_requests_of_a_second(session: Session, account: str) -> None:
    now = [1_000_000.5]
    workers = [RateLimits(100, clock=lambda: now[0]) for _ in range(3)]
    assert sum(_admitted(one, session, account, 1) for one in workers * 20) == 60
    assert sum(_admitted(one, session, account, 50) for one in workers) == 40
    now[0] += 1
    assert _admitted(workers[0], session, account, 500) == 100


def test_a_request_needs_a_round_trip_only_for_a_new_block(session: Session, account: str) -> None:
    limits = RateLimits(1000, clock=lambda: 2_000_000.0)
    calls = []
    run = session.store.command

    class Counting:
        def command(self, *words: bytes | str | int) -> object:
            calls.append(words[0])
            return run(*words)

    class Counted:
        store = Counting()

    assert _admitted(limits, Counted(), account, 1500) == 1000  # type: ignore[arg-type]
    assert calls.count("HINCRBY") == 51
    assert len(calls) <= 52


def test_requests_that_come_while_a_block_is_taken_take_one_each(session: Session, account: str) -> None:
    """Otherwise one worker takes all blocks when many requests come at once, and the others refuse theirs."""
    limits = RateLimits(1000, clock=lambda: 5_000_000.0)
    sizes = []
    run = session.store.command

    class Crowded:
        def command(self, *words: bytes | str | int) -> object:
            if words[0] == "HINCRBY":
                sizes.append(words[3])
                if len(sizes) <= 3:
                    limits.require(crowd, account)  # type: ignore[arg-type]
            return run(*words)

    class Crowd:
        store = Crowded()

    crowd = Crowd()
    limits.require(crowd, account)  # type: ignore[arg-type]
    assert sizes == [20, 1, 1, 1]
    assert _admitted(limits, session, account, 19) == 19


def test_each_account_and_each_user_has_a_limit(session: Session, account: str) -> None:
    limits = RateLimits(5, 3, clock=lambda: 3_000_000.0)
    assert _admitted(limits, session, account, 4, f"{account}/ann") == 3
    assert _admitted(limits, session, account, 4, f"{account}/ben") == 2
    assert _admitted(limits, session, f"{account}-2", 6) == 5


def test_a_store_that_does_not_answer_refuses_nothing_by_a_limit(account: str) -> None:
    class Away:
        @property
        def store(self) -> object:
            raise StoreUnavailable("gone")

    assert _admitted(RateLimits(1), Away(), account, 3) == 3  # type: ignore[arg-type]


def test_the_viewer_of_messages_counts_as_a_request(session: Session, queue: QueueRef) -> None:
    environ = {"HTTP_HOST": "localhost", "REMOTE_ADDR": "127.0.0.1", "QUERY_STRING": "", "PATH_INFO": peek.PATH}
    face = peek.PeekFace(Settings(), rates=RateLimits(2, clock=lambda: 6_000_000.0))
    query = f"QueueUrl=http://localhost/{queue.project}/{queue.name}"
    replies = [face.answer(Request("GET", peek.PATH, query, b"", environ), session) for _ in range(3)]
    assert [one.status for one in replies] == [200, 200, 403]
    assert b"RequestThrottled" in replies[2].body


def test_zaqar_refuses_with_429(core: Core, session: Session) -> None:
    zaqar = Zaqar(session, ZaqarFace(Settings(), rates=RateLimits(2, clock=lambda: 4_000_000.0)))
    assert [zaqar.call("GET", "/v2/queues").status for _ in range(3)] == [200, 200, 429]

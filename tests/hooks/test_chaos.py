"""Chaos: faults that AWS may have too, from a seed."""

from __future__ import annotations

import time

import pytest
import requests

from tests.conftest import Service, serving
from tests.hooks.conftest import Hooks
from tests.sqs.wire import Refused, Sqs

BODIES = [f"{number:02d}" for number in range(20)]


def filled(sqs: Sqs, name: str = "q") -> str:
    url = sqs.queue(name)
    for body in BODIES:
        sqs.send(url, body)
    return url


def drain(sqs: Sqs, url: str) -> list[str]:
    """Receive and delete messages until none is left; return their bodies in order."""
    found: list[str] = []
    while received := sqs.receive(url):
        found.append(received[0]["Body"])
        sqs.call("DeleteMessage", QueueUrl=url, ReceiptHandle=received[0]["ReceiptHandle"])
        assert len(found) < 200
    return found


def outcomes(sqs: Sqs, url: str, calls: int = 30) -> list[bool]:
    """Return for each send whether it was accepted."""
    found = []
    for _ in range(calls):
        try:
            sqs.send(url, "a")
            found.append(True)
        except Refused as refused:
            if refused.code != "RequestThrottled":
                raise
            found.append(False)
    return found


def test_a_duplicate_is_received_after_its_deletion(sqs: Sqs, hooks: Hooks) -> None:
    """A deletion is acknowledged, and the message is received once more, with its id; the second deletion is final."""
    url = filled(sqs)
    hooks.post("chaos", duplicates=0.5, seed=7)
    found = drain(sqs, url)
    again = {body for body in BODIES if found.count(body) == 2}
    assert set(found) == set(BODIES)
    assert 3 <= len(again) <= 17
    assert len(found) == len(BODIES) + len(again)
    assert sqs.counts(url) == ("0", "0", "0")


def test_every_message_is_received_twice_when_duplicates_are_certain(sqs: Sqs, hooks: Hooks) -> None:
    url = filled(sqs)
    hooks.post("chaos", duplicates=1)
    assert sorted(drain(sqs, url)) == sorted(BODIES * 2)


def test_reordering_changes_the_order_and_loses_nothing(sqs: Sqs, hooks: Hooks) -> None:
    url = filled(sqs)
    hooks.post("chaos", reordering=1)
    found = drain(sqs, url)
    assert sorted(found) == BODIES
    assert found != BODIES


def test_fifo_queues_keep_their_guarantees(sqs: Sqs, hooks: Hooks) -> None:
    url = sqs.queue("q.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for body in BODIES:
        sqs.send(url, body, MessageGroupId="g")
    hooks.post("chaos", duplicates=1, reordering=1)
    assert drain(sqs, url) == BODIES


def test_throttling_refuses_some_requests(sqs: Sqs, hooks: Hooks) -> None:
    url = sqs.queue("q")
    hooks.post("chaos", throttling=0.5, seed=3)
    found = outcomes(sqs, url)
    assert 5 <= sum(found) <= 25
    assert sqs.counts(url)[0] == str(sum(found))


def test_latency_delays_a_call(sqs: Sqs, hooks: Hooks) -> None:
    url = sqs.queue("q")
    hooks.post("chaos", latency_ms=[120, 150])
    began = time.monotonic()
    sqs.send(url, "a")
    assert time.monotonic() - began >= 0.12


@pytest.mark.parametrize("kind", ["duplicates", "reordering"])
def test_the_same_seed_gives_the_same_deliveries(sqs: Sqs, hooks: Hooks, kind: str) -> None:
    runs = []
    for seed in (1, 1, 2):
        hooks.post("reset")
        url = filled(sqs)
        hooks.post("chaos", seed=seed, **{kind: 0.5})
        runs.append(drain(sqs, url))
    assert runs[0] == runs[1] != runs[2]


def test_the_same_seed_refuses_the_same_requests(sqs: Sqs, hooks: Hooks) -> None:
    url = sqs.queue("q")
    runs = []
    for seed in (1, 1, 2):
        hooks.post("chaos", seed=seed, throttling=0.5)
        runs.append(outcomes(sqs, url))
    assert runs[0] == runs[1] != runs[2]


def test_chaos_can_be_limited_to_one_queue_and_switched_off(sqs: Sqs, hooks: Hooks) -> None:
    bad, good = sqs.queue("bad"), sqs.queue("good")
    hooks.post("chaos", queue="bad", throttling=1)
    assert outcomes(sqs, bad, 3) == [False] * 3
    assert outcomes(sqs, good, 3) == [True] * 3
    hooks.post("chaos", queue=bad, off=True)
    assert outcomes(sqs, bad, 3) == [True] * 3


def test_all_workers_know_at_once(account: str) -> None:
    with serving(workers="2") as service:
        hooks, sqs = Hooks(service.url, account), Sqs(service.url, "json", "fast", account)
        url = sqs.queue("q")
        for refused in (True, False, True, False):
            hooks.post("chaos", throttling=1, off=not refused)
            assert outcomes(sqs, url, 8) == [not refused] * 8


@pytest.mark.parametrize(
    "wrong", [{"duplicates": 2}, {"latency_ms": [5, 1]}, {"duplicate": 1}, {"queue": "no/queue/at/all"}]
)
def test_settings_that_are_not_valid_are_refused(service: Service, wrong: dict[str, object]) -> None:
    answer = requests.post(f"{service.url}/_test/chaos", json=wrong, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]

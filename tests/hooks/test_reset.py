"""Reset: an account, or the whole service, is empty again."""

from __future__ import annotations

import uuid

import pytest
import redis
import requests

from tests.conftest import Service, serving
from tests.hooks.conftest import Background, Hooks
from tests.sqs.wire import Refused, Sqs, signed


def test_an_account_loses_its_queues_in_all_regions(service: Service, sqs: Sqs, hooks: Hooks) -> None:
    there = {"authorization": signed(sqs.account, "eu-west-1")}
    sqs.send(sqs.queue("q"), "a")
    sqs.call("CreateQueue", QueueName="there", **there)
    other = Sqs(service.url, "json", "fast", f"{uuid.uuid4().int % 10**12:012d}")
    other.queue("kept")
    assert hooks.post("reset") == {"deleted_queues": 2}
    assert sqs.call("ListQueues") == {}
    assert sqs.call("ListQueues", **there) == {}
    assert len(other.call("ListQueues")["QueueUrls"]) == 1


def test_a_waiting_poll_ends(sqs: Sqs, hooks: Hooks) -> None:
    url = sqs.queue("q")
    poll = Background(lambda: sqs.receive(url, WaitTimeSeconds=20))
    hooks.await_waiting()
    hooks.post("reset")
    ended = poll.result()
    assert isinstance(ended, Refused)
    assert ended.code == "AWS.SimpleQueueService.NonExistentQueue"


def test_the_clock_is_real_time_again(sqs: Sqs, hooks: Hooks) -> None:
    hooks.advance(3600)
    hooks.post("reset")
    assert hooks.post("clock", advance_seconds=0)["ahead_seconds"] == 0


def test_chaos_and_spies_end(service: Service, sqs: Sqs, hooks: Hooks) -> None:
    hooks.post("chaos", throttling=1)
    hooks.post("spy")
    hooks.post("reset")
    sqs.send(sqs.queue("q"), "a")
    answer = requests.get(f"{service.url}/_test/spy", params={"account": hooks.account}, timeout=10)
    assert answer.status_code == 409


@pytest.fixture
def store(valkey: str) -> redis.Redis:
    return redis.Redis.from_url(valkey)


def test_a_reset_of_all_accounts_keeps_the_keys_of_other_programs(valkey: str, store: redis.Redis) -> None:
    """In a shared Redis only the keys of the service are deleted."""
    store.set("somebody else's", "value")
    with serving(redis=valkey, test_hooks="true", durability="memory") as service:
        hooks = Hooks(service.url, "000000000001")
        clients = [Sqs(service.url, "json", "fast", f"00000000000{number}") for number in (1, 2)]
        for client in clients:
            client.send(client.queue("q"), "a")
        hooks.advance(10)
        hooks.post("spy")
        hooks.post("reset", all=True)
        assert [client.call("ListQueues") for client in clients] == [{}, {}]
        left = {key for key in store.keys("sf1:*") if b"00000000000" in key}
        assert left == set()
    assert store.get("somebody else's") == b"value"

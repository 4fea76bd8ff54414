"""The installed redis-py has the parts that the store uses beside its documented clients."""

from __future__ import annotations

import inspect
from importlib.metadata import version
from pathlib import Path

import pytest
import redis
from redis.cluster import parse_cluster_slots
from redis.connection import Connection, SSLConnection, parse_url
from redis.crc import key_slot
from redis.sentinel import MasterNotFoundError, Sentinel

SETUP = Path(__file__).resolve().parents[2] / "setup.py"


def test_the_release_is_one_that_the_project_allows() -> None:
    """Allow another after ``pytest -m installs`` passed with it."""
    assert '"redis>=6,<9"' in SETUP.read_text()
    assert 6 <= int(version("redis").split(".")[0]) < 9


@pytest.mark.parametrize("kind", [Connection, SSLConnection])
def test_a_connection_has_the_methods_that_the_store_calls(kind: type) -> None:
    connection = kind(host="127.0.0.1", port=1, socket_timeout=1, socket_connect_timeout=1, retry=None, protocol=2)
    assert connection._sock is None
    assert connection.host == "127.0.0.1"
    for method in ("connect", "disconnect", "send_command", "read_response"):
        assert callable(getattr(connection, method))


@pytest.mark.parametrize(("url", "kind"), [("redis://h:1/2", None), ("rediss://h:1", SSLConnection)])
def test_urls_are_parsed_into_arguments_of_a_connection(url: str, kind: type | None) -> None:
    found = parse_url(url)
    assert found.pop("connection_class", None) is kind
    assert found["host"] == "h"


def test_slots_of_a_cluster_are_computed_and_read() -> None:
    assert key_slot(b"{user}a") == key_slot(b"user")
    rows = parse_cluster_slots([[0, 5, [b"127.0.0.1", 7000, b"id"]]], current_host="127.0.0.1")
    assert rows[0, 5]["primary"] == ("127.0.0.1", 7000)


def test_sentinels_are_clients_that_can_be_closed() -> None:
    group = Sentinel([("127.0.0.1", 1)], sentinel_kwargs={})
    assert list(inspect.signature(group.check_master_state).parameters) == ["state", "service_name"]
    with group.sentinels[0] as sentinel:
        assert callable(sentinel.sentinel_masters)


def test_errors_have_the_common_ancestor() -> None:
    for error in (redis.ConnectionError, redis.AuthenticationError, redis.ResponseError, MasterNotFoundError):
        assert issubclass(error, redis.RedisError)

"""URLs of stores."""

from __future__ import annotations

import pytest
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection

from zaqar_core.store.deployment import StoreUrlInvalid, parse


@pytest.mark.parametrize(
    ("url", "addresses", "master", "db"),
    [
        ("redis+sentinel://a:1,b:2/main", (("a", 1), ("b", 2)), "main", None),
        ("redis+sentinel://a,b,[::1]:3/main/2", (("a", 26379), ("b", 26379), ("::1", 3)), "main", 2),
        ("redis+sentinel://a/my%20master?socket_keepalive=1", (("a", 26379),), "my master", None),
        ("redis://a:1?master=main", (("a", 1),), "main", None),
        ("redis://a:1,b:2/5?master=main&socket_timeout=0.1", (("a", 1), ("b", 2)), "main", 5),
        ("valkey+sentinel://a/main", (("a", 26379),), "main", None),
    ],
)
def test_a_sentinel_url_has_sentinels_and_a_master(
    url: str, addresses: tuple[tuple[str, int], ...], master: str, db: int | None
) -> None:
    found = parse(url)
    assert (found.kind, found.addresses, found.master) == ("sentinel", addresses, master)
    assert found.arguments.get("db") == db
    assert "host" not in found.arguments


def test_servers_and_sentinels_have_credentials_of_their_own() -> None:
    found = parse(
        "rediss+sentinel://u:p%40ss@a,b/main?sentinel_username=su&sentinel_password=sp&ssl_check_hostname=false"
    )
    assert found.connection_kind is SSLConnection
    assert (found.arguments["username"], found.arguments["password"]) == ("u", "p@ss")
    assert found.sentinel_arguments is not None
    assert (found.sentinel_arguments["username"], found.sentinel_arguments["password"]) == ("su", "sp")
    assert found.sentinel_arguments["ssl"] is True
    assert not any(name.startswith("sentinel") for name in found.arguments)


def test_sentinels_are_not_given_the_servers_credentials() -> None:
    found = parse("redis+sentinel://u:p@a/main")
    assert found.sentinel_arguments is not None
    assert not {"username", "password", "ssl"} & set(found.sentinel_arguments)


def test_a_cluster_url_has_nodes() -> None:
    found = parse("redis+cluster://u:p@a:1,b")
    assert (found.kind, found.addresses) == ("cluster", (("a", 1), ("b", 6379)))
    assert found.connection_kind is Connection
    assert found.arguments["password"] == "p"


@pytest.mark.parametrize("url", ["unix:///run/s", "redis:/run/s"])
def test_a_socket_url_has_a_path(url: str) -> None:
    found = parse(url)
    assert (found.kind, found.connection_kind) == ("single", UnixDomainSocketConnection)
    assert found.arguments["path"] == "/run/s"


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("redis+sentinel://a:1", "must name the master"),
        ("redis+sentinel:///main", "each host"),
        ("redis+sentinel://a:b/main", "each host"),
        ("redis+cluster://a,,b", "each host"),
        ("redis+cluster://a/1", "database 0"),
        ("redis://a,b", r"redis\+cluster"),
        ("redis+ring://a", "Redis URL"),
        ("nonsense", "Redis URL"),
        ("redis://a:b", "port of the Redis URL"),
    ],
)
def test_a_url_that_names_no_deployment_is_one_line(url: str, word: str) -> None:
    with pytest.raises(StoreUrlInvalid, match=word) as refused:
        parse(url)
    assert "\n" not in refused.value.reason


@pytest.mark.parametrize(
    "url",
    [
        "redis+cluster://user:secret@a:b,c",
        "redis://user:secret/word@a",
        "redis://user:secret?word@a",
        "redis://user:secret#word@a",
        "redis+sentinel://user:secret/word@a/main",
        "redis+cluster://user:secret?word@a",
        "redis+cluster://user:secret#word@a",
        "redis://user:secret",
        "redis+cluster://user:secret",
    ],
)
def test_a_refusal_shows_no_password(url: str) -> None:
    with pytest.raises(StoreUrlInvalid) as refused:
        parse(url)
    assert "secret" not in refused.value.reason

"""Store URLs: one server, a group under Sentinel, or a cluster.

| URL | deployment |
|---|---|
| ``redis://[user:password@]host[:port][/db]``, ``rediss://`` (TLS), ``unix://path`` | one server |
| ``redis+sentinel://[user:password@]host[:port],host[:port]/master[/db]`` | the primary that these sentinels name |
| ``redis://host[:port],host[:port][/db]?master=name`` | the same, in the form of Zaqar's driver |
| ``redis+cluster://[user:password@]host[:port],host[:port]`` | a cluster, found through any of these nodes |

``rediss+sentinel`` and ``rediss+cluster`` use TLS, also to the sentinels. ``valkey`` may replace ``redis`` in each
scheme. User and password are those of the servers; the options ``sentinel_username`` and ``sentinel_password`` are for
the sentinels. All other options are redis-py's (``ssl_ca_certs`` and so on).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from redis.connection import Connection, SSLConnection, parse_url

from zaqar_core.domain.errors import StoreUnavailable

#: Host and port.
Address = tuple[str, int]
DeploymentKind = Literal["single", "sentinel", "cluster"]

_PORTS = {"single": 6379, "sentinel": 26379, "cluster": 6379}
_SCHEMES = {"redis": "redis", "rediss": "rediss", "valkey": "redis", "valkeys": "rediss"}
_CREDENTIALS = "percent-encode @, /, ? and # in user and password of the Redis URL"
_NO_PORT = f"the port of the Redis URL must be a number from 0 to 65535; {_CREDENTIALS}"
_NO_SCHEME = (
    "the Redis URL must begin with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://, "
    "such as redis://localhost:6379"
)
_SENTINEL_USER, _SENTINEL_PASSWORD = "sentinel_username", "sentinel_password"


class StoreUrlInvalid(StoreUnavailable):
    """The store URL is not valid. ``reason`` is one line for the operator, without secrets of the URL."""


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """A parsed store URL.

    ``addresses`` are those of the sentinels or of cluster nodes, empty for one server. ``arguments`` are redis-py's for
    a connection to a server, without host and port except for one server; ``sentinel_arguments`` are those for a
    connection to a sentinel.
    """

    kind: DeploymentKind
    connection_kind: type[Any]
    arguments: Mapping[str, Any]
    addresses: tuple[Address, ...] = ()
    master: str = ""
    sentinel_arguments: Mapping[str, Any] | None = None


@lru_cache(maxsize=256)
def parse(url: str) -> StoreUrl:
    """Parse a store URL. Raises StoreUrlInvalid."""
    if url.startswith("redis:") and not url.startswith("redis://"):  # Zaqar's: redis:[[user]:password@]/path[?options]
        url = f"unix://{url.removeprefix('redis:')}"
    scheme, _, rest = url.partition("://")
    name, _, kind = scheme.partition("+")
    base = _SCHEMES.get(name)
    options = dict(parse_qsl(rest.partition("?")[2], keep_blank_values=True))
    authority, _, path = rest.partition("?")[0].partition("/")
    if name != "unix" and "@" in rest and "@" not in authority:
        raise StoreUrlInvalid(_CREDENTIALS)
    if base is None or kind not in ("", "sentinel", "cluster"):
        return _single(url)
    if kind == "cluster":
        return _cluster(base, authority, path, options)
    if kind == "sentinel":
        options["master"], _, path = path.partition("/")
        options["master"] = unquote(options["master"])
        return _sentinel(base, authority, path, options)
    if options.get("master"):
        return _sentinel(base, authority, path, options)
    if "," in authority:
        raise StoreUrlInvalid(
            "a Redis URL with several hosts must begin with redis+cluster:// (redis+cluster://host,host) or with "
            "redis+sentinel:// (redis+sentinel://host,host/MASTER)"
        )
    return _single(f"{base}://{rest}")


def _single(url: str) -> StoreUrl:
    arguments = _parsed(url)
    return StoreUrl("single", arguments.pop("connection_class", Connection), arguments)


def _sentinel(base: str, authority: str, path: str, options: dict[str, str]) -> StoreUrl:
    master = options.pop("master")
    if not master:
        raise StoreUrlInvalid("a Redis Sentinel URL must name the master: redis+sentinel://host,host/MASTER")
    own = {"username": options.pop(_SENTINEL_USER, None), "password": options.pop(_SENTINEL_PASSWORD, None)}
    kind, arguments, addresses = _parts(base, authority, path, options, "sentinel")
    theirs = {name: value for name, value in arguments.items() if name not in ("db", "username", "password")}
    theirs |= {name: value for name, value in own.items() if value is not None}
    if kind is SSLConnection:
        theirs["ssl"] = True
    return StoreUrl("sentinel", kind, arguments, addresses, master, theirs)


def _cluster(base: str, authority: str, path: str, options: dict[str, str]) -> StoreUrl:
    if path not in ("", "0"):
        raise StoreUrlInvalid("a Redis cluster has only database 0: remove the database from the URL")
    kind, arguments, addresses = _parts(base, authority, "", options, "cluster")
    return StoreUrl("cluster", kind, arguments, addresses)


def _parts(
    base: str, authority: str, path: str, options: dict[str, str], kind: DeploymentKind
) -> tuple[type[Any], dict[str, Any], tuple[Address, ...]]:
    """Return connection class, connection arguments without host and port, and the addresses of the URL."""
    user, at, hosts = authority.rpartition("@")
    arguments = _parsed(f"{base}://{user}{at}host/{path}?{urlencode(options)}")
    del arguments["host"]
    addresses = tuple(_address(host, _PORTS[kind]) for host in hosts.split(","))
    return arguments.pop("connection_class", Connection), arguments, addresses


def _address(text: str, default_port: int) -> Address:
    try:
        parts = urlsplit(f"//{text.strip()}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        # Do not quote the text: it may be a part of the password.
        raise StoreUrlInvalid(f"each host in the Redis URL must be HOST or HOST:PORT; {_CREDENTIALS}")
    return host, port or default_port


def _parsed(url: str) -> dict[str, Any]:
    try:
        return dict(parse_url(url))  # type: ignore[no-untyped-call] # redis-py leaves it untyped
    except ValueError as problem:
        if "Port " in str(problem):  # redis-py quotes the text, which may be a part of the password
            raise StoreUrlInvalid(_NO_PORT) from None
        if not url.startswith(("redis://", "rediss://", "unix://")):
            raise StoreUrlInvalid(_NO_SCHEME) from None
        raise StoreUrlInvalid(str(problem)) from None

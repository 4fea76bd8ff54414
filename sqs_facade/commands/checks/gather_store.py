"""Asks the servers of a store for facts, by commands that change nothing."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from sqs_facade.commands.checks.store import ServerFacts, StoreFacts
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store import Store, deployment, keys, server_facts
from zaqar_core.store.libraries import names as library_names
from zaqar_core.store.links import Generation
from zaqar_core.store.opening import open_store
from zaqar_core.store.scripts import PREFIX
from zaqar_core.store.single_server import Server
from zaqar_core.web import allowed_hosts

_PINGS = 5
#: Another release counts as used if it was recorded so recently; each process records its own once an hour.
_RECENT_SECONDS = 2 * 60 * 60
#: Commands that the service and its functions use, each with arguments that concern no key of a queue.
_USED: tuple[tuple[str, ...], ...] = (
    ("FCALL", "none", "1", "sf1:doctor"), ("FUNCTION", "LOAD", "x"), ("FUNCTION", "LIST"),
    ("FUNCTION", "DELETE", "x"), ("CONFIG", "GET", "maxmemory"), ("INFO",), ("TIME",), ("PING",), ("PUBLISH",
    "sf1:doctor", "x"), ("SUBSCRIBE", "sf1:doctor"), ("GET", "sf1:doctor"), ("SET", "sf1:doctor", "x"),
    ("DEL", "sf1:doctor"), ("UNLINK", "sf1:doctor"), ("EXISTS", "sf1:doctor"), ("EXPIRE", "sf1:doctor", "1"),
    ("HGET", "sf1:doctor", "x"), ("HSET", "sf1:doctor", "x", "x"), ("HDEL", "sf1:doctor", "x"),
    ("HGETALL", "sf1:doctor"), ("HINCRBY", "sf1:doctor", "x", "1"), ("ZADD", "sf1:doctor", "1", "x"),
    ("ZREM", "sf1:doctor", "x"), ("ZRANGE", "sf1:doctor", "0", "1"), ("ZPOPMIN", "sf1:doctor"),
    ("RPUSH", "sf1:doctor", "x"), ("LPOP", "sf1:doctor"), ("SADD", "sf1:doctor", "x"), ("SREM", "sf1:doctor", "x"),
    ("SMEMBERS", "sf1:doctor"), ("XADD", "sf1:doctor", "*", "x", "x"), ("XRANGE", "sf1:doctor", "-", "+"),
)  # fmt: skip
_FOR_REPLICATED = (("WAITAOF", "1", "1", "0"),)
_FOR_CLUSTER = (("CLUSTER", "SLOTS"), ("CLUSTER", "INFO"))
#: Of those, the ones that can be tried: they do nothing, or fail without an effect.
_HARMLESS = frozenset(("FCALL", "FUNCTION LIST", "CONFIG GET", "INFO", "TIME", "PING", "GET", "EXISTS", "HGET",
    "HGETALL", "ZRANGE", "SMEMBERS", "XRANGE", "CLUSTER SLOTS", "CLUSTER INFO"))  # fmt: skip


def store_facts(settings: Settings, url: str, *, is_embedded: bool) -> StoreFacts:
    """Ask every primary of the store. A store that does not answer is a fact too; a server may refuse questions."""
    where = deployment.parse(url)
    hosts = [host for host, _ in where.addresses] or [str(where.arguments.get("host", ""))]
    found = StoreFacts(
        servers=(),
        durability=settings.durability,
        confirming_replicas=settings.confirming_replicas,
        kind=where.kind,
        is_embedded=is_embedded,
        is_local=all(not host or allowed_hosts.is_loopback(host) for host in hosts),
        has_tls="ssl" in where.connection_kind.__name__.lower(),
        has_password=bool(where.arguments.get("password")),
    )
    # These commands are no changes, whatever the durability is.
    asking = msgspec.structs.replace(settings, durability="memory", test_hooks=False, ephemeral=False)
    try:
        store = open_store(asking, url, Generation())
        try:
            asked = tuple(_server_facts(store, server, settings) for server in store.servers())
        finally:
            store.close()
    except StoreUnavailable as problem:
        return replace(found, unreachable=problem.reason)
    return replace(found, servers=asked)


def _server_facts(store: Store, server: Server, settings: Settings) -> ServerFacts:
    ask = _Asking(server)
    info = {**server_facts.read_from(server.command), **_info(ask("INFO", "everything"))}
    info["user"] = _text(ask("ACL", "WHOAMI")) or "default"
    pings = []
    for _ in range(_PINGS):
        began = time.perf_counter()
        server.command("PING")
        pings.append(time.perf_counter() - began)
    used = _USED
    if settings.durability == "replicated":
        used += _FOR_REPLICATED
    if store.is_cluster:
        used += _FOR_CLUSTER
    return ServerFacts(
        node=server.name if store.is_cluster else "",
        info=info,
        settings=_pairs(ask("CONFIG", "GET", "*")),
        unknown_commands=_unknown(ask, used),
        denied_commands=_denied(ask, used, info["user"]),
        clock_seconds=_clock(ask),
        ping_seconds=statistics.median(pings),
        cluster=_info(ask("CLUSTER", "INFO")) if store.is_cluster else {},
        other_releases=_other_releases(ask),
    )


class _Asking:
    """Runs a command; returns None where the server refuses it, and keeps the reason."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.refusal = ""

    def __call__(self, *words: str | bytes) -> Any:
        self.refusal = ""
        try:
            return self._server.command(*words)
        except StoreUnavailable as problem:
            if problem.is_disconnected:
                raise
            self.refusal = problem.reason
            return None


_Ask = Callable[..., Any]


def _text(reply: Any) -> str:
    return reply.decode(errors="replace") if isinstance(reply, bytes) else ""


def _info(reply: Any) -> dict[str, str]:
    lines = (line.split(":", 1) for line in _text(reply).splitlines() if ":" in line)
    return {name: value for name, value in lines}  # noqa: C416 - dict() has no types here


def _pairs(reply: Any) -> Mapping[str, str]:
    words = [_text(one) for one in reply or ()]
    return dict(zip(words[::2], words[1::2], strict=True))


def _name(command: tuple[str, ...]) -> str:
    return " ".join(command[:2]) if command[0] in ("FUNCTION", "CONFIG", "CLUSTER") else command[0]


def _unknown(ask: _Ask, used: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """Return the commands that the server does not have under their names."""
    names = sorted({command[0] for command in used})
    known = ask("COMMAND", "INFO", *names)
    return tuple(name for name, one in zip(names, known or (), strict=False) if one is None)


def _denied(ask: _Asking, used: tuple[tuple[str, ...], ...], user: str) -> tuple[str, ...]:
    """Return the commands that the user may not run: by ACL DRYRUN, or by trying those that do nothing."""
    may_ask = ask("ACL", "DRYRUN", user, "PING") is not None
    found = []
    for command in used:
        if may_ask:
            reply = ask("ACL", "DRYRUN", user, *command)
            if reply is not None and reply != b"OK":
                found.append(_name(command))
        elif _name(command) in _HARMLESS:
            ask(*command)
            if "NOPERM" in ask.refusal or "no permissions" in ask.refusal:
                found.append(_name(command))
    return tuple(found)


def _clock(ask: _Ask) -> float | None:
    """Return the time of the server minus ours, by the middle of the round trip."""
    began = time.time()
    reply = ask("TIME")
    if reply is None:
        return None
    return int(reply[0]) + int(reply[1]) / 1e6 - (began + time.time()) / 2


def _other_releases(ask: _Ask) -> tuple[str, ...]:
    """Return the function libraries of other releases that were used in the last hour."""
    noted, loaded = _pairs(ask("HGETALL", keys.LIBRARIES)), ask("FUNCTION", "LIST", "LIBRARYNAME", f"{PREFIX}*")
    ours, now = library_names(), time.time()
    recent = {name for name, at in noted.items() if at.isdigit() and int(at) > now - _RECENT_SECONDS}
    found = set()
    for library in loaded or ():
        name = _text(dict(zip(library[::2], library[1::2], strict=True)).get(b"library_name"))
        if name in recent and name not in ours:
            found.add(name)
    return tuple(sorted(found))

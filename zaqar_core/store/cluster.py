"""An execution slot on a cluster: each function and each plain command goes to the node that has its key.

A redirect, and every other refusal below, means that nothing ran, so a retry is safe. When a connection ends during a
command, its outcome is unknown. A queue has many keys in one hash slot. While they migrate to another node one by one,
its functions wait (see lua/shared/call, MOVING), since a function needs all of them on one node.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import hiredis
import redis
from redis.crc import key_slot

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.randomness import randomness
from zaqar_core.store import topology
from zaqar_core.store.connection import RECONNECT_SECONDS, Link, pack
from zaqar_core.store.deployment import Address
from zaqar_core.store.single_server import NOT_LOADED, FunctionCall, Generation, ScriptFailed, Server, Store, failure

#: Plain commands without a key.
_KEYLESS = frozenset({"CONFIG", "FUNCTION", "INFO", "PING", "TIME"})
#: Refusals for now; nothing ran. The node is not ready, or the hash slot is migrating to another node.
_LATER = frozenset({"CLUSTERDOWN", "LOADING", "MASTERDOWN", "MOVING", "READONLY", "TRYAGAIN"})
_PAUSE_SECONDS = 0.02
_ASKING = pack((b"ASKING",))

T = TypeVar("T")


class ClusterStore(Store):
    """A Store with a connection to each node that it has used."""

    __slots__ = ("_links", "_timeout_seconds", "_topology", "_url")

    is_cluster = True

    def __init__(self, settings: Settings, url: str, generation: Generation) -> None:
        super().__init__(settings, url, generation)
        self._url = url
        self._timeout_seconds = settings.store_timeout_seconds
        self._topology = topology.of(url)
        self._links: dict[Address, Link] = {}

    def servers(self) -> Sequence[Server]:
        """Return every primary. Raises StoreUnavailable."""
        return [_Node(self, address) for address in self._primaries()]

    @property
    def is_open(self) -> bool:
        """Whether all its connections are open, as far as it knows."""
        return all(link.is_open for link in self._links.values())

    def close(self) -> None:
        """Close all connections."""
        for link in self._links.values():
            link.close()
        self._links.clear()

    def _primaries(self) -> list[Address]:
        try:
            return self._topology.primaries()
        except redis.RedisError as problem:
            raise StoreUnavailable(str(problem)) from None

    def _some_primary(self) -> Address:
        return randomness.choice(self._primaries())

    def _run_all(self, calls: Sequence[FunctionCall]) -> list[Any]:
        """Run the calls in one round trip for each node, then retry each call that a node refused."""
        by_node: dict[Address, list[int]] = {}
        for index, (_, key, _) in enumerate(calls):
            by_node.setdefault(self._patiently(partial(self._topology.node, key_slot(key))), []).append(index)
        found: list[Any] = [None] * len(calls)
        for address, indexes in by_node.items():
            packed = [
                pack((b"FCALL", calls[index][0].address, 1, calls[index][1], *calls[index][2])) for index in indexes
            ]
            try:
                link = self._link_to(address)
            except redis.RedisError:
                replies: list[Any] = [hiredis.ReplyError("CLUSTERDOWN")] * len(indexes)
            else:
                replies = self._on(link, b"".join(packed), len(indexes))
            for index, reply in zip(indexes, replies, strict=True):
                found[index] = self._settled(reply, calls[index])
        return found

    def _settled(self, reply: Any, call: FunctionCall) -> Any:
        """Return the reply or its ScriptFailed; run a refused call once more by itself."""
        if not isinstance(reply, hiredis.ReplyError):
            return reply
        if not _is_refusal(reply) and (failed := failure(reply)).word != NOT_LOADED:
            return failed
        try:
            return self.run(*call)
        except ScriptFailed as failed:
            return failed

    def _exchange_plain(self, words: Sequence[bytes | str | int], packed: bytes, *, confirmed: bool) -> list[Any]:
        if words[0] in _KEYLESS:
            return self._on(self._patiently(lambda: self._link_to(self._some_primary())), packed, 1)
        key = words[1] if isinstance(words[1], bytes) else str(words[1]).encode()
        return self._exchange(key, packed, 1, confirmed=confirmed, follows_ask=True)

    def _exchange(
        self, key: bytes, packed: bytes, replies: int, *, confirmed: bool = False, follows_ask: bool = False
    ) -> list[Any]:
        """Exchange with the node of the key; follow redirects. ``follows_ask``: the command needs only that key."""
        slot, give_up = key_slot(key), 0.0
        while True:
            link = self._patiently(lambda: self._link_to(self._topology.node(slot)))
            found = self._on(link, packed, replies, confirmed=confirmed)
            if not isinstance(found[0], hiredis.ReplyError) or not _is_refusal(found[0]):
                return found
            word, _, where = str(found[0]).removeprefix("ERR ").partition(" ")
            if word == "ASK" and follows_ask:
                importing = self._patiently(partial(self._link_to, _address(where, link)))
                self._on(importing, _ASKING, 1)
                found = self._on(importing, packed, replies, confirmed=confirmed)
                if not isinstance(found[0], hiredis.ReplyError) or not _is_refusal(found[0]):
                    return found
            give_up = give_up or time.monotonic() + RECONNECT_SECONDS
            if time.monotonic() >= give_up:
                raise StoreUnavailable(f"the cluster refused the command for {RECONNECT_SECONDS:.0f} s: {found[0]}")
            if word == "MOVED":
                self._topology.moved(slot, _address(where, link))
            else:
                time.sleep(_PAUSE_SECONDS)
            self._patiently(self._topology.refresh)

    def _link_to(self, address: Address) -> Link:
        """Return an open connection to the node. Raises redis.ConnectionError."""
        if self._seen != self._generation.number:
            self.close()
            self._topology.refresh()
            self._seen = self._generation.number
        link = self._links.get(address)
        if link is None:
            link = self._links[address] = Link(self._url, self._timeout_seconds, at=address)
        if not link.is_open:
            try:
                link.open(patience_seconds=0)
            except StoreUnavailable as problem:
                raise redis.ConnectionError(problem.reason) from None
        return link

    def _patiently(self, act: Callable[[], T]) -> T:
        """Call ``act``, which sends no command, until it succeeds. Raises StoreUnavailable after RECONNECT_SECONDS."""
        give_up = time.monotonic() + RECONNECT_SECONDS
        while True:
            try:
                return act()
            except redis.RedisError as problem:
                with contextlib.suppress(redis.RedisError):
                    self._topology.refresh()
                if time.monotonic() >= give_up:
                    raise StoreUnavailable(str(problem)) from None
            time.sleep(_PAUSE_SECONDS)


class _Node:
    """One primary, for commands that go to each of them."""

    def __init__(self, store: ClusterStore, address: Address) -> None:
        self._store = store
        self._address = address
        self.name = f"{address[0]}:{address[1]}"

    def command(self, *words: bytes | str | int) -> Any:
        """Run one plain command on this node. Raises StoreUnavailable."""
        link = self._store._patiently(lambda: self._store._link_to(self._address))
        [reply] = self._store._on(link, pack(words), 1)
        if isinstance(reply, hiredis.ReplyError):
            raise StoreUnavailable(str(reply))
        return reply


def _is_refusal(reply: hiredis.ReplyError) -> bool:
    """Return whether the node did not run the command, so that a retry is safe."""
    word = str(reply).removeprefix("ERR ").partition(" ")[0]
    return word in ("MOVED", "ASK") or word in _LATER


def _address(where: str, link: Link) -> Address:
    """Parse the address in a redirect: ``slot host:port``; an empty host means the host of the replying node."""
    host, _, port = where.partition(" ")[2].rpartition(":")
    return host or link.host, int(port)

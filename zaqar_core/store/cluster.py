"""A cluster: each function and each plain command goes to the node that has its key.

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
from zaqar_core.domain.errors import StoreFull, StoreUnavailable, StoreUnfit
from zaqar_core.domain.randomness import randomness
from zaqar_core.eventloop import sleep
from zaqar_core.store import topology
from zaqar_core.store.conditions import StoreCondition
from zaqar_core.store.connection import RECONNECT_SECONDS, pack
from zaqar_core.store.deployment import Address
from zaqar_core.store.joined_calls import Commands, alone, pack_call
from zaqar_core.store.links import Generation, Links, links_class
from zaqar_core.store.single_server import (
    NOT_LOADED,
    FunctionCall,
    ScriptFailed,
    Server,
    Store,
    failure,
    raised_if_all_full,
    refusal,
)

#: Plain commands without a key.
_KEYLESS = frozenset({"CONFIG", "FUNCTION", "INFO", "PING", "TIME"})
#: Refusals for now; nothing ran. The node is not ready, or the hash slot is migrating to another node.
_LATER = frozenset({"CLUSTERDOWN", "LOADING", "MASTERDOWN", "MOVING", "READONLY", "TRYAGAIN"})
_PAUSE_SECONDS = 0.02
_ASKING = pack((b"ASKING",))

T = TypeVar("T")


class ClusterStore(Store):
    """A Store with connections to each node that it has used."""

    __slots__ = ("_check", "_name", "_nodes", "_read_at", "_settings", "_topology", "_url", "_watched")

    is_cluster = True

    def __init__(
        self,
        settings: Settings,
        url: str,
        generation: Generation,
        check: Callable[[], object] | None = None,
        *,
        name: str = "the store",
    ) -> None:
        super().__init__(settings, url, generation, check, name=name)
        self._name = name
        self._check = check
        self._url = url
        self._settings = settings
        self._topology = topology.of(url)
        self._read_at = generation.number
        self._nodes: dict[Address, Links] = {}
        #: The primaries of the last inspection of all.
        self._watched: list[Address] = []

    def servers(self) -> Sequence[Server]:
        """Return every primary. Raises StoreUnavailable."""
        return [_Node(self, address) for address in self._primaries()]

    def inspect(self) -> None:
        """Inspect every primary. Raises StoreUnavailable if one does not answer, StoreUnfit, StoreFull."""
        problems: list[StoreUnavailable] = []
        self._watched = self._primaries()
        for address in self._watched:
            try:
                self._patiently(lambda address=address: self._node(address).inspect())  # type: ignore[misc]
            except StoreUnavailable as problem:
                problems.append(problem)
        if problems:
            raise problems[0]

    def watch(self) -> bool:
        """Inspect every primary regularly, from one thread. Raises StoreUnavailable if one does not answer."""
        self._watched = self._primaries()
        is_calm, problems = True, []
        for address in self._watched:
            try:
                is_calm = self._node(address).watch() and is_calm
            except StoreUnavailable as problem:
                problems.append(problem)
        if problems:
            with contextlib.suppress(redis.RedisError):  # another node may have taken its place
                self._topology.refresh()
            raise problems[0]
        return is_calm

    def conditions(self, pool: str) -> list[StoreCondition]:
        """Return the condition of every primary as the last inspections found it. ``pool`` is the store's name."""
        watched = {f"{host}:{port}": self._nodes.get((host, port)) for host, port in self._watched}
        return self._seen(pool, {name: links for name, links in watched.items() if links is not None})

    def close(self) -> None:
        """Close all connections."""
        for node in list(self._nodes.values()):
            node.close()

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
            packed = b"".join(
                pack_call(script, key, arguments) for script, key, arguments in (calls[index] for index in indexes)
            )
            try:
                changes = any(calls[index][0].changes for index in indexes)
                replies = self._on(self._node(address), packed, len(indexes), changes=changes)
            except redis.RedisError:
                replies = [hiredis.ReplyError("CLUSTERDOWN")] * len(indexes)
            except StoreUnfit as problem:  # of this node: the calls at others run
                replies = [problem] * len(indexes)
            for index, reply in zip(indexes, replies, strict=True):
                found[index] = self._settled(reply, calls[index])
        return raised_if_all_full(found)

    def _settled(self, reply: Any, call: FunctionCall) -> Any:
        """Return the reply, its ScriptFailed or StoreFull; run a refused call once more by itself."""
        if not isinstance(reply, hiredis.ReplyError):
            return reply
        try:
            if not _is_refusal(reply) and (failed := failure(reply)).word != NOT_LOADED:
                return failed
            return self.run(*call)
        except (ScriptFailed, StoreFull) as failed:
            return failed

    def _exchange_plain(self, words: Sequence[bytes | str | int], packed: bytes, *, changes: bool) -> list[Any]:
        if words[0] in _KEYLESS:
            return self._patiently(lambda: self._on(self._node(self._some_primary()), packed, 1))
        key = words[1] if isinstance(words[1], bytes) else str(words[1]).encode()
        confirmed = self._replicated and changes
        return self._exchange(key, packed, 1, changes=changes, confirmed=confirmed, follows_ask=True)

    def _exchange(
        self,
        key: bytes,
        commands: Commands,
        replies: int,
        *,
        returns_messages: bool = False,
        changes: bool = False,
        confirmed: bool = False,
        follows_ask: bool = False,
    ) -> list[Any]:
        """Exchange with the node of the key; follow redirects. ``follows_ask``: the command needs only that key."""
        slot, give_up = key_slot(key), 0.0

        def at_node() -> tuple[Address, list[Any]]:
            address = self._topology.node(slot)
            found = self._on(
                self._node(address),
                commands,
                replies,
                queue=key,
                returns_messages=returns_messages,
                changes=changes,
                confirmed=confirmed,
            )
            return address, found

        while True:
            node, found = self._patiently(at_node)
            if not isinstance(found[0], hiredis.ReplyError) or not _is_refusal(found[0]):
                return found
            commands = alone(commands)
            word, _, where = str(found[0]).removeprefix("ERR ").partition(" ")
            if word == "ASK" and follows_ask:
                importing = self._node(_address(where, node))
                # In one packet, so that no other command comes between the two.
                found = self._patiently(
                    partial(self._on, importing, _ASKING + commands, replies + 1, changes=changes, confirmed=confirmed)
                )[1:]
                if not isinstance(found[0], hiredis.ReplyError) or not _is_refusal(found[0]):
                    return found
            give_up = give_up or time.monotonic() + RECONNECT_SECONDS
            if time.monotonic() >= give_up:
                raise StoreUnavailable(f"the cluster refused the command for {RECONNECT_SECONDS:.0f} s: {found[0]}")
            if word == "MOVED":
                self._topology.moved(slot, _address(where, node))
            else:
                sleep(_PAUSE_SECONDS)
            self._patiently(self._topology.refresh)

    def _node(self, address: Address) -> Links:
        """Return the connections to a node. Raises redis.RedisError."""
        number = self._generation.number
        if self._read_at != number:
            self._topology.refresh()
            self._read_at = number
        links = self._nodes.get(address)
        if links is None:
            links = self._nodes.setdefault(
                address,
                links_class(self._settings)(
                    self._settings,
                    self._url,
                    self._generation,
                    terms=self.terms,
                    name=f"{self._name}, node {address[0]}:{address[1]} of the cluster",
                    at=address,
                    patience_seconds=0,
                    check=self._check,
                ),
            )
        return links

    def _on(
        self,
        links: Links,
        commands: Commands,
        replies: int,
        *,
        queue: bytes = b"",
        returns_messages: bool = False,
        changes: bool = False,
        confirmed: bool = False,
    ) -> list[Any]:
        """Exchange with a node. Raises redis.ConnectionError when nothing was sent; StoreUnavailable."""
        try:
            return links.exchange(
                commands, replies, queue=queue, returns_messages=returns_messages, changes=changes, confirmed=confirmed
            )
        except StoreUnavailable as problem:
            if problem.is_unsent and problem.is_disconnected:
                raise redis.ConnectionError(problem.reason) from None
            raise

    def _patiently(self, act: Callable[[], T]) -> T:
        """Call ``act``, which raises redis.RedisError only if it sent nothing, until it succeeds.

        Raises StoreUnavailable after RECONNECT_SECONDS.
        """
        give_up = time.monotonic() + RECONNECT_SECONDS
        while True:
            try:
                return act()
            except redis.RedisError as problem:
                with contextlib.suppress(redis.RedisError):
                    self._topology.refresh()
                if time.monotonic() >= give_up:
                    raise StoreUnavailable(str(problem), is_disconnected=True, is_unsent=True) from None
            sleep(_PAUSE_SECONDS)


class _Node:
    """One primary, for commands that go to each of them."""

    def __init__(self, store: ClusterStore, address: Address) -> None:
        self._store = store
        self._address = address
        self.name = f"{address[0]}:{address[1]}"

    def command(self, *words: bytes | str | int) -> Any:
        """Run one plain command on this node. Raises StoreUnavailable."""
        store = self._store
        [reply] = store._patiently(lambda: store._on(store._node(self._address), pack(words), 1))
        if isinstance(reply, hiredis.ReplyError):
            raise refusal(reply)
        return reply


def _is_refusal(reply: hiredis.ReplyError) -> bool:
    """Return whether the node did not run the command, so that a retry is safe."""
    word = str(reply).removeprefix("ERR ").partition(" ")[0]
    return word in ("MOVED", "ASK") or word in _LATER


def _address(where: str, node: Address) -> Address:
    """Parse the address in a redirect: ``slot host:port``; an empty host means the host of the replying node."""
    host, _, port = where.partition(" ")[2].rpartition(":")
    return host or node[0], int(port)

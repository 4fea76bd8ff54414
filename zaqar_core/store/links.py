"""The connections of this process to one server. Threads take one for each exchange; tasks share one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import hiredis

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.eventloop import current_task
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import note_refusal
from zaqar_core.store.conditions import StoreCondition
from zaqar_core.store.confirmed_writes import check_replicas, wait_commands
from zaqar_core.store.connection import RECONNECT_SECONDS, Link
from zaqar_core.store.deployment import Address
from zaqar_core.store.inspection import Inspector, Terms
from zaqar_core.store.joined_calls import Commands, alone
from zaqar_core.store.outages import Outages
from zaqar_core.store.shared_link import SharedLink
from zaqar_core.store.shared_links import SharedLinks
from zaqar_core.store.statistics import STATISTICS

#: A connection that no thread has used for so long is replaced: something between may have dropped it.
_MOST_IDLE_SECONDS = 60.0
#: Time that a thread waits for a free connection.
_PATIENCE_SECONDS = 30.0
#: A regular inspection that takes longer means that the server does not answer.
_WATCH_SECONDS = 2.0


class Generation:
    """A counter that all connections to a deployment compare. It grows when a server is lost; each connection is then
    replaced before its next command.
    """

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0

    def ended(self, number: int | None = None) -> None:
        """Replace all connections, unless those of generation ``number`` have been replaced already."""
        if number is None or number == self.number:
            self.number += 1


def links_class(settings: Settings) -> type[Links]:
    """Return the class of connections under these settings."""
    if not settings.tracing:
        return Links
    from zaqar_core.store.traced_links import TracedLinks  # needs the extra tracing

    return TracedLinks


class Links:
    """Connections that are opened on demand. Thread-safe."""

    __slots__ = (
        "_arguments", "_check", "_free", "_generation", "_idle", "_inspector", "_is_closed", "_open",
        "_patience_seconds", "_replicas", "_shared", "_watching", "outages",
    )  # fmt: skip

    def __init__(
        self,
        settings: Settings,
        url: str,
        generation: Generation,
        *,
        terms: Terms | None = None,
        name: str = "the store",
        at: Address | None = None,
        patience_seconds: float = RECONNECT_SECONDS,
        check: Callable[[], object] | None = None,
    ) -> None:
        """Connect to nothing yet. Raises StoreUrlInvalid.

        The server of each connection is inspected under ``terms`` (None: it is not), and logged as ``name``. ``at`` is
        the node of a cluster. ``patience_seconds``: how long a caller without a connection tries to open one. A thread
        that has waited for a free connection calls ``check``, which raises StoreUnavailable if the server is known to
        be down.
        """
        self._arguments: tuple[str, float, Address | None] = (url, settings.store_timeout_seconds, at)
        self._check = check
        self._generation = generation
        self._patience_seconds = patience_seconds
        self._inspector = None if terms is None else Inspector(terms, name, generation.ended)
        #: What this process sees of the server's outages.
        self.outages = Outages(name, terms)
        self._replicas = settings.confirming_replicas
        #: One token for each connection that may be taken.
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(settings.store_connections):
            self._free.put(None)
        #: Connections that no thread uses, with the times of their last use. The last one is taken first: calls one
        #: after the other need only one.
        self._idle: list[tuple[Link, float]] = [(self._new(), 0.0)]  # checks the URL
        self._open: set[Link] = set()
        self._shared: SharedLinks | None = None
        #: The connection of the regular inspections.
        self._watching = Link(url, min(settings.store_timeout_seconds, _WATCH_SECONDS), at=at)
        self._is_closed = False

    def exchange(
        self,
        commands: Commands,
        replies: int,
        *,
        queue: bytes = b"",
        returns_messages: bool = False,
        changes: bool = False,
        confirmed: bool = False,
    ) -> list[Any]:
        """Send commands and return that many replies.

        ``queue`` is the key of their queue, as far as they have one; ``returns_messages``: their replies may be large.
        ``changes``: the server must keep the durability. ``confirmed``: a replica must confirm the write too.

        Raises StoreUnavailable, ``is_unsent`` when no connection could be opened, or as StoreUnfit when the server must
        not acknowledge changes; else the outcome is unknown.
        """
        STATISTICS.round_trips += 1
        task = current_task()
        if task is None:
            return self._in_thread(alone(commands), replies, changes=changes, confirmed=confirmed)
        if self._is_closed:
            # The loop would keep a new connection for ever.
            raise StoreUnavailable("the store is closed", is_unsent=True)
        shared = self._shared
        if shared is None or shared.loop is not task.loop:
            if shared is not None:
                shared.close()
            shared = self._shared = SharedLinks(
                task.loop, partial(self._new_shared, task.loop), lambda: self._generation.number, self._replicas
            )
        number = self._generation.number
        try:
            return shared.exchange(
                commands,
                replies,
                number,
                queue=queue,
                returns_messages=returns_messages,
                changes=changes,
                confirmed=confirmed,
            )
        except StoreUnavailable as problem:
            STATISTICS.failures += 1
            self._note(problem, number)
            raise

    def inspect(self) -> None:
        """Inspect the server. Raises StoreUnavailable if it does not answer, StoreUnfit, StoreFull."""
        if self._inspector is not None:
            self._inspector.inspect(self.exchange)
            self._inspector.raise_problem()

    def watch(self) -> bool:
        """Inspect the server regularly, from one thread. Return whether the next inspection has time.

        It has a connection of its own with a short time-out, so that neither busy connections nor a server that hangs
        delay it. Raises StoreUnavailable.
        """
        inspector = self._inspector
        if inspector is None:
            return True
        link = self._watching
        if link.generation != self._generation.number:
            link.close()
        may_be_stale, began = link.is_open, time.monotonic()
        while True:
            try:
                if not link.is_open:
                    link.generation = self._generation.number
                    link.open(0)
                    self._opened(link)
                inspector.inspect(link.exchange, is_regular=True)
                self.outages.end()
                return inspector.is_calm()
            except StoreUnavailable as problem:
                if self._is_closed:
                    return True
                if may_be_stale and time.monotonic() - began < _WATCH_SECONDS / 2:
                    may_be_stale = False  # the server may have been replaced since the last inspection
                    self._note(problem, link.generation)
                    continue
                inspector.note_gone(problem)
                self.outages.begin(problem.reason)
                raise

    def seen(self, pool: str, node: str) -> StoreCondition | None:
        """Return the condition of the server as the last inspection found it; None if it is not inspected."""
        return None if self._inspector is None else self._inspector.record.seen(pool, node)

    def _note(self, problem: StoreUnavailable, number: int) -> None:
        """End the generation if one of its connections was lost. One that cannot be opened says nothing of others."""
        if problem.is_disconnected:
            self.outages.begin(problem.reason)
        if problem.is_disconnected and not problem.is_unsent:
            self._generation.ended(number)

    def _new_shared(self, loop: asyncio.AbstractEventLoop) -> SharedLink:
        return SharedLink(self._new(), loop, self._patience_seconds, self.outages.end)

    def _in_thread(self, packed: bytes, replies: int, *, changes: bool, confirmed: bool) -> list[Any]:
        link = self._take()
        number = self._generation.number  # it may have grown while this thread waited
        try:
            if link.generation != number:
                link.close()
            if not link.is_open:
                link.open(self._patience_seconds)
                link.generation = number
                self.outages.end()
                self._opened(link)
            if changes and link.state is not None and link.state.problem is not None:
                raise link.state.refusal()
            found = link.exchange(packed, replies)
            if confirmed and not isinstance(found[0], hiredis.ReplyError):
                check_replicas(link.exchange(*wait_commands(self._replicas))[-1], self._replicas)
            return found
        except StoreUnavailable as problem:
            STATISTICS.failures += 1
            self._note(problem, number)
            raise
        except BaseException:
            link.close()  # its next user would read the replies that this exchange has left behind
            raise
        finally:
            self._give_back(link)

    def _opened(self, link: Link) -> None:
        """Note a connection that was opened. Raises StoreUnavailable if ``close`` was called meanwhile."""
        self._open.add(link)
        if self._is_closed:  # it may have looked at the open ones before
            link.close()
            raise StoreUnavailable("the store is closed", is_unsent=True)

    def _take(self) -> Link:
        try:
            self._free.get_nowait()
            return self._idle_or_new()
        except Empty:
            pass
        try:
            self._free.get(timeout=_PATIENCE_SECONDS)
        except Empty:
            note_refusal(remedies.STORE_CONNECTIONS, f"{_PATIENCE_SECONDS:.0f}")
            raise StoreUnavailable(
                f"all connections to the store were busy for {_PATIENCE_SECONDS:.0f} s; "
                "the setting store_connections allows more",
                is_unsent=True,
            ) from None
        try:
            if self._check is not None:
                self._check()
        except StoreUnavailable:
            self._free.put(None)
            raise
        return self._idle_or_new()

    def _idle_or_new(self) -> Link:
        try:
            link, used_at = self._idle.pop()
        except IndexError:
            return self._new()
        if time.monotonic() - used_at > _MOST_IDLE_SECONDS:
            link.close()
        return link

    def _give_back(self, link: Link) -> None:
        self._idle.append((link, time.monotonic()))
        self._free.put(None)

    def _new(self) -> Link:
        url, timeout_seconds, at = self._arguments
        return Link(url, timeout_seconds, at=at, inspector=self._inspector)

    def close(self) -> None:
        """Close all connections, also those in use. Tasks open no more."""
        self._is_closed = True
        self.outages.close()
        for link in list(self._open):
            link.close()
        if self._shared is not None:
            self._shared.close()

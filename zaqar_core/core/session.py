"""Sessions: one request's view of the core."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, Protocol

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.quotas import Quotas
from zaqar_core.core.router import Arguments, Router
from zaqar_core.core.secrets import Secrets
from zaqar_core.domain.encryption import Keyring
from zaqar_core.domain.ids import MessageIds
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import OTHER_POLICY, Compiled, Script, ScriptFailed, Store, keys
from zaqar_core.store.wakeups import Waiters

#: Queues with message groups in a process's cache. The cache is cleared when it is full.
_MOST_GROUPED = 100_000
#: The same for queues with encryption.
_MOST_ENCRYPTED = 100_000


class Shared(Protocol):
    """What the sessions of one process share: see ``process.Core``."""

    settings: Settings
    secrets: Secrets
    encrypted: set[bytes]
    grouped: set[bytes]
    waiters: Waiters
    started_tasks: SimpleQueue[QueueRef]
    notifications: SimpleQueue[object]
    quotas: Quotas | None
    router: Router


class Client(Protocol):
    """The client of a request, as far as the server sees it."""

    #: Whether it has closed the connection.
    is_gone: bool
    #: Called once, on the event loop, when it closes the connection. Set while the request waits for messages or for
    #: another service, None while it runs: a request that waits leaves its place to others.
    on_gone: Callable[[], object] | None


@contextmanager
def place_left(client: Client | None) -> Iterator[None]:
    """Leave the request's place to others in the block, which waits for something else than messages.

    The request goes on although its client disconnects meanwhile.
    """
    if client is None:
        yield
        return
    client.on_gone = _ignore
    try:
        yield
    finally:
        client.on_gone = None


def _ignore() -> None:
    """Do nothing about a client that has disconnected: the response will find that out."""


class Guard(Protocol):
    """The decision that a request may use one queue, made by the policy that this process knows.

    The store checks it: a call fails there if the queue has another policy by now.
    """

    ref: QueueRef
    #: The key of that policy: see ``keys.policy``.
    policy: bytes
    #: Whether the store has confirmed it.
    is_confirmed: bool

    def decide_again(self, policy_hash: str, document: str) -> None:
        """Decide by the queue's present policy. Raises AccessDenied."""

    def decision(self) -> str:
        """Return which policy decided, for the audit log."""


#: Functions whose calls are all checked: a waiting receive calls it several times. Of other functions only the first
#: call of a request is checked, since a request is decided once.
_CHECKED_AT_EACH_CALL = frozenset({"receive"})


class Session:
    """One request's view of the core. Any method may raise StoreUnavailable, and AccessDenied if it has guards."""

    __slots__ = (
        "_grouped", "_secrets", "client", "encrypted", "guards", "notifications", "quotas", "router", "settings",
        "started_tasks", "waiters",
    )  # fmt: skip

    def __init__(self, core: Shared) -> None:
        self._grouped = core.grouped
        self.settings = core.settings
        self._secrets = core.secrets
        self.encrypted = core.encrypted
        self.waiters = core.waiters
        self.started_tasks = core.started_tasks
        self.notifications = core.notifications
        self.quotas = core.quotas
        self.router = core.router
        #: The client that waits for the response; None where the server does not see it.
        self.client: Client | None = None
        #: The guards of the queues that the request may use; None while policies are not enforced.
        self.guards: list[Guard] | None = None

    # A session reads these anew at each use: the store may be replaced by an empty one while it waits.

    @property
    def secret(self) -> bytes:
        """The secret of receipts."""
        return self._secrets.secret

    @property
    def ids(self) -> MessageIds:
        """The encoding of message ids."""
        return self._secrets.ids

    @property
    def keyring(self) -> Keyring:
        """The encryption keys."""
        return self._secrets.keyring

    @property
    def store(self) -> Store:
        """The main store."""
        return self.router.main()

    def call(self, function: Compiled, ref: QueueRef, arguments: Arguments) -> Any:
        """Run a function that is the same for plain, fair and FIFO queues; return its reply. Raises ScriptFailed."""
        return self._run(function, ref, arguments)

    def _run(self, function: Compiled, ref: QueueRef, arguments: Arguments) -> Any:
        """Run the function, under the guard of the queue if there is one. Raises ScriptFailed."""
        guards = self.guards
        if guards is None:
            return self.router.run(function, ref, arguments)
        guard = guards[0] if guards and guards[0].ref is ref else self.guard_of(ref)
        if guard is None or (guard.is_confirmed and function.name not in _CHECKED_AT_EACH_CALL):
            return self.router.run(function, ref, arguments)
        while True:
            try:
                reply = self.router.run(function, ref, arguments, guard.policy)
            except ScriptFailed as failed:
                if failed.word != OTHER_POLICY:
                    raise
                policy_hash, _, document = failed.detail.partition(" ")
                guard.decide_again(policy_hash, document)
                continue
            guard.is_confirmed = True
            return reply

    def guard_of(self, ref: QueueRef) -> Guard | None:
        """Return the guard of a queue."""
        for guard in self.guards or ():
            if guard.ref is ref or guard.ref == ref:
                return guard
        return None

    def call_many(self, function: Compiled, refs: Sequence[QueueRef], arguments: Arguments) -> list[Any]:
        """Run such a function on many queues; see :meth:`run_many` for errors."""
        return self.router.run_many([(function, ref) for ref in refs], arguments)

    def command_at(self, ref: QueueRef, *words: bytes | str | int) -> Any:
        """Run a plain command on a key of the queue."""
        return self.router.command_at(ref, *words)

    def create_queue(
        self, ref: QueueRef, arguments: Arguments, *, flavor: str | None = None, pool: str | None = None
    ) -> list[Any]:
        """Register the queue and run the create function; return its reply. ``arguments`` follow the incarnation.

        ``flavor`` and ``pool`` are ignored without pools. Raises FlavorUnusable.
        """
        return self.router.create_queue(ref, arguments, flavor=flavor, pool=pool)

    def run(self, script: Script, ref: QueueRef, arguments: Arguments, *, has_groups: bool = False) -> Any:
        """Run the function's variant for the queue's kind (plain, fair or FIFO); return its reply. Raises ScriptFailed.

        One round trip, or two when this process does not know yet that a standard queue has message groups.
        """
        if ref.is_fifo:
            return self._run(script.fifo, ref, arguments)
        if not has_groups and keys.queue(ref) not in self._grouped:
            try:
                return self._run(script.plain, ref, arguments)
            except ScriptFailed as failed:
                if failed.word != "GROUPED":
                    raise
                self._remember_groups(ref)
        return self._run(script.fair, ref, arguments)

    def run_many(self, script: Script, refs: Sequence[QueueRef], arguments: Arguments) -> list[Any]:
        """Run a function on many queues, in one round trip for each deployment.

        A reply is ScriptFailed if the function failed, and StoreUnavailable if the queue's pool does not answer.
        """
        replies = self.router.run_many([(self._kind_of(script, ref), ref) for ref in refs], arguments)
        grouped = [
            index for index, reply in enumerate(replies) if isinstance(reply, ScriptFailed) and reply.word == "GROUPED"
        ]
        if grouped:
            for index in grouped:
                self._remember_groups(refs[index])
            retried = self.router.run_many([(script.fair, refs[index]) for index in grouped], arguments)
            for index, reply in zip(grouped, retried, strict=True):
                replies[index] = reply
        return replies

    def _kind_of(self, script: Script, ref: QueueRef) -> Compiled:
        if ref.is_fifo:
            return script.fifo
        return script.fair if keys.queue(ref) in self._grouped else script.plain

    def _remember_groups(self, ref: QueueRef) -> None:
        if len(self._grouped) >= _MOST_GROUPED:
            self._grouped.clear()
        self._grouped.add(keys.queue(ref))

    def remember_encryption(self, ref: QueueRef, *, is_encrypted: bool) -> None:
        """Cache whether the queue encrypts new messages."""
        if not is_encrypted:
            self.encrypted.discard(keys.queue(ref))
            return
        if len(self.encrypted) >= _MOST_ENCRYPTED:
            self.encrypted.clear()
        self.encrypted.add(keys.queue(ref))

    def every_store(self) -> Iterator[Store]:
        """Iterate over the deployments that this process uses."""
        return self.router.stores()

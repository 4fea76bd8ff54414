"""What a face holds of the core while it answers one request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from zaqar_core.core.router import Arguments
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import Compiled, Script, ScriptFailed, Store, keys

if TYPE_CHECKING:
    from zaqar_core.core.process import Core

#: Queues with message groups that a process remembers. The memory is cleared when it is full.
_MOST_GROUPED = 100_000
#: The same for queues whose messages are encrypted.
_MOST_ENCRYPTED = 100_000


class Session:
    """One request's hold of the core, with a slot of the store. Every method may raise StoreUnavailable."""

    __slots__ = (
        "_grouped", "encrypted", "ids", "keyring", "notifications", "router", "secret", "settings", "started_tasks",
        "waiting",
    )  # fmt: skip

    def __init__(self, core: Core) -> None:
        self._grouped = core.grouped
        self.settings = core.settings
        self.secret = core.secret
        self.keyring = core.keyring
        self.encrypted = core.encrypted
        self.ids = core.ids
        self.waiting = core.waiting
        self.started_tasks = core.started_tasks
        self.notifications = core.notifications
        self.router = core.new_router()

    @property
    def store(self) -> Store:
        """The main store."""
        return self.router.main()

    def call(self, function: Compiled, ref: QueueRef, arguments: Arguments) -> Any:
        """Run a function that is the same for every kind of queue; its reply. Raises ScriptFailed."""
        return self.router.run(function, ref, arguments)

    def call_many(self, function: Compiled, refs: Sequence[QueueRef], arguments: Arguments) -> list[Any]:
        """Run it on many queues; errors as in run_many."""
        return self.router.run_many([(function, ref) for ref in refs], arguments)

    def command_at(self, ref: QueueRef, *words: bytes | str | int) -> Any:
        """Run a plain command on keys of a queue."""
        return self.router.command_at(ref, *words)

    def create_queue(
        self, ref: QueueRef, arguments: Arguments, *, flavor: str | None = None, pool: str | None = None
    ) -> list[Any]:
        """Run the create function and list the queue; the function's reply. ``arguments`` follow the incarnation.

        ``flavor`` and ``pool`` mean something only where there are pools. Raises FlavorUnusable.
        """
        return self.router.create_queue(ref, arguments, flavor=flavor, pool=pool)

    def run(self, script: Script, ref: QueueRef, arguments: Arguments, *, has_groups: bool = False) -> Any:
        """Run a function in the kind that the queue is of; its reply. One round trip, two where a standard queue turns
        out to have message groups. Raises ScriptFailed."""
        if ref.name.endswith(".fifo"):
            return self.router.run(script.fifo, ref, arguments)
        if not has_groups and keys.queue(ref) not in self._grouped:
            try:
                return self.router.run(script.plain, ref, arguments)
            except ScriptFailed as failed:
                if failed.word != "GROUPED":
                    raise
                self._remember_groups(ref)
        return self.router.run(script.fair, ref, arguments)

    def run_many(self, script: Script, refs: Sequence[QueueRef], arguments: Arguments) -> list[Any]:
        """Run a function on many queues, in one round trip for each deployment.

        ScriptFailed takes the place of a reply, and StoreUnavailable that of queues in a pool that does not answer.
        """
        replies = self.router.run_many([(self._kind_of(script, ref), ref) for ref in refs], arguments)
        grouped = [
            index for index, reply in enumerate(replies) if isinstance(reply, ScriptFailed) and reply.word == "GROUPED"
        ]
        if grouped:
            for index in grouped:
                self._remember_groups(refs[index])
            again = self.router.run_many([(script.fair, refs[index]) for index in grouped], arguments)
            for index, reply in zip(grouped, again, strict=True):
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
        """Note whether new messages of the queue are to be encrypted."""
        if not is_encrypted:
            self.encrypted.discard(keys.queue(ref))
            return
        if len(self.encrypted) >= _MOST_ENCRYPTED:
            self.encrypted.clear()
        self.encrypted.add(keys.queue(ref))

    def asleep(self) -> AbstractContextManager[None]:
        """Let other requests use the slot inside the block."""
        return self.router.suspended()

    def every_store(self) -> Iterator[Store]:
        """Each deployment that this process uses, one after the other."""
        return self.router.stores()

    def close(self) -> None:
        """Give the slot back. A second call does nothing."""
        self.router.close()

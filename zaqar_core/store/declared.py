"""The state of declarations in the store: the queues that were ever declared, and the process that applies them now."""

from __future__ import annotations

from collections.abc import Sequence

from zaqar_core.domain.batches import batched
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys
from zaqar_core.store.scripts import script
from zaqar_core.store.single_server import Store

_HOLD = script("hold").plain
#: Queues that one command remembers.
_AT_ONCE = 500


def known(store: Store) -> set[QueueRef]:
    """Return every queue that was ever declared, whether it exists or not."""
    return {keys.of_address(text.decode()) for text in store.command("SMEMBERS", keys.DECLARED)}


def remember(store: Store, refs: Sequence[QueueRef]) -> None:
    """Note that these queues are declared."""
    for some in batched(refs, _AT_ONCE):
        store.command("SADD", keys.DECLARED, *map(keys.address, some))


def hold(store: Store, holder: str, ms: int) -> bool:
    """Take or keep the right to apply declarations for a time; return whether the process has it now."""
    return bool(store.run(_HOLD, keys.DECLARED_LEASE, [holder, ms]))


def release(store: Store, holder: str) -> None:
    """Give the right back if the process has it."""
    store.run(_HOLD, keys.DECLARED_LEASE, [holder, 0])


def note_done(store: Store, version: str, seconds: int) -> None:
    """Note that a version of the declarations was applied, for the other processes that have the same."""
    store.command("SET", keys.declared_version(version), "1", "EX", seconds)


def is_done(store: Store, version: str) -> bool:
    """Return whether another process has applied the version."""
    return bool(store.command("EXISTS", keys.declared_version(version)))


def is_first_to_say(store: Store, text_hash: str, seconds: int) -> bool:
    """Return whether no other process has logged the same within so many seconds."""
    return store.command("SET", keys.declared_version(f"said-{text_hash}"), "1", "NX", "EX", seconds) is not None

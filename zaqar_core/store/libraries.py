"""Function libraries on the server: each release has its own, and those of former releases are removed.

Every process records the libraries that it uses under ``sf1:{libraries}`` (name -> server time, s). A library with our
prefix that no process has recorded for a while is deleted; a process that still needs it loads it again.
"""

from __future__ import annotations

from zaqar_core.store import keys
from zaqar_core.store.parts import KINDS
from zaqar_core.store.scripts import PREFIX, script
from zaqar_core.store.single_server import Store

#: Libraries that no process has used for so long are deleted.
UNUSED_SECONDS = 7 * 86_400


def names() -> set[str]:
    """Return the names of this release's libraries."""
    return {getattr(script("create"), kind).library.name for kind in KINDS}


def tidy(store: Store) -> list[str]:
    """Record this release's libraries as used, and delete unused ones on every primary.

    Return the names of the deleted libraries. Raises StoreUnavailable.
    """
    now = int(store.command("TIME")[0])
    store.command("HSET", keys.LIBRARIES, *(word for name in sorted(names()) for word in (name, now)))
    noted = store.command("HGETALL", keys.LIBRARIES)
    used = {name.decode(): int(at) for name, at in zip(noted[::2], noted[1::2], strict=True)}
    removed = set()
    for server in store.servers():
        for library in server.command("FUNCTION", "LIST", "LIBRARYNAME", f"{PREFIX}*"):
            fields = dict(zip(library[::2], library[1::2], strict=True))
            name = fields[b"library_name"].decode()
            if name not in used:
                store.command("HSETNX", keys.LIBRARIES, name, now)
            elif used[name] < now - UNUSED_SECONDS:
                server.command("FUNCTION", "DELETE", name)
                removed.add(name)
    for name in sorted(removed):
        store.command("HDEL", keys.LIBRARIES, name)
    return sorted(removed)

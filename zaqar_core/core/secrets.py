"""What all processes on one store share, and must read again when the store has lost its data.

A store that was restarted in memory, flushed, or replaced by an empty replica has another identity. Each process then
stores what it shares again, or adopts what another process has stored first, so that all agree.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence

from zaqar_core.domain.encryption import Keyring, parse
from zaqar_core.domain.errors import StoreFull
from zaqar_core.domain.ids import MessageIds
from zaqar_core.store import Store, keys
from zaqar_core.store.inspection import Create


class Secrets:
    """The secret of receipts and ids, the keyring, and the identity of the store that they belong to.

    Satisfies ``store.inspection.Remembered``.
    """

    read_keys: tuple[bytes, ...] = (keys.DEPLOYMENT, keys.SECRET, keys.ENCRYPTION)

    def __init__(self, store: Store, encryption_keys: Sequence[str], emptied: Callable[[], object]) -> None:
        """Read them from the store, and create those that are missing. ``emptied`` is called for another identity.

        Raises StoreUnavailable.
        """
        self._given = tuple(encryption_keys)
        self._emptied = emptied
        self._identity: bytes | None = None
        with contextlib.suppress(StoreFull):  # a store of an earlier release, which has none
            self._identity = _shared(store, keys.DEPLOYMENT, os.urandom(16).hex())
        self.secret = _shared(store, keys.SECRET, os.urandom(32))
        self.ids = MessageIds(self.secret)
        #: The key of an ephemeral store: see ``store.readiness``.
        self._key: bytes | None = store.command("GET", keys.ENCRYPTION)
        self.keyring = self._new_keyring()

    def compare(self, found: Mapping[bytes, bytes | None], create: Create) -> None:
        """Store again what the store has lost, and adopt what other processes have stored.

        Several threads and tasks may do this at once: what they adopt is the same. Raises StoreUnavailable.
        """
        known = {keys.DEPLOYMENT: self._identity, keys.SECRET: self.secret, keys.ENCRYPTION: self._key}
        if self._identity is not None and all(known[key] == value for key, value in found.items()):
            return

        def settled(key: bytes, ours: bytes | None) -> bytes | None:
            value = found.get(key)
            return create(key, ours) if value is None and key in found and ours is not None else value

        self._adopt_secret(settled(keys.SECRET, self.secret))
        self._adopt_key(settled(keys.ENCRYPTION, self._key))
        # Last: a process that finds the identity finds the rest.
        identity = settled(keys.DEPLOYMENT, os.urandom(16).hex().encode())
        if identity is not None and identity != self._identity:
            self._identity = identity
            self._emptied()

    def _adopt_secret(self, secret: bytes | None) -> None:
        if secret is not None and secret != self.secret:
            self.ids = MessageIds(secret)
            self.secret = secret

    def _adopt_key(self, key: bytes | None) -> None:
        if key is not None and key != self._key:
            # What is stored under the former key was lost with its store.
            self._key = key
            self.keyring = self._new_keyring()

    def _new_keyring(self) -> Keyring:
        shared = self._key.decode() if self._key is not None else ""
        return Keyring(parse(self._given if not shared or shared in self._given else (*self._given, shared)))


def _shared(store: Store, key: bytes, new: bytes | str) -> bytes:
    """Return what all processes have under a key, after storing a new value where there is none."""
    found: bytes | None = store.command("GET", key)
    if found is None:  # a full store refuses SET even where NX would do nothing
        store.command("SET", key, new, "NX")
        found = store.command("GET", key)
    assert found is not None
    return found

"""The connections to one server that the tasks of an event loop share, each kind of exchange on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from zaqar_core.store.confirmed_writes import ConfirmedWrites
from zaqar_core.store.shared_link import SharedLink

#: Commands and replies above this size have a connection of their own: smaller ones do not wait until they have passed.
LARGE_BYTES = 64 * 1024
#: Keys that are remembered for their large replies. All are forgotten when there are more.
_MOST_KEYS = 10_000


class SharedLinks:
    """A connection for small exchanges, one for large ones, and those for writes that a replica must confirm."""

    __slots__ = ("_confirmed", "_keys", "_large", "_new_link", "_newest", "_small", "loop")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, new_link: Callable[[], SharedLink], newest: Callable[[], int]
    ) -> None:
        """``newest`` returns the present generation of connections."""
        self.loop = loop
        self._newest = newest
        self._new_link = new_link
        self._small = new_link()
        self._large: SharedLink | None = None
        self._confirmed: ConfirmedWrites | None = None
        #: Keys whose last replies were large.
        self._keys: set[bytes] = set()

    def exchange(
        self, packed: bytes, replies: int, generation: int, *, key: bytes, changes: bool, confirmed: bool
    ) -> list[Any]:
        """Send commands and return that many replies. ``key`` tells which exchanges have large replies.

        Raises StoreUnavailable: see ``links.Links.exchange``.
        """
        if confirmed:
            if self._confirmed is None:
                self._confirmed = ConfirmedWrites(self._new_link, self._newest)
            return self._confirmed.exchange(packed, replies)
        if len(packed) <= LARGE_BYTES and key not in self._keys:
            found = self._small.exchange(packed, replies, generation, changes=changes)
            reply = found[0]
            if reply.__class__ is bytes and len(reply) > LARGE_BYTES:
                self._remember(key)
            return found
        if self._large is None:
            self._large = self._new_link()
        return self._large.exchange(packed, replies, generation, changes=changes)

    def _remember(self, key: bytes) -> None:
        if len(self._keys) >= _MOST_KEYS:
            self._keys.clear()
        self._keys.add(key)

    def close(self) -> None:
        """Close all connections; running exchanges fail."""
        for link in (self._small, self._large, self._confirmed):
            if link is not None:
                link.close()

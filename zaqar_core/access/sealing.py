"""Sealed texts: what only services on the same store can write and read.

The keys are derived from the store's secret, so no process keeps a table, and nothing outlives the store.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES, _TAG_BYTES = 12, 16


@dataclass
class Seal:
    """Seals and opens bytes for one purpose. One instance serves all threads.

    ``secret`` returns that of the store. Where a store that has lost its data gets another one, nothing opens any more.
    """

    secret: Callable[[], bytes] = field(repr=False)
    purpose: bytes
    version: bytes = b"\x01"
    _current: tuple[bytes, AESGCM] | None = field(default=None, repr=False)

    def close(self, content: bytes) -> bytes:
        """Return the content encrypted and authenticated, with the version and a nonce before it."""
        nonce = os.urandom(_NONCE_BYTES)
        return self.version + nonce + self._cipher().encrypt(nonce, content, self.version)

    def open(self, sealed: bytes) -> bytes | None:
        """Return what :meth:`close` was given; None if this service did not seal it."""
        begin = len(self.version)
        if sealed[:begin] != self.version or len(sealed) <= begin + _NONCE_BYTES + _TAG_BYTES:
            return None
        from cryptography.exceptions import InvalidTag  # a large library, only needed with credentials

        nonce, text = sealed[begin : begin + _NONCE_BYTES], sealed[begin + _NONCE_BYTES :]
        try:
            return self._cipher().decrypt(nonce, text, self.version)
        except InvalidTag:
            return None

    def tag(self, *parts: bytes) -> str:
        """Return an authentication code of some bytes as hex digits."""
        key = hmac.digest(self.secret(), self.purpose + b" tag", "sha256")
        return hmac.digest(key, b"\0".join(parts), "sha256").hex()

    def _cipher(self) -> AESGCM:
        secret, found = self.secret(), self._current
        if found is None or found[0] != secret:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            found = self._current = (secret, AESGCM(hmac.digest(secret, self.purpose, "sha256")))
        return found[1]

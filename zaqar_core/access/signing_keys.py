"""Signing keys of Signature Version 4, each derived from a secret for one day, region and service."""

from __future__ import annotations

import hmac
from hashlib import sha256

from zaqar_core.access.signatures import ALGORITHM, TERMINATOR, Scope

#: Keys in the cache, which is cleared when it is full.
_MOST_KEYS = 10_000
_BLOCK_BYTES = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class SigningKey:
    """Signs canonical requests.

    It is the HMAC of RFC 2104 with the two blocks that contain the key hashed already. Two copies of hashes take half
    the time of a copy of OpenSSL's HMAC.
    """

    __slots__ = ("_inner", "_outer", "_scope")

    def __init__(self, key: bytes, scope: str) -> None:
        """``key`` is the derived key, of 32 bytes, and ``scope`` the text that is signed for it."""
        block = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = sha256(block.translate(_INNER))
        self._outer = sha256(block.translate(_OUTER))
        self._scope = scope

    def sign(self, moment: str, request: bytes) -> str:
        """Return the signature of a canonical request at a time such as ``20260101T000000Z``, in hexadecimal."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(f"{ALGORITHM}\n{moment}\n{self._scope}\n{sha256(request).hexdigest()}".encode())
        outer.update(inner.digest())
        return outer.hexdigest()


class SigningKeys:
    """The signing keys of one process. One instance serves all threads."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str, str], SigningKey] = {}

    def of(self, secret: str, scope: Scope) -> SigningKey:
        """Return the key that a client derives from its secret."""
        name = (secret, scope.date, scope.region, scope.service)
        found = self._known.get(name)
        if found is None:
            key = f"AWS4{secret}".encode()
            for part in (*name[1:], TERMINATOR):
                key = hmac.digest(key, part.encode("utf-8", "replace"), "sha256")
            found = SigningKey(key, "/".join((*name[1:], TERMINATOR)))
            if len(self._known) >= _MOST_KEYS:
                self._known.clear()
            self._known[name] = found
        return found

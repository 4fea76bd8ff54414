"""Encryption of messages at rest: AES-256-GCM under keys that have names.

The first key of the setting encrypts, every key decrypts: a new key is put in front, and an old one is taken away when
no message of it is left. A sealed text is: length of the key's name, 1 byte, and the name; salt, 16 bytes; nonce, 12
bytes; cipher text with its tag of 16 bytes.

Nonces are random. Under one key that would end at 2^32 messages (NIST SP 800-38D, 8.3), some days of a busy service; so
each process draws a salt for every 2^20 messages, and encrypts under the key that BLAKE2b derives from it. A counter
instead of random nonces would repeat in the children of a process that forks.
"""

from __future__ import annotations

import binascii
import hashlib
import os
import re
from base64 import b64decode
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from zaqar_core.domain.errors import EncryptionKeyMissing, MessageUnreadable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
#: What a sealed text has beside its plain text and the key's name.
OVERHEAD_BYTES = 1 + 16 + 12 + 16

_SALT_BYTES, _NONCE_BYTES, _TAG_BYTES = 16, 12, 16
_MESSAGES_OF_A_SALT = 1 << 20
#: Salts whose ciphers are kept at hand: making one costs more than a short message.
_CIPHERS = 1024
_PURPOSE = b"sqs-facade body"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


class KeyInvalid(ValueError):
    """An entry of the setting is no key. The text is for the operator, and holds nothing of the key."""


def parse(entries: Sequence[str]) -> dict[str, bytes]:
    """Key by name, in the order given. An entry is ``name:base64 of 32 bytes``. Raises KeyInvalid."""
    found: dict[str, bytes] = {}
    for number, entry in enumerate(entries, 1):
        name, colon, text = entry.partition(":")
        if not colon or not _NAME.match(name):  # without a colon it may be a key: not a word of it is shown
            raise KeyInvalid(f"entry {number} must be NAME:KEY, the name of A-Z a-z 0-9 . _ -")
        try:
            key = b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise KeyInvalid(f"the key {name} must be {KEY_BYTES} bytes in base64")
        if name in found:
            raise KeyInvalid(f"there are two keys {name}")
        found[name] = key
    return found


class Keyring:
    """The keys of a process. Serves all threads. The library that encrypts is loaded at the first use."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        self._keys = keys
        self._name = next(iter(keys), "").encode()
        self._salt, self._left = b"", 0
        self._cipher = lru_cache(maxsize=_CIPHERS)(self._make_cipher)

    @property
    def can_seal(self) -> bool:
        return bool(self._keys)

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        """Sealed under the first key; it opens only with the same ``bound_to``. Raises EncryptionKeyMissing."""
        name = self._name
        if not name:
            raise EncryptionKeyMissing
        # Two threads may draw a salt each, or seal a message more than intended: neither matters.
        if self._left <= 0:
            self._salt, self._left = os.urandom(_SALT_BYTES), _MESSAGES_OF_A_SALT
        self._left -= 1
        salt, nonce = self._salt, os.urandom(_NONCE_BYTES)
        cipher = self._cipher(name, salt)
        return b"%c%b%b%b%b" % (len(name), name, salt, nonce, cipher.encrypt(nonce, plain, bound_to))

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        """The plain text. Raises MessageUnreadable: its key is not here, or it was changed or belongs elsewhere."""
        name = sealed[1 : 1 + sealed[0]] if sealed else b""
        salt_at = 1 + len(name)
        nonce_at = salt_at + _SALT_BYTES
        text_at = nonce_at + _NONCE_BYTES
        shown = name.decode("ascii", "replace")
        if shown not in self._keys:
            raise MessageUnreadable(shown if _NAME.match(shown) else "", is_key_missing=True)
        if len(sealed) < text_at + _TAG_BYTES:
            raise MessageUnreadable(shown, is_key_missing=False)
        from cryptography.exceptions import InvalidTag

        try:
            cipher = self._cipher(name, sealed[salt_at:nonce_at])
            return cipher.decrypt(sealed[nonce_at:text_at], sealed[text_at:], bound_to)
        except InvalidTag:
            raise MessageUnreadable(shown, is_key_missing=False) from None

    def _make_cipher(self, name: bytes, salt: bytes) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        key = self._keys[name.decode()]
        return AESGCM(hashlib.blake2b(salt, key=key, digest_size=KEY_BYTES, person=_PURPOSE).digest())

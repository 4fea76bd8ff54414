"""Encryption of messages at rest: AES-256-GCM under named keys.

The first key of the setting encrypts; every key decrypts. To rotate keys, put a new key in front, and remove an old key
when no message is encrypted under it any more. A sealed text consists of: the length of the key's name, 1 byte, and the
name; a salt, 16 bytes; a nonce, 12 bytes; the cipher text with its tag of 16 bytes.

Nonces are random. That limits one key to 2^32 messages (NIST SP 800-38D, 8.3), which a busy service sends in days. So
each process draws a new salt after 2^20 messages and encrypts under a key that BLAKE2b derives from the salt. Counters
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
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import note_refusal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_SALT_BYTES, _NONCE_BYTES, _TAG_BYTES = 16, 12, 16
_MESSAGES_OF_A_SALT = 1 << 20
#: Salts whose ciphers are cached: to create a cipher costs more than to encrypt a short message.
_CIPHERS = 1024
_PURPOSE = b"sqs-facade body"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


class KeyInvalid(ValueError):
    """An entry of the setting is not a valid key. The text is for the operator and shows no part of a key."""


def parse(entries: Sequence[str]) -> dict[str, bytes]:
    """Parse entries ``name:base64 of 32 bytes`` into keys by name, in their order. Raises KeyInvalid."""
    found: dict[str, bytes] = {}
    for number, entry in enumerate(entries, 1):
        name, colon, text = entry.partition(":")
        if not colon or not _NAME.match(name):  # it may be a bare key: show no part of it
            raise KeyInvalid(f"entry {number} must be NAME:KEY, and NAME may contain only A-Z a-z 0-9 . _ -")
        try:
            key = b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise KeyInvalid(f"the key named {name} must be {KEY_BYTES} bytes in base64")
        if name in found:
            raise KeyInvalid(f"two keys are named {name}: give each key its own name")
        found[name] = key
    return found


class Keyring:
    """The encryption keys of a process. Thread-safe. The cryptography library is imported at the first use."""

    def __init__(self, keys: dict[str, bytes]) -> None:
        self._keys = keys
        self._name = next(iter(keys), "").encode()
        self._salt, self._left = b"", 0
        self._cipher = lru_cache(maxsize=_CIPHERS)(self._make_cipher)

    @property
    def can_seal(self) -> bool:
        """Whether there is a key to encrypt with."""
        return bool(self._keys)

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        """Encrypt under the first key. ``open`` needs the same ``bound_to``. Raises EncryptionKeyMissing."""
        name = self._name
        if not name:
            note_refusal(remedies.ENCRYPTION_KEY)
            raise EncryptionKeyMissing
        # A race between threads may draw a second salt or use one for a few messages more: both are harmless.
        if self._left <= 0:
            self._salt, self._left = os.urandom(_SALT_BYTES), _MESSAGES_OF_A_SALT
        self._left -= 1
        salt, nonce = self._salt, os.urandom(_NONCE_BYTES)
        cipher = self._cipher(name, salt)
        return b"%c%b%b%b%b" % (len(name), name, salt, nonce, cipher.encrypt(nonce, plain, bound_to))

    def open(self, sealed: bytes, bound_to: bytes) -> bytes:
        """Decrypt and return the plain text.

        Raises MessageUnreadable if the keyring lacks the key, if the text was changed, or if ``bound_to`` differs.
        """
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

"""Receipt handles: a receipt of the core as opaque text, signed so that a forged handle is refused.

Layout before base64: incarnation 8 bytes | partition 2 | sequence 6 | nonce 8 | received ms 6 | MAC 12.
"""

from __future__ import annotations

import binascii
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest
from struct import Struct

from sqs_facade.errors import receipt_invalid
from zaqar_core.domain.model import Receipt

_PAYLOAD_BYTES = 30
_MAC_BYTES = 12
_HANDLE_CHARACTERS = 56
#: Partition and sequence are one number of 8 bytes here.
_RAW = Struct(f">8sQ8s6s{_MAC_BYTES}s")
_SEQUENCE_BITS = 48
_SEQUENCE_MASK = (1 << _SEQUENCE_BITS) - 1


@lru_cache(maxsize=16)
def _keyed(secret: bytes) -> blake2b:
    return blake2b(key=secret, digest_size=_MAC_BYTES, person=b"receipt")


def _mac(payload: bytes, secret: bytes) -> bytes:
    keyed = _keyed(secret).copy()
    keyed.update(payload)
    return keyed.digest()


def encode(receipt: Receipt, secret: bytes) -> str:
    """Return the receipt handle of a receipt."""
    position = receipt.partition << _SEQUENCE_BITS | receipt.sequence
    payload = receipt.incarnation + position.to_bytes(8) + receipt.nonce + receipt.received_ms.to_bytes(6)
    return binascii.b2a_base64(payload + _mac(payload, secret), newline=False).decode()


def decode(handle: str, secret: bytes) -> Receipt:
    """Return the receipt of a handle. Raises SqsError ReceiptHandleIsInvalid for any other text."""
    if len(handle) != _HANDLE_CHARACTERS:
        raise receipt_invalid(handle)
    try:
        raw = binascii.a2b_base64(handle, strict_mode=True)
    except ValueError:
        raise receipt_invalid(handle) from None
    if len(raw) != _RAW.size or not compare_digest(raw[_PAYLOAD_BYTES:], _mac(raw[:_PAYLOAD_BYTES], secret)):
        raise receipt_invalid(handle)
    incarnation, position, nonce, received, _ = _RAW.unpack(raw)
    return Receipt(incarnation, position >> _SEQUENCE_BITS, position & _SEQUENCE_MASK, nonce, int.from_bytes(received))

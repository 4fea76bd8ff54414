"""Receipt handles: a receipt of the core as opaque text, signed so that a forged handle is refused.

Layout before base64: incarnation 8 bytes | partition 2 | sequence 6 | nonce 8 | received ms 6 | MAC 12.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from hashlib import blake2b
from hmac import compare_digest

from sqs_facade.errors import receipt_invalid
from zaqar_core.domain.model import Receipt

_PAYLOAD_BYTES = 30
_MAC_BYTES = 12
_HANDLE_CHARACTERS = 56


def _mac(payload: bytes, secret: bytes) -> bytes:
    return blake2b(payload, key=secret, digest_size=_MAC_BYTES, person=b"receipt").digest()


def encode(receipt: Receipt, secret: bytes) -> str:
    """Return the receipt handle of a receipt."""
    payload = b"%b%b%b%b%b" % (
        receipt.incarnation,
        receipt.partition.to_bytes(2),
        receipt.sequence.to_bytes(6),
        receipt.nonce,
        receipt.received_ms.to_bytes(6),
    )
    return b64encode(payload + _mac(payload, secret)).decode()


def decode(handle: str, secret: bytes) -> Receipt:
    """Return the receipt of a handle. Raises SqsError ReceiptHandleIsInvalid for any other text."""
    if len(handle) != _HANDLE_CHARACTERS:
        raise receipt_invalid(handle)
    try:
        raw = b64decode(handle, validate=True)
    except (binascii.Error, ValueError):
        raise receipt_invalid(handle) from None
    payload, mac = raw[:_PAYLOAD_BYTES], raw[_PAYLOAD_BYTES:]
    if not compare_digest(mac, _mac(payload, secret)):
        raise receipt_invalid(handle)
    return Receipt(
        payload[:8],
        int.from_bytes(payload[8:10]),
        int.from_bytes(payload[10:16]),
        payload[16:24],
        int.from_bytes(payload[24:30]),
    )

"""Message ids: a UUID that hides the message's place in its queue.

122 free bits of a version 4 UUID: 64 random bits, stored with the message, and 58 bits (48 of seq, 10 of partition)
masked by a keyed hash of the random ones. The front finds the seq in the id; the store compares the random bits. No
index is needed, and an id of another queue, project or deployment matches nothing.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from hashlib import blake2b

SEQUENCE_BITS = 48
PARTITION_BITS = 10
_PLACE_MASK = (1 << (SEQUENCE_BITS + PARTITION_BITS)) - 1


@dataclass(slots=True)
class Place:
    """Where an id points: ``id`` are its 16 bytes."""

    sequence: int
    partition: int
    random: bytes
    id: bytes


class MessageIds:
    """Encodes and decodes ids under the deployment's secret. Stateless, shared by all threads."""

    def __init__(self, secret: bytes) -> None:
        self._keyed = blake2b(key=secret[:64], digest_size=8, person=b"message-id")
        self._groups = blake2b(key=secret[:64], digest_size=8, person=b"group")
        self._keys = blake2b(key=secret[:64], digest_size=16, person=b"key")

    def group(self, name: str) -> bytes:
        """Eight bytes that stand for a message group in every queue. Two names may share them: they are then one
        group, which only costs concurrency; the secret keeps clients from choosing such names."""
        keyed = self._groups.copy()
        keyed.update(name.encode())
        return keyed.digest()

    def key(self, text: bytes) -> bytes:
        """Sixteen bytes that stand for a deduplication id, a body's content or a receive attempt."""
        keyed = self._keys.copy()
        keyed.update(text)
        return keyed.digest()

    def _pad(self, random: bytes) -> int:
        keyed = self._keyed.copy()
        keyed.update(random)
        return int.from_bytes(keyed.digest()) & _PLACE_MASK

    def encode(self, sequence: int, random: bytes, partition: int = 0) -> str:
        """The id as lower-case dashed UUID text. ``random`` is 8 bytes."""
        place = ((partition << SEQUENCE_BITS) | sequence) ^ self._pad(random)
        bits = (int.from_bytes(random) << 58) | place
        value = (bits >> 74 << 80) | (4 << 76) | ((bits >> 62 & 0xFFF) << 64) | (2 << 62) | (bits & ((1 << 62) - 1))
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def decode(self, text: str) -> Place | None:
        """The place, or None when the text is no UUID of the form we give."""
        try:
            value = uuid.UUID(text).int
        except ValueError:
            return None
        if value >> 76 & 0xF != 4 or value >> 62 & 3 != 2:
            return None
        bits = (value >> 80 << 74) | ((value >> 64 & 0xFFF) << 62) | (value & ((1 << 62) - 1))
        random = (bits >> 58).to_bytes(8)
        place = (bits & _PLACE_MASK) ^ self._pad(random)
        return Place(place & ((1 << SEQUENCE_BITS) - 1), place >> SEQUENCE_BITS, random, value.to_bytes(16))

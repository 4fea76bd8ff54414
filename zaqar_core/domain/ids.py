"""Message ids: UUIDs that encode the message's position in its queue.

A version 4 UUID has 122 free bits. An id uses 64 random bits, which are stored with the message, and 58 bits (48 of
seq, 10 of partition) that are masked by a keyed hash of the random bits. The service decodes the seq from the id, and
the store compares the random bits. So no index is needed, and an id of another queue, project or deployment matches no
message.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from hashlib import blake2b

SEQUENCE_BITS = 48
PARTITION_BITS = 10
_POSITION_MASK = (1 << (SEQUENCE_BITS + PARTITION_BITS)) - 1
_VARIANT = 1 << 63


@dataclass(slots=True)
class Position:
    """The decoded parts of an id. ``id`` is the whole UUID in 16 bytes."""

    sequence: int
    partition: int
    random: bytes
    id: bytes


class MessageIds:
    """Encodes and decodes ids under the deployment's secret. Stateless and thread-safe."""

    def __init__(self, secret: bytes) -> None:
        self._keyed = blake2b(key=secret[:64], digest_size=8, person=b"message-id")
        self._groups = blake2b(key=secret[:64], digest_size=8, person=b"group")
        self._keys = blake2b(key=secret[:64], digest_size=16, person=b"key")

    def group(self, name: str) -> bytes:
        """Hash the name of a message group to the eight bytes that identify it in every queue.

        Two names may collide. They then form one group, which costs only concurrency. Without the secret a client
        cannot choose colliding names.
        """
        keyed = self._groups.copy()
        keyed.update(name.encode())
        return keyed.digest()

    def key(self, text: bytes) -> bytes:
        """Hash a deduplication id, a body or a receive attempt id to sixteen bytes."""
        keyed = self._keys.copy()
        keyed.update(text)
        return keyed.digest()

    def _masked(self, position: int, random: bytes) -> int:
        """Mask a position, or remove its mask."""
        keyed = self._keyed.copy()
        keyed.update(random)
        return position ^ (int.from_bytes(keyed.digest()) & _POSITION_MASK)

    def encode(self, sequence: int, random: bytes, partition: int = 0) -> str:
        """Return the id as lower-case dashed UUID text. ``random`` is 8 bytes."""
        position = self._masked((partition << SEQUENCE_BITS) | sequence, random)
        # The 64 random bits, then the 58 of the position, around the version (4) and the variant (binary 10).
        digits = (random + (_VARIANT | (random[7] & 0xF) << 58 | position).to_bytes(8)).hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[12:15]}-{digits[16:20]}-{digits[20:]}"

    def decode(self, text: str) -> Position | None:
        """Decode an id; None when the text is not a UUID of version 4."""
        try:
            value = uuid.UUID(text).int
        except ValueError:
            return None
        if value >> 76 & 0xF != 4 or value >> 62 & 3 != 2:
            return None
        bits = (value >> 80 << 74) | ((value >> 64 & 0xFFF) << 62) | (value & ((1 << 62) - 1))
        random = (bits >> 58).to_bytes(8)
        position = self._masked(bits & _POSITION_MASK, random)
        return Position(position & ((1 << SEQUENCE_BITS) - 1), position >> SEQUENCE_BITS, random, value.to_bytes(16))

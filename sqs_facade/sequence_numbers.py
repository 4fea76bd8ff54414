"""The sequence number of a FIFO queue's message, in the form of SQS: computed from its seq in the queue, not stored.

AWS documents a large number that is not consecutive and continues to increase. On AWS it has 20 digits, so that the
order of the texts is that of the numbers. Here it has 20 octal digits, each written as its value plus one: 18 digits of
the sequence plus a constant, then 2 digits of a hash of the sequence. It follows that:

- It has no digit 0. Scripts that replace the default account id, `000000000000`, do not find it inside of a number.
- It rises strictly with the sequence, as its first 18 digits do.
- It is never the previous number plus one, as its first 18 digits differ from the previous ones.
- It is greater than all numbers of earlier releases, which added the sequence to 10^19.
- It fits into an unsigned integer of 64 bits for all sequences of 48 bits, for which a message id has room.
"""

from __future__ import annotations

#: The digits of small sequences are those of this constant: no two neighbours are equal. The first two keep the number
#: below 2^64.
_FIRST = 0o03_2517_4063_7152_4607
_HASH_BITS = 6
_HASH_MASK = (1 << _HASH_BITS) - 1
#: 2^16 divided by the golden ratio, for a multiplicative hash: the upper bits of the product's lower 16.
_MULTIPLIER = 40503
_HASH_SHIFT = 16 - _HASH_BITS
_DIGITS = str.maketrans("01234567", "12345678")


def sequence_number(sequence: int) -> str:
    """Return the number as text. ``sequence`` is from 0 to 2^53 - 1: the store counts in doubles."""
    mixed = (sequence * _MULTIPLIER >> _HASH_SHIFT) & _HASH_MASK
    return f"{(_FIRST + sequence) << _HASH_BITS | mixed:020o}".translate(_DIGITS)

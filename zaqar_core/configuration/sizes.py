"""Sizes in settings: bytes with a suffix, or a percentage of the memory of this machine or container."""

from __future__ import annotations

import re

_BYTES = re.compile(r"([0-9]+) ?([kMGT]?)(?:i?B)?", re.IGNORECASE)
_PERCENTAGE = re.compile(r"([0-9]{1,3}) ?%")
_FACTORS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
#: A Valkey without data needs some megabytes.
LEAST_MEMORY_BYTES = 16 << 20
#: A deletion needs some kilobytes in the append-only file.
LEAST_RESERVE_BYTES = 1 << 20


def parse(value: int | str) -> int:
    """Return the number of bytes; k, M, G and T are powers of 1,024. Raises ValueError."""
    found = _BYTES.fullmatch(str(value).strip())
    if found is None:
        raise ValueError("write a number of bytes, with k, M or G after it if you like")
    return int(found[1]) * _FACTORS[found[2].lower()]


def parse_memory(value: int | str, whole_bytes: int = 1 << 50) -> int:
    """Return the number of bytes, a percentage as that part of ``whole_bytes``; 0 is no limit. Raises ValueError."""
    share = _PERCENTAGE.fullmatch(str(value).strip())
    if share is not None:
        if not 1 <= int(share[1]) <= 100:
            raise ValueError("a percentage is from 1 to 100")
        return max(LEAST_MEMORY_BYTES, whole_bytes * int(share[1]) // 100)
    found = parse(value)
    if 0 < found < LEAST_MEMORY_BYTES:
        raise ValueError("a Valkey needs at least 16M; 0 is no limit")
    return found


def parse_reserve(value: int | str) -> int:
    """Return the number of bytes; 0 is no reserve. Raises ValueError."""
    found = parse(value)
    if 0 < found < LEAST_RESERVE_BYTES:
        raise ValueError("a reserve needs at least 1M; 0 is none")
    return found

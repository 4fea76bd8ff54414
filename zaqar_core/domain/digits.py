"""Reads whole numbers that clients and files give as text."""

from __future__ import annotations


def whole_number(text: str, *, most: int) -> int | None:
    """Return the number that 1 to ``most`` ASCII digits write, None for another text.

    ``int`` also accepts spaces, signs, underscores and the digits of all scripts, and raises for 4,300 digits.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= most else None

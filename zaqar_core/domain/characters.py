"""Finds characters that SQS does not allow in a text."""

from __future__ import annotations

from zaqar_core.domain.limits import NOT_IN_SQS

#: Up to here one look at each character is faster than a search for each control character.
_SHORT = 1024
#: The only ASCII characters that SQS does not allow.
_CONTROLS = tuple(character for character in map(chr, range(0x80)) if NOT_IN_SQS.match(character))


def first_not_in_sqs(text: str) -> str | None:
    """Return the first character that SQS does not allow, None if there is none.

    A text of 1 MiB takes 7 ms with the regular expression alone, 3 ms with ``isprintable`` and 0.6 ms with a search for
    each control character.
    """
    if text.isascii():
        if len(text) <= _SHORT:
            if text.isprintable():
                return None
        elif not any(character in text for character in _CONTROLS):
            return None
    found = NOT_IN_SQS.search(text)
    return found[0] if found else None

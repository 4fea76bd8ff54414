"""Error texts for input that does not match its schema: AWS's own where they are known, never the decoder's."""

from __future__ import annotations

import re

import msgspec

#: msgspec's messages: the expected and the given type, and the member. They are parsed here and never returned.
_TYPES = re.compile(r"Expected `(\w+)(?: \| null)?`, got `(\w+)`")
_MEMBER = re.compile(r" - at `[^`]*?(\w+)((?:\[[^]]*\])*)`\Z")

#: AWS's texts by (expected type, given type), as observed. Other pairs were not observed.
_AWS_WORDS = {
    ("int", "str"): "STRING_VALUE can not be converted to an Integer",
    ("str", "int"): "NUMBER_VALUE can not be converted to a String",
    ("str", "float"): "NUMBER_VALUE can not be converted to a String",
    ("str", "object"): "Start of structure or map found where not expected.",
}
_NAMES = {"array": "a list", "bytes": "base64 text", "int": "an integer", "object": "a structure", "str": "a string"}


class Unreadable(Exception):
    """The input does not match the schema of its operation. The text is for the client."""


def aws_words(problem: msgspec.ValidationError) -> str | None:
    """Return AWS's text for a wrong JSON type, followed by the member's name; None if AWS's text is not known."""
    found = _TYPES.match(str(problem))
    words = _AWS_WORDS.get((found[1], found[2])) if found else None
    name, _ = _member(problem)
    return f"{words} ({name})" if words and name else words


def reason(problem: msgspec.ValidationError) -> str:
    """Describe the problem in a clause whose subject is the member."""
    name, is_entry = _member(problem)
    subject = (f"an entry of {name}" if is_entry else name) or "the input"
    found = _TYPES.match(str(problem))
    if found and found[1] in _NAMES:
        return f"{subject} must be {_NAMES[found[1]]}"
    return f"{subject} has a value that is not allowed"


def _member(problem: msgspec.ValidationError) -> tuple[str, bool]:
    """Return the name of the innermost member, without its path, and whether the problem is in one of its entries."""
    found = _MEMBER.search(str(problem))
    return (found[1], bool(found[2])) if found else ("", False)

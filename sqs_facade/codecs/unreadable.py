"""Why input cannot be read, in words for the client: AWS's own where they are known, never the decoder's."""

from __future__ import annotations

import re

import msgspec

#: How msgspec tells what it expected and got, and where. Its words are read here and shown nowhere.
_TYPES = re.compile(r"Expected `(\w+)(?: \| null)?`, got `(\w+)`")
_PLACE = re.compile(r" - at `[^`]*?(\w+)((?:\[[^]]*\])*)`\Z")

#: What AWS says of a type expected and one got, as seen in its answers; of other pairs it was not.
_AWS_WORDS = {
    ("int", "str"): "STRING_VALUE can not be converted to an Integer",
    ("str", "int"): "NUMBER_VALUE can not be converted to a String",
    ("str", "float"): "NUMBER_VALUE can not be converted to a String",
    ("str", "object"): "Start of structure or map found where not expected.",
}
_NAMES = {"array": "a list", "bytes": "base64 text", "int": "an integer", "object": "a structure", "str": "a string"}


class Unreadable(Exception):
    """Input that does not have the form of its operation's schema. Its text is for the client."""


def aws_words(problem: msgspec.ValidationError) -> str | None:
    """What AWS is known to say of a wrong JSON type, with the member's name behind it. None where it is not known."""
    found = _TYPES.match(str(problem))
    words = _AWS_WORDS.get((found[1], found[2])) if found else None
    name, _ = _member(problem)
    return f"{words} ({name})" if words and name else words


def reason(problem: msgspec.ValidationError) -> str:
    """What is wrong with which member: a clause that begins with the member's name."""
    name, is_entry = _member(problem)
    subject = (f"an entry of {name}" if is_entry else name) or "the whole"
    found = _TYPES.match(str(problem))
    if found and found[1] in _NAMES:
        return f"{subject} must be {_NAMES[found[1]]}"
    return f"{subject} has a value that is not accepted"


def _member(problem: msgspec.ValidationError) -> tuple[str, bool]:
    """The name of the innermost member, without the path to it, and whether an entry of it is meant."""
    found = _PLACE.search(str(problem))
    return (found[1], bool(found[2])) if found else ("", False)

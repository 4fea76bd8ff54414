"""Normalise observations: replace names, accounts, ids, handles and times, which differ from run to run.

Each value is replaced by a word in angle brackets, numbered in the order of appearance. Equal values stay equal, and
different ones stay different.
"""

from __future__ import annotations

import re
from typing import Any, Final

_UUID: Final = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_ARN: Final = re.compile(r"arn:aws:sqs:[a-z0-9-]+:\d{12}:(?=<)")
_URL: Final = re.compile(r"https?://[^\s\"<>]*/(?=<)")
#: Members with opaque values -> the word that replaces the value.
_OPAQUE: Final = {
    "NextToken": "token",
    "ReceiptHandle": "handle",
    "SenderId": "sender",
    "SequenceNumber": "sequence",
    "TaskHandle": "task",
}
#: Members with times -> their unit.
_TIMES: Final = {
    "CreatedTimestamp": "seconds",
    "LastModifiedTimestamp": "seconds",
    "SentTimestamp": "ms",
    "ApproximateFirstReceiveTimestamp": "ms",
    "StartedTimestamp": "ms",
}
_FRACTION: Final = re.compile(r"\d+\.\d+")
_DIGITS: Final = {"seconds": 10, "ms": 13}


class Normaliser:
    """Normalises the observations of one run of a scenario, and keeps the words that it assigned."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def name(self, value: str, word: str) -> None:
        """Replace this value by the word from now on, inside other texts too."""
        self._words.setdefault(value, f"<{word}>")

    def _numbered(self, value: str, word: str) -> str:
        if value not in self._words:
            self._counts[word] = self._counts.get(word, 0) + 1
            self._words[value] = f"<{word} {self._counts[word]}>"
        return self._words[value]

    def observation(self, value: Any) -> Any:
        """Return the value, normalised."""
        self._number_opaque(value)
        return self._normal(value)

    def _number_opaque(self, value: Any) -> None:
        """Assign words to all opaque members first, since other texts may repeat their values."""
        if isinstance(value, dict):
            for name, inner in value.items():
                if name in _OPAQUE and isinstance(inner, str) and inner:
                    self._numbered(inner, _OPAQUE[name])
                else:
                    self._number_opaque(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                self._number_opaque(inner)

    def _normal(self, value: Any) -> Any:
        match value:
            case dict():
                return {
                    self._text(str(name)): self._member(str(name), inner)
                    for name, inner in value.items()
                    if name != "ResponseMetadata"
                }
            case list() | tuple():
                return [self._normal(inner) for inner in value]
            case str():
                return self._text(value)
            case bytes():
                return f"bytes:{value.hex()}"
        return value

    def _member(self, name: str, value: Any) -> Any:
        if name in _TIMES and isinstance(value, str | int | float):
            return _time(value, _TIMES[name])
        if name == "SequenceNumber" and isinstance(value, str) and not value.isdigit():
            return f"not a decimal number: {value}"
        return self._normal(value)

    def _text(self, text: str) -> str:
        if text in self._words:
            return self._words[text]
        for value in sorted(self._words, key=len, reverse=True):
            if len(value) >= 8:
                text = text.replace(value, self._words[value])
        text = _UUID.sub(lambda found: self._numbered(found[0], "id"), text)
        return _URL.sub("<url>/", _ARN.sub("<arn>:", text))


def _time(value: str | float, unit: str) -> Any:
    kind = "text" if isinstance(value, str) else "number"
    if str(value).isdigit() and len(str(value)) == _DIGITS[unit]:
        return f"<{unit}, {kind}>"
    return f"<{unit} with a fraction, {kind}>" if _FRACTION.fullmatch(str(value)) else value

"""Patterns of policies: wildcards ``*`` and ``?``, and policy variables such as ``${aws:username}``.

No pattern makes matching slow: between two ``*`` the first place of the next part is always right, so nothing is tried
twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from zaqar_core.access.errors import PolicyInvalid


class Values(Protocol):
    """The context of a request: the values of the keys that conditions and variables name."""

    def get(self, key: str) -> Sequence[str] | None:
        """Return the values of a key, given in lower case; None if the request has no such key."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A policy variable. ``key`` is in lower case; ``default`` stands for a key that the request does not have."""

    key: str
    default: str | None


class Wildcard:
    """One of the two wildcards."""


ANY_TEXT, ANY_CHARACTER = Wildcard(), Wildcard()

Token = str | Variable | Wildcard

#: Matchers that a pattern with variables keeps.
_MOST_MATCHERS = 256

_WILDCARDS = {"*": ANY_TEXT, "?": ANY_CHARACTER}
_SPLIT = re.compile(r"(\$\{[^{}]*\}|[*?])")
_SPLIT_WITHOUT_VARIABLES = re.compile(r"([*?])")
_VARIABLE = re.compile(r"\$\{[^{}]+\}")
_DEFAULT = re.compile(r"(.*?)\s*,\s*'(.*)'\Z", re.DOTALL)


def tokens(text: str, *, has_variables: bool, has_wildcards: bool) -> tuple[Token, ...]:
    """Split a text of a policy. ``${*}``, ``${?}`` and ``${$}`` are these characters themselves, as AWS defines.

    Raises PolicyInvalid for a variable without a name or an end: it would be a text that nothing is equal to.
    """
    found: list[Token] = []
    for piece in (_SPLIT if has_variables else _SPLIT_WITHOUT_VARIABLES).split(text):
        token: Token = piece
        if piece in _WILDCARDS and has_wildcards:
            token = _WILDCARDS[piece]
        elif has_variables and "${" in piece:
            if _VARIABLE.fullmatch(piece) is None:
                raise PolicyInvalid(f"a variable in {text[:64]} must have a name and a closing brace")
            inside = piece[2:-1].strip()
            named = _DEFAULT.match(inside)
            if inside in ("*", "?", "$"):
                token = inside
            elif named:
                token = Variable(named[1].lower(), named[2])
            else:
                token = Variable(inside.lower(), None)
        if token == "":
            continue
        if isinstance(token, str) and found and isinstance(found[-1], str):
            found[-1] += token
        else:
            found.append(token)
    return tuple(found)


def variables(texts: Iterable[str]) -> Iterator[str]:
    """Return the keys of all policy variables in texts of a policy."""
    for text in texts:
        for token in tokens(text, has_variables=True, has_wildcards=True):
            if isinstance(token, Variable):
                yield token.key


def resolved(given: Iterable[Token], context: Values) -> list[Token] | None:
    """Return the tokens with the values of their variables; None if the request lacks one that has no default."""
    found: list[Token] = []
    for token in given:
        if isinstance(token, Variable):
            values = context.get(token.key)
            if values is not None and len(values) == 1:
                found.append(values[0])
            elif token.default is not None:
                found.append(token.default)
            else:
                return None
        else:
            found.append(token)
    return found


class _Part:
    """A piece of a pattern without ``*``: it matches texts of one length."""

    __slots__ = ("_expression", "_text", "length")

    def __init__(self, given: Sequence[str | Wildcard]) -> None:
        self._text = "".join(token for token in given if isinstance(token, str))
        self.length = len(self._text) + sum(token is ANY_CHARACTER for token in given)
        self._expression = None
        if self.length > len(self._text):
            written = "".join(re.escape(token) if isinstance(token, str) else "." for token in given)
            self._expression = re.compile(written, re.DOTALL)

    def is_at(self, text: str, at: int) -> bool:
        if self._expression is None:
            return text.startswith(self._text, at)
        return self._expression.match(text, at) is not None

    def find(self, text: str, start: int, end: int) -> int:
        """Return the first place in ``text[start:end]``, -1 if there is none."""
        if self._expression is None:
            return text.find(self._text, start, end)
        found = self._expression.search(text, start, end)
        return -1 if found is None else found.start()


class _Matcher:
    """A pattern whose variables are resolved."""

    __slots__ = ("_first", "_last", "_middle", "_shortest", "_whole")

    def __init__(self, given: Iterable[Token]) -> None:
        parts: list[list[str | Wildcard]] = [[]]
        for token in given:
            assert not isinstance(token, Variable)
            if token is ANY_TEXT:
                parts.append([])
            else:
                parts[-1].append(token)
        self._first = _Part(parts[0])
        self._whole = len(parts) == 1
        self._last = _Part(parts[-1])
        self._middle = [_Part(part) for part in parts[1:-1] if part]
        self._shortest = self._first.length + (0 if self._whole else self._last.length)

    def matches(self, text: str) -> bool:
        length = len(text)
        if self._whole:
            return length == self._shortest and self._first.is_at(text, 0)
        end = length - self._last.length
        if length < self._shortest or not self._first.is_at(text, 0) or not self._last.is_at(text, end):
            return False
        at = self._first.length
        for part in self._middle:
            at = part.find(text, at, end)
            if at < 0:
                return False
            at += part.length
        return True


class Pattern:
    """A text of a policy that is compared with a text of a request."""

    __slots__ = ("_by_values", "_matcher", "_tokens", "variables")

    def __init__(self, given: tuple[Token, ...]) -> None:
        self._tokens = given
        #: Matchers by the values of the variables. The cache is cleared when it is full.
        self._by_values: dict[tuple[Token, ...], _Matcher] = {}
        #: The keys of the context on which the result depends.
        self.variables = frozenset(token.key for token in given if isinstance(token, Variable))
        self._matcher = None if self.variables else _Matcher(given)

    def has_values(self, context: Values) -> bool:
        """Return whether each variable has a value."""
        return self._matcher is not None or resolved(self._tokens, context) is not None

    def matches(self, text: str, context: Values) -> bool:
        """Return whether the text matches. A variable without a value matches nothing."""
        matcher = self._matcher
        if matcher is None:
            found = resolved(self._tokens, context)
            if found is None:
                return False
            values = tuple(found)
            matcher = self._by_values.get(values)
            if matcher is None:
                if len(self._by_values) >= _MOST_MATCHERS:
                    self._by_values.clear()
                matcher = self._by_values[values] = _Matcher(found)
        return matcher.matches(text)


def segments(given: Iterable[Token], separator: str, most: int) -> Iterator[tuple[Token, ...]]:
    """Split tokens at a separator in their literal texts, into at most ``most`` segments."""
    current: list[Token] = []
    number = 1
    for token in given:
        if isinstance(token, str):
            pieces = token.split(separator, most - number)
            for piece in pieces[:-1]:
                yield (*current, *([piece] if piece else []))
                current = []
                number += 1
            token = pieces[-1]
            if not token:
                continue
        current.append(token)
    yield tuple(current)

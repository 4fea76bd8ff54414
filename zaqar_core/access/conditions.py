"""Conditions of policies: the operators of AWS's reference, and how several values and missing keys count.

Sources: the IAM reference, "Condition operators" and "Multivalued context keys".
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Literal

from zaqar_core.access import patterns
from zaqar_core.access.errors import PolicyInvalid
from zaqar_core.access.patterns import Pattern, Token, Values

#: Compares one value of the request with one value of the policy.
Comparison = Callable[[str, Values], bool]
#: Compiles one value of the policy. The second argument: whether the policy's version has variables.
Compiler = Callable[[str, bool], Comparison]

_Set = Literal["", "forallvalues", "foranyvalue"]


class Condition:
    """One operator with one key: ``{"StringLike": {"aws:UserAgent": ["a*", "b*"]}}``."""

    __slots__ = ("_comparisons", "_if_exists", "_negated", "_null", "_set", "key", "keys", "text")

    def __init__(self, operator: str, key: str, values: Sequence[str], *, has_variables: bool) -> None:
        """Raises PolicyInvalid."""
        #: The condition as a person reads it.
        self.text = f"{operator} {key} {', '.join(values)}"
        #: In lower case.
        self.key = key.lower()
        #: All keys of the request that it depends on: its own, and those of the variables in its values.
        self.keys = frozenset((self.key, *(patterns.variables(values) if has_variables else ())))
        self._set, name, self._if_exists = _parts(operator)
        self._null: bool | None = None
        self._negated = False
        self._comparisons: list[Comparison] = []
        if name == "null" and not self._if_exists:
            self._null = _null(values)
            return
        compiler = _OPERATORS.get(name)
        if compiler is None:
            compiler = _NEGATED.get(name)
            self._negated = True
        if compiler is None:
            raise PolicyInvalid(f"{operator} is not a condition operator")
        self._comparisons = [compiler(value, has_variables) for value in values]

    def holds(self, context: Values) -> bool:
        """Return whether the condition is true for the request."""
        given = context.get(self.key)
        if self._null is not None:
            return (not given) is self._null
        if not given:
            if self._set:
                return self._set == "forallvalues" or self._if_exists
            return self._if_exists or self._negated
        if self._set == "forallvalues":
            return all(self._holds_for(value, context) for value in given)
        if self._set == "foranyvalue":
            return any(self._holds_for(value, context) for value in given)
        for value in given:
            for comparison in self._comparisons:
                if comparison(value, context):
                    return not self._negated
        return self._negated

    def _holds_for(self, value: str, context: Values) -> bool:
        return any(comparison(value, context) for comparison in self._comparisons) is not self._negated


def compiled(document: object, *, has_variables: bool) -> tuple[Condition, ...]:
    """Compile the element Condition of a statement. Raises PolicyInvalid."""
    if not isinstance(document, dict):
        raise PolicyInvalid("Condition must be an object")
    found = []
    for operator, keys in document.items():
        if not isinstance(keys, dict):
            raise PolicyInvalid(f"the condition {operator} must be an object of keys and values")
        for key, given in keys.items():
            values = [_text(value, key) for value in (given if isinstance(given, list) else [given])]
            found.append(Condition(operator, key, values, has_variables=has_variables))
    return tuple(found)


def _text(value: Any, key: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise PolicyInvalid(f"a value of the condition key {key} must be a string, a number, true or false")


def _parts(operator: str) -> tuple[_Set, str, bool]:
    """Split the name of an operator, in lower case, from the words before and after it."""
    name = operator.lower()
    chosen: _Set = ""
    for prefix in ("forallvalues", "foranyvalue"):
        if name.startswith(prefix + ":"):
            chosen, name = prefix, name[len(prefix) + 1 :]
    if name.endswith("ifexists"):
        return chosen, name.removesuffix("ifexists"), True
    return chosen, name, False


def _null(values: Sequence[str]) -> bool:
    if len(values) != 1 or values[0].lower() not in ("true", "false"):
        raise PolicyInvalid("the condition Null must have the value true or false")
    return values[0].lower() == "true"


# -- operators ---------------------------------------------------------------------------------------------------------


def _equal(value: str, has_variables: bool) -> Comparison:
    if "${" not in value or not has_variables:
        return lambda given, _: given == value
    return Pattern(patterns.tokens(value, has_variables=True, has_wildcards=False)).matches


def _equal_ignoring_case(value: str, has_variables: bool) -> Comparison:
    wanted = patterns.tokens(value, has_variables=has_variables, has_wildcards=False)

    def compare(given: str, context: Values) -> bool:
        found = patterns.resolved(wanted, context)
        return found is not None and "".join(map(str, found)).lower() == given.lower()

    return compare


def _like(value: str, has_variables: bool) -> Comparison:
    return Pattern(patterns.tokens(value, has_variables=has_variables, has_wildcards=True)).matches


#: Parts of an ARN; the last one may contain colons.
_ARN_PARTS = 6


def _arn(value: str, has_variables: bool) -> Comparison:
    """Compare the parts of two ARNs one by one, so that a wildcard never reaches into the next part."""
    given_tokens: tuple[Token, ...] = patterns.tokens(value, has_variables=has_variables, has_wildcards=True)
    if given_tokens == (patterns.ANY_TEXT,):
        return lambda given, _: given.startswith("arn:")
    wanted = [Pattern(part) for part in patterns.segments(given_tokens, ":", _ARN_PARTS)]

    def compare(given: str, context: Values) -> bool:
        parts = given.split(":", _ARN_PARTS - 1)
        if len(parts) != _ARN_PARTS or len(wanted) != _ARN_PARTS:
            return False
        return all(pattern.matches(part, context) for pattern, part in zip(wanted, parts, strict=True))

    return compare


def _bool(value: str, _: bool) -> Comparison:
    wanted = value.lower()
    if wanted not in ("true", "false"):
        raise PolicyInvalid("the condition Bool must have the value true or false")
    return lambda given, _: given.lower() == wanted


def _binary(value: str, _: bool) -> Comparison:
    wanted = _decoded(value)
    if wanted is None:
        raise PolicyInvalid("a value of the condition BinaryEquals must be base64")
    return lambda given, _: _decoded(given) == wanted


def _decoded(value: str) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None


def _address(value: str, _: bool) -> Comparison:
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise PolicyInvalid(f"{value[:64]} is neither an IP address nor a network in CIDR notation") from None
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is not None and network.prefixlen >= _MAPPED_BITS:
        network = ip_network(f"{mapped}/{network.prefixlen - _MAPPED_BITS}", strict=False)
    version, first, last = network.version, int(network.network_address), int(network.broadcast_address)

    def compare(given: str, _: Values) -> bool:
        found = _parsed_address(given)
        return found is not None and found[0] == version and first <= found[1] <= last

    return compare


#: Bits before the IPv4 address in an IPv6 address that contains one.
_MAPPED_BITS = 96


@lru_cache(maxsize=4096)
def _parsed_address(text: str) -> tuple[int, int] | None:
    """Return version and number of an address; an IPv4 address that is mapped to IPv6 counts as that IPv4 address."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found
    return found.version, int(found)


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?\Z", re.ASCII
)
#: Longer numbers are seconds since 1970; four digits are a year.
_YEAR_DIGITS = 4


def _date(text: str) -> Decimal | None:
    """Read a date of ISO 8601, or a number of seconds, as seconds since 1970. None if it is neither."""
    text = text.strip()
    found = _DATE.match(text)
    if found is None or (text.isdigit() and len(text) != _YEAR_DIGITS):
        return _number(text)
    year, month, day = (int(part or 1) for part in found.group(1, 2, 3))
    hour, minute, second = (int(part or 0) for part in found.group(4, 5, 6))
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    zone = (found[8] or "Z").replace(":", "")
    minutes = 0 if zone == "Z" else (int(zone[1:3]) * 60 + int(zone[3:5])) * (-1 if zone[0] == "-" else 1)
    return Decimal(int(moment.timestamp()) - minutes * 60) + Decimal(found[7] or 0)


_Order = Callable[[Decimal, Decimal], bool]
_ORDERS: Mapping[str, _Order] = {
    "equals": lambda given, wanted: given == wanted,
    "lessthan": lambda given, wanted: given < wanted,
    "lessthanequals": lambda given, wanted: given <= wanted,
    "greaterthan": lambda given, wanted: given > wanted,
    "greaterthanequals": lambda given, wanted: given >= wanted,
}


def _ordered(read: Callable[[str], Decimal | None], kind: str, order: _Order) -> Compiler:
    def compile_value(value: str, _: bool) -> Comparison:
        wanted = read(value)
        if wanted is None:
            raise PolicyInvalid(f"{value[:64]} is not a {kind}")

        def compare(given: str, _: Values) -> bool:
            found = read(given)
            return found is not None and order(found, wanted)

        return compare

    return compile_value


#: By name in lower case.
_OPERATORS: Mapping[str, Compiler] = {
    "stringequals": _equal,
    "stringequalsignorecase": _equal_ignoring_case,
    "stringlike": _like,
    **{f"numeric{name}": _ordered(_number, "number", order) for name, order in _ORDERS.items()},
    **{f"date{name}": _ordered(_date, "date", order) for name, order in _ORDERS.items()},
    "bool": _bool,
    "binaryequals": _binary,
    "ipaddress": _address,
    "arnequals": _arn,
    "arnlike": _arn,
}
#: Operators that are true when none of the values matches, and also when the request lacks the key.
_NEGATED: Mapping[str, Compiler] = {
    "stringnotequals": _equal,
    "stringnotequalsignorecase": _equal_ignoring_case,
    "stringnotlike": _like,
    "numericnotequals": _OPERATORS["numericequals"],
    "datenotequals": _OPERATORS["dateequals"],
    "notipaddress": _address,
    "arnnotequals": _arn,
    "arnnotlike": _arn,
}

"""Find the first difference between the response of AWS and that of a target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from .protocol import Protocol
from .scenario import Anything, ByProtocol


class _Absent:
    def __repr__(self) -> str:
        return "(absent)"


ABSENT: Final = _Absent()


@dataclass(frozen=True)
class Difference:
    """The path of the first difference of two observations, and both values."""

    path: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.path or 'response'}: expected {self.expected}, got {self.got}"


def in_protocol(expected: Any, protocol: Protocol) -> Any:
    """Return the expected observation in one protocol."""
    match expected:
        case ByProtocol():
            return in_protocol(expected.json if protocol == "json" else expected.query, protocol)
        case dict():
            return {name: in_protocol(inner, protocol) for name, inner in expected.items()}
        case list() | tuple():
            return [in_protocol(inner, protocol) for inner in expected]
    return expected


def first_difference(expected: Any, got: Any) -> Difference | None:
    """Return the first difference, or None. ``ANY`` is equal to every value that is present."""
    return next(_differences(expected, got, ""), None)


def _differences(expected: Any, got: Any, path: str) -> Iterator[Difference]:
    if isinstance(expected, Anything) and not isinstance(got, _Absent):
        return
    # An error instead of a result, or the reverse, is reported as a whole and not member by member.
    same_kind = _is_error(expected) == _is_error(got)
    if isinstance(expected, dict) and isinstance(got, dict) and same_kind:
        for name in [*expected, *(name for name in got if name not in expected)]:
            yield from _differences(expected.get(name, ABSENT), got.get(name, ABSENT), f"{path}.{name}".lstrip("."))
    elif isinstance(expected, list) and isinstance(got, list):
        for at in range(max(len(expected), len(got))):
            yield from _differences(_item(expected, at), _item(got, at), f"{path}[{at}]")
    elif type(expected) is not type(got) or expected != got:
        yield Difference(path, brief(expected), brief(got))


def _item(values: list[Any], at: int) -> Any:
    return values[at] if at < len(values) else ABSENT


def _is_error(value: Any) -> bool:
    return isinstance(value, dict) and ("error" in value or "crash" in value)


def brief(value: Any) -> str:
    """Return a value in one line."""
    if isinstance(value, dict) and "error" in value:
        said = "" if isinstance(value["message"], Anything) else f": {value['message']}"
        return f"{value['error']} ({value['status']}){said}"
    if isinstance(value, dict) and "crash" in value:
        return f"crash: {value['crash']}"
    if value is None:
        return "success"
    found = repr(value)
    return found if len(found) <= 300 else f"{found[:297]}..."

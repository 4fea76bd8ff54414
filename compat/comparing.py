"""The first difference between what AWS answers and what a target answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from .scenario import ByProtocol, Protocol, _Any


class _Absent:
    def __repr__(self) -> str:
        return "(absent)"


ABSENT: Final = _Absent()


@dataclass(frozen=True)
class Difference:
    """Where two observations part, and what stands there."""

    path: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.path or 'answer'}: expected {self.expected}, got {self.got}"


def spoken(expected: Any, protocol: Protocol) -> Any:
    """The expected observation as one protocol gives it."""
    match expected:
        case ByProtocol():
            return spoken(expected.json if protocol == "json" else expected.query, protocol)
        case dict():
            return {name: spoken(inner, protocol) for name, inner in expected.items()}
        case list() | tuple():
            return [spoken(inner, protocol) for inner in expected]
    return expected


def first_difference(expected: Any, got: Any) -> Difference | None:
    """None if they are equal; ``ANY`` equals whatever is there."""
    return next(_differences(expected, got, ""), None)


def _differences(expected: Any, got: Any, path: str) -> Iterator[Difference]:
    if isinstance(expected, _Any) and not isinstance(got, _Absent):
        return
    # A refusal where an answer was due, or the other way round, says more as a whole than by its members.
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
    """A value in one line."""
    if isinstance(value, dict) and "error" in value:
        said = "" if isinstance(value["message"], _Any) else f": {value['message']}"
        return f"{value['error']} ({value['status']}){said}"
    if isinstance(value, dict) and "crash" in value:
        return f"crash: {value['crash']}"
    if value is None:
        return "success"
    found = repr(value)
    return found if len(found) <= 300 else f"{found[:297]}..."

"""What a scenario is: a short program on an SQS client, and what AWS answers to it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from .bench import Bench

Program = Callable[[Any, "Bench"], Any]
Protocol = Literal["json", "query"]

#: How a fact is known, by the letter of its source.
KNOWN_BY: Final = {
    "R": "recorded from AWS",
    "A": "asserted against AWS by a peer's suite",
    "D": "AWS's documentation",
    "M": "AWS's service model",
    "P": "peers' tests only",
    "L": "a feature of LocalStack for developers, not of AWS",
}


class _Any:
    """Equal to whatever is there."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "(anything)"


#: An expected part that may be anything, but must be there.
ANY: Final = _Any()


@dataclass(frozen=True)
class ByProtocol:
    """An expected part that reads differently by the two protocols. Raw calls see that of their own protocol."""

    json: Any
    query: Any


def error(code: Any, message: Any = ANY, status: int = 400) -> dict[str, Any]:
    """The observation of a refused call; the code is the query protocol's, which both protocols show."""
    return {"error": code, "status": status, "message": message}


NO_QUEUE: Final = error(
    "AWS.SimpleQueueService.NonExistentQueue",
    ByProtocol(
        json="The specified queue does not exist.",
        query="The specified queue does not exist for this wsdl version.",
    ),
)


def invalid(value: str, parameter: str, reason: str) -> dict[str, Any]:
    """SQS's usual sentence for a value it refuses."""
    return error("InvalidParameterValue", f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


def missing(parameter: str) -> dict[str, Any]:
    return error("MissingParameter", f"The request must contain the parameter {parameter}.")


@dataclass(frozen=True)
class Scenario:
    """One behaviour. ``source`` holds facts: a letter of KNOWN_BY and the number in the project's collection of facts.

    ``expected`` is AWS's normalised observation. ``protocol`` is set where the program works on the wire itself.
    ``needs_seconds`` is how long it must wait where a target's clock cannot be moved.
    """

    name: str
    theme: str
    title: str
    operation: str
    source: str
    expected: Any
    program: Program
    protocol: Protocol | None = None
    needs_seconds: float = 0

    @property
    def is_slow(self) -> bool:
        return self.needs_seconds > 0

    @property
    def authority(self) -> str:
        """Who says what AWS does, in words."""
        found: dict[str, list[str]] = {}
        for fact in self.source.split():
            found.setdefault(KNOWN_BY[fact[0]], []).append(fact[1:])
        return "; ".join(
            f"{words} (fact{'s' if len(numbers) > 1 else ''} {', '.join(numbers)})" for words, numbers in found.items()
        )

    @property
    def is_foreign_to_aws(self) -> bool:
        """It is about what services for developers have in addition."""
        return all(fact[0] == "L" for fact in self.source.split())

    @property
    def is_proved(self) -> bool:
        """AWS itself is behind it, not only its imitators."""
        return any(fact[0] not in "PL" for fact in self.source.split())


_FOUND: dict[str, Scenario] = {}


def scenario(
    operation: str,
    source: str,
    expected: Any,
    *,
    protocol: Protocol | None = None,
    needs_seconds: float = 0,
) -> Callable[[Program], Program]:
    """Declare a scenario: the decorated program's docstring says the behaviour in one sentence."""

    def declare(program: Program) -> Program:
        theme = program.__module__.rpartition(".")[2]
        name = f"{theme}.{program.__name__}"
        assert name not in _FOUND, f"two scenarios named {name}"
        assert program.__doc__, f"{name} does not say its behaviour"
        title = " ".join(program.__doc__.split())
        _FOUND[name] = Scenario(name, theme, title, operation, source, expected, program, protocol, needs_seconds)
        return program

    return declare


def every() -> list[Scenario]:
    """All scenarios, in the order of their modules and lines."""
    from . import scenarios

    for module in sorted(pkgutil.iter_modules(scenarios.__path__), key=lambda one: one.name):
        importlib.import_module(f"{scenarios.__name__}.{module.name}")
    return list(_FOUND.values())

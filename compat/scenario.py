"""Declare scenarios. A scenario is a short program that uses an SQS client, with the result that AWS returns."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from .bench import Bench
from .protocol import Protocol

Program = Callable[[Any, Bench], Any]

#: Letter of a source -> how the fact is known.
KNOWN_BY: Final = {
    "R": "recorded from AWS",
    "A": "asserted against AWS by a peer's suite",
    "D": "AWS's documentation",
    "M": "AWS's service model",
    "P": "peers' tests only",
    "L": "a feature of LocalStack for developers, not of AWS",
}


class Anything:
    """Equal to every value."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "(anything)"


#: An expected part that must be present, with any value.
ANY: Final = Anything()


@dataclass(frozen=True)
class ByProtocol:
    """An expected part that differs between the protocols. Raw requests see the part of their own protocol."""

    json: Any
    query: Any


def error(code: Any, message: Any = ANY, status: int = 400) -> dict[str, Any]:
    """Return the observation of an error; ``code`` is that of the query protocol, which both protocols return."""
    return {"error": code, "status": status, "message": message}


NO_QUEUE: Final = error(
    "AWS.SimpleQueueService.NonExistentQueue",
    ByProtocol(
        json="The specified queue does not exist.",
        query="The specified queue does not exist for this wsdl version.",
    ),
)


def invalid(value: str, parameter: str, reason: str) -> dict[str, Any]:
    """Return the observation of SQS's usual error for a value that is not valid."""
    return error("InvalidParameterValue", f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


def missing(parameter: str) -> dict[str, Any]:
    """Return the observation of the error for a missing parameter."""
    return error("MissingParameter", f"The request must contain the parameter {parameter}.")


@dataclass(frozen=True)
class Scenario:
    """One behaviour.

    ``source`` lists facts: a letter of KNOWN_BY and a number in the project's collection of facts. ``expected`` is the
    normalised observation on AWS. ``protocol`` is set if the program sends raw requests of that protocol.
    ``needs_seconds`` is how long the program waits if the target's clock cannot be moved.
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
        """How the behaviour of AWS is known, as text."""
        found: dict[str, list[str]] = {}
        for fact in self.source.split():
            found.setdefault(KNOWN_BY[fact[0]], []).append(fact[1:])
        return "; ".join(
            f"{words} (fact{'s' if len(numbers) > 1 else ''} {', '.join(numbers)})" for words, numbers in found.items()
        )

    @property
    def is_foreign_to_aws(self) -> bool:
        """Whether the behaviour is a feature of services for developers that AWS does not have."""
        return all(fact[0] == "L" for fact in self.source.split())

    @property
    def is_proved(self) -> bool:
        """Whether the source is AWS itself, and not only tests of other emulators."""
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
    """Declare the decorated program as a scenario. Its docstring states the behaviour in one sentence."""

    def declare(program: Program) -> Program:
        theme = program.__module__.rpartition(".")[2]
        name = f"{theme}.{program.__name__}"
        assert name not in _FOUND, f"two scenarios named {name}"
        assert program.__doc__, f"{name} has no docstring"
        title = " ".join(program.__doc__.split())
        _FOUND[name] = Scenario(name, theme, title, operation, source, expected, program, protocol, needs_seconds)
        return program

    return declare


def every() -> list[Scenario]:
    """Return all scenarios, in the order of their modules and lines."""
    from . import scenarios

    for module in sorted(pkgutil.iter_modules(scenarios.__path__), key=lambda one: one.name):
        importlib.import_module(f"{scenarios.__name__}.{module.name}")
    return list(_FOUND.values())

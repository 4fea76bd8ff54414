"""Sources of settings: flags, environment variables and a TOML file. Each value is kept with its source.

A name in the environment or the file that is not a setting is refused, with the nearest name as a hint.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from zaqar_core.configuration import setting_values

ENVIRONMENT_PREFIX = "SQS_FACADE_"
#: Set by ``serve --ephemeral`` for its workers: no other service uses their store.
PRIVATE_STORE_VARIABLE = "SQS_FACADE_PRIVATE_STORE"
#: Set for workers of ``serve``: the process id of their parent. They stop when it ends.
PARENT_VARIABLE = "SQS_FACADE_PARENT_PID"
#: A process id: the service stops when this process, its parent, ends. For test runners, which may be killed.
STOPS_WITH_VARIABLE = "SQS_FACADE_STOPS_WITH"

#: Variables with our prefix that are not settings but belong to worker processes or the test suite.
_OTHER_VARIABLES = frozenset({
    PRIVATE_STORE_VARIABLE, PARENT_VARIABLE, STOPS_WITH_VARIABLE,
    "SQS_FACADE_CLIENTS", "SQS_FACADE_LONG", "SQS_FACADE_CONFORMANCE", "SQS_FACADE_KEYSTONE",
    "SQS_FACADE_WHEEL_FOR",
})  # fmt: skip
#: Prefix of all other variables of the test suite.
_TEST_SUITE_PREFIX = "SQS_FACADE_TEST_"
#: Kubernetes sets these in every container of a namespace with a Service named sqs-facade or sqs-facade-<something>:
#: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_SERVICE_LINK = re.compile(
    r"SQS_FACADE_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)"
)
#: ``SQS_FACADE_PORT`` can be such a variable or the setting ``port``; the value distinguishes them.
_SERVICE_LINK_PORT = re.compile(r"(?:tcp|udp|sctp)://.*")
#: Top-level tables that are not settings but declare queues: see ``sqs_facade.declarations``.
QUEUE_TABLE, ACCOUNT_TABLE, DEFAULTS_TABLE = "queue", "account", "queue_defaults"
DECLARING_TABLES = frozenset((QUEUE_TABLE, ACCOUNT_TABLE, DEFAULTS_TABLE))
#: Least similarity (difflib's ratio) of a name that is suggested.
_SIMILAR = 0.7


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a value. ``name`` is the flag, the variable, the key in the file, or what implies the value."""

    kind: Literal["default", "implied", "file", "variable", "flag"]
    name: str = ""
    file: Path | None = None
    line: int | None = None

    def __str__(self) -> str:
        match self.kind:
            case "flag":
                return f"flag {self.name}"
            case "variable":
                return f"environment variable {self.name}"
            case "file":
                return f"{self.file}:{self.line}" if self.line else f"{self.file}: {self.name}"
            case "implied":
                return f"implied by {self.name}"
        return "default"

    def subject(self, setting: str) -> str:
        """Return the subject of a sentence about the setting."""
        match self.kind:
            case "flag" | "variable":
                return str(self)
            case "file":
                return f"{self}: {self.name}" if self.line else str(self)
        return setting


@dataclass(frozen=True, slots=True)
class Given:
    """A value before its conversion, with its source."""

    value: object
    source: Source


def collect(
    settings: type[msgspec.Struct], flags: Mapping[str, Any], environment: Mapping[str, str], file: Path | None
) -> tuple[dict[str, Given], list[str]]:
    """Return the value of each given setting from its strongest source, and one line for each error."""
    kinds = {field.name: field.type for field in msgspec.structs.fields(settings)}
    problems: list[str] = []
    given: dict[str, Given] = {}
    if file is not None:
        given |= _from_file(file, kinds, problems)
    given |= _from_environment(environment, kinds, problems)
    for name, value in flags.items():
        given[name] = Given(value, Source("flag", setting_values.flag(kinds[name]) or name))
    return given, problems


def variable(setting: str) -> str:
    """Return the name of the setting's environment variable."""
    return ENVIRONMENT_PREFIX + setting.upper()


def _from_environment(
    environment: Mapping[str, str], kinds: Mapping[str, Any], problems: list[str]
) -> dict[str, Given]:
    known = {variable(name): name for name in kinds}
    found: dict[str, Given] = {}
    for name, text in sorted(environment.items()):
        if not name.startswith(ENVIRONMENT_PREFIX) or name in _OTHER_VARIABLES or is_service_link(name, text):
            continue
        source = Source("variable", name)
        if name in known:
            try:
                found[known[name]] = Given(setting_values.from_text(text, kinds[known[name]]), source)
            except setting_values.ValueInvalid as problem:
                problems.append(f"{source} {problem}")
            continue
        near = nearest(name.removeprefix(ENVIRONMENT_PREFIX).lower(), kinds)
        if near or not name.startswith(_TEST_SUITE_PREFIX):
            problems.append(f"{source} is not a setting{_hint(near and variable(near))}")
    return found


def is_service_link(name: str, text: str) -> bool:
    """Return whether Kubernetes set this variable for a Service."""
    if name.endswith("_PORT") and _SERVICE_LINK_PORT.fullmatch(text):
        return True
    return _SERVICE_LINK.fullmatch(name) is not None


def _from_file(file: Path, kinds: Collection[str], problems: list[str]) -> dict[str, Given]:
    try:
        text = file.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except OSError as problem:
        problems.append(f"flag --config: cannot read {file}: {problem.strerror}")
        return {}
    except UnicodeDecodeError:
        problems.append(f"{file} is not UTF-8 text")
        return {}
    except tomllib.TOMLDecodeError as problem:
        problems.append(f"{file} is not valid TOML: {problem}")
        return {}
    except RecursionError:
        problems.append(f"{file} is nested too deeply")
        return {}
    found: dict[str, Given] = {}
    for name, value in document.items():
        if name in DECLARING_TABLES:
            continue
        source = Source("file", name, file, _line(text, name))
        if name in kinds:
            found[name] = Given(value, source)
        elif isinstance(value, dict):
            problems.append(
                f"{source.subject(name)} is not a setting: write settings at the top level, outside of any table"
            )
        else:
            problems.append(f"{source.subject(name)} is not a setting{_hint(nearest(name, kinds))}")
    return found


def _line(text: str, key: str) -> int | None:
    """Return the line of a top-level key in a valid TOML document; None if the key is written in a rare form."""
    lines = text.split("\n")
    begins = re.compile(rf"""\s*(?:\[+\s*)?["']?{re.escape(key)}["']?\s*[].=]""")
    for number, line in enumerate(lines, 1):
        # A line inside a multi-line text or list may look the same, but the document before it is incomplete.
        if begins.match(line) and _is_complete(lines[: number - 1]):
            return number
    return None


def _is_complete(lines: Iterable[str]) -> bool:
    try:
        tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        return False
    return True


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name that resembles the given one; empty if none does."""
    import difflib  # only needed for an error

    return next(iter(difflib.get_close_matches(name, list(known), 1, _SIMILAR)), "")


def _hint(near: str) -> str:
    return f"; did you mean {near}?" if near else "; the command `sqs-facade settings` lists them"

"""The server-side functions: read from ``lua/``, put together in one library for each kind of queue.

A file in ``lua/functions`` is the body of one function and begins with its contract: what it does, keys, arguments with
units, reply, failures, cost. It uses the parts in ``lua/shared`` and in the folder of its kind, which define the same
verbs differently. Limits come from ``zaqar_core.domain.limits`` in the table LIMITS. Library and functions are named by
their content, so two releases can run side by side. Measured: a function call saves a script from creating its
thirty-odd closures, 7 of 31 µs for a receive.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal

from zaqar_core.domain import limits

#: ``plain``: a standard queue that never had message groups. ``fair``: one that has. ``fifo``: a FIFO queue.
QueueKind = Literal["plain", "fair", "fifo"]
KINDS: tuple[QueueKind, ...] = ("plain", "fair", "fifo")

#: Every library's name begins with it.
PREFIX = "sf1_"
#: In this order, so that each may use what stands before it. A kind may lack some.
_PARTS = (
    "queue", "state", "wake", "settings", "contents", "buckets", "ready", "forget", "heads", "tick", "find", "life",
    "depart", "dead", "take", "answer", "dedup", "attempts", "mover", "tasks", "search", "subscribers", "lines",
    "notices", "born", "catalogue",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Library:
    """``text`` is what the server loads under ``name``."""

    name: str
    text: bytes


@dataclass(frozen=True, slots=True)
class Compiled:
    """One function of one kind. ``address`` is its name on the server. ``writes``: whether durability concerns it."""

    name: str
    address: bytes
    library: Library
    writes: bool


@dataclass(frozen=True, slots=True)
class Script:
    """One function in its three kinds."""

    plain: Compiled
    fair: Compiled
    fifo: Compiled


@cache
def script(name: str, *, writes: bool = True) -> Script:
    """The function of that file name."""
    if not (_folder() / "functions" / f"{name}.lua").is_file():
        raise FileNotFoundError(f"no function {name}")
    plain, fair, fifo = (_library(kind) for kind in KINDS)
    return Script(*(Compiled(name, f"{it.name}_{name}".encode(), it, writes) for it in (plain, fair, fifo)))


@cache
def _library(kind: QueueKind) -> Library:
    parts = [f"local KIND = '{kind}'", _limits(), *(_part(name, kind) for name in _PARTS)]
    bodies = sorted((file.name.removesuffix(".lua"), _code(file)) for file in (_folder() / "functions").iterdir())
    content = "\n".join([*parts, *(f"{name}\n{body}" for name, body in bodies)])
    name = f"{PREFIX}{kind}_{hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()[:12]}"
    functions = [
        f"redis.register_function('{name}_{function}', function(keys, args)\n"
        f"local moving = begin(keys, args)\nif moving then return moving end\n{body}\nend)"
        for function, body in bodies
    ]
    return Library(name, "\n".join([f"#!lua name={name}", *parts, *functions, ""]).encode())


def _limits() -> str:
    """The table LIMITS, which every part and function can read."""
    entries = ", ".join(f"{name} = {value}" for name, value in limits.for_lua().items())
    return f"local LIMITS = {{ {entries} }}"


def _part(name: str, kind: QueueKind) -> str:
    for place in (kind, "shared"):
        file = _folder() / place / f"{name}.lua"
        if file.is_file():
            return _code(file)
    return ""


def _code(file: Traversable) -> str:
    """Without comments."""
    return "\n".join(line for line in file.read_text().splitlines() if not line.lstrip().startswith("--"))


def _folder() -> Traversable:
    return files(__package__) / "lua"

"""The server-side functions: read from ``lua/``, put together in one library for each kind of queue.

A file in ``lua/functions`` is the body of one function and begins with its contract: what it does, keys, arguments
with units, reply, failures, effect, cost. It uses parts (see ``parts``), which each kind of queue may define
differently.
Limits come from ``zaqar_core.domain.limits`` in the table LIMITS. Library and functions are named by their content, so
two releases can run side by side. Measured: a function call saves a script from creating its thirty-odd closures, 7 of
31 µs for a receive.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cache

from zaqar_core.domain import limits
from zaqar_core.store import parts
from zaqar_core.store.joined_calls import Joining
from zaqar_core.store.parts import KINDS, Part, QueueKind

#: Every library's name begins with it.
PREFIX = "sf1_"
#: A call that names a policy (see lua/shared/policy) fails with it if the queue has another one.
OTHER_POLICY = "POLICY"


@dataclass(frozen=True, slots=True)
class Library:
    """The functions of one kind of queue: ``text`` is loaded by the server under ``name``."""

    name: str
    text: bytes


@dataclass(frozen=True, slots=True)
class Compiled:
    """One function of one kind. ``address`` is its name on the server. ``changes``: it changes what callers rely on.

    ``returns_messages``: whether its reply may be as large as messages of the queue. ``joining``: how calls of one turn
    become one call, None if they do not.
    """

    name: str
    address: bytes
    library: Library
    changes: bool
    returns_messages: bool
    joining: Joining | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """One function in its three kinds."""

    plain: Compiled
    fair: Compiled
    fifo: Compiled


@cache
def script(name: str, *, returns_messages: bool = False, joining: Joining | None = None) -> Script:
    """Return the function of that file name, in its three kinds. Raises FileNotFoundError.

    ``joining`` is that of the plain kind: the others keep an order of their own in groups of messages.
    """
    effect = next((one.effect for one in _functions("plain") if one.name == name), None)
    if effect is None:
        raise FileNotFoundError(f"no function {name}")
    changes = effect != "reads"
    plain, fair, fifo = (
        Compiled(name, f"{it.name}_{name}".encode(), it, changes, returns_messages) for it in map(_library, KINDS)
    )
    return Script(replace(plain, joining=joining), fair, fifo)


def failure_words() -> frozenset[str]:
    """Return the error words that functions can reply with, as their contracts name them."""
    return frozenset(word for one in _functions("plain") for word in one.fails) | {OTHER_POLICY}


#: What every function does before its own body: see the parts FIRST and CHECK.
_BEGINNING = """\
local moving = begin_call(keys, args)
if moving then return moving end
local other = keys[2] and other_policy(keys[2])
if other then return other end
"""


@cache
def _functions(kind: QueueKind) -> tuple[Part, ...]:
    return tuple(parts.functions(kind))


@cache
def _library(kind: QueueKind) -> Library:
    functions = _functions(kind)
    needed = [one.code for one in parts.in_order([*_given(kind), *parts.parts(kind)], functions)]
    content = "\n".join([*needed, *(f"{one.name} {_flags(one)}\n{one.code}" for one in functions)])
    name = f"{PREFIX}{kind}_{hashlib.sha1(content.encode(), usedforsecurity=False).hexdigest()[:12]}"
    registered = [
        f"redis.register_function({{function_name='{name}_{one.name}', flags={{{_flags(one)}}}, "
        f"callback=function(keys, args)\n{_BEGINNING}{one.code}\nend}})"
        for one in functions
    ]
    return Library(name, "\n".join([f"#!lua name={name}", *needed, *registered, ""]).encode())


def _flags(function: Part) -> str:
    """Return the server's flags of a function.

    With allow-oom it runs although the memory limit is reached, with no-writes also on a server that refuses writes.
    """
    flags = () if function.effect == "stores" else ("'allow-oom'",)
    return ", ".join((*flags, "'no-writes'") if function.writes_nothing else flags)


def _given(kind: QueueKind) -> list[Part]:
    """Build the parts that are not files: KIND, and the table LIMITS."""
    entries = ", ".join(f"{name} = {value}" for name, value in limits.for_lua().items())
    texts = {"KIND": f"'{kind}'", "LIMITS": f"{{ {entries} }}"}
    return [Part(name, f"local {name} = {text}", (), (name,)) for name, text in texts.items()]

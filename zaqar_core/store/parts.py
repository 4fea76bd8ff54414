"""The files of server-side Lua: what each declares, and the order in which a library needs them.

A file in ``lua/shared``, ``lua/plain``, ``lua/fair`` or ``lua/fifo`` is a part: it defines local functions and values
that other files use. A part exists once in ``shared``, or once in each kind folder that needs it. A file in
``lua/functions`` is the body of one function. Every file begins with comments, the last of which name what it uses::

    -- uses: base_key, queue, send_time
    -- uses (fifo, fair): oldest_in_group

The second form is for names that only these kinds define. Names of SERVER_API are not declared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal, get_args

#: ``plain``: a standard queue that never had message groups. ``fair``: one that has. ``fifo``: a FIFO queue.
QueueKind = Literal["plain", "fair", "fifo"]
KINDS: tuple[QueueKind, ...] = ("plain", "fair", "fifo")

#: ``reads``: nothing changes that any caller was told of. ``frees``: the function removes messages or leads to their
#: removal, so it runs in a full store. ``stores``: it needs room.
Effect = Literal["reads", "frees", "stores"]

#: Names that every file can use without a declaration: the part FIRST defines them, or the server does.
SERVER_API = frozenset(
    {
        "ARGV", "call", "cjson", "cmsgpack", "ipairs", "math", "next", "pairs", "redis", "string", "struct", "table",
        "tonumber", "try_call", "unpack",
    }
)  # fmt: skip
#: The part that stands before all others: it begins each call.
FIRST = "call"
#: The part that every function uses before its own body.
CHECK = "policy"

_DEFINITION = re.compile(r"^local (?:function (\w+)|(\w+(?:, \w+)*))", re.MULTILINE)
_EFFECT = re.compile(r"^-- effect: (\w+)\.( It writes nothing)?", re.MULTILINE)
_FAILS = re.compile(r"^-- fails: (.*?)^-- effect:", re.MULTILINE | re.DOTALL)
_USES = re.compile(r"^-- uses(?: \(([\w, ]+)\))?: (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Part:
    """One file for one kind of queue. ``code`` is its text without comments; ``uses`` and ``defines`` are names.

    ``fails`` and ``effect``: the error words and the effect that the contract of a function names. ``writes_nothing``:
    it says so, too; others that read tidy up what time has changed.
    """

    name: str
    code: str
    uses: tuple[str, ...]
    defines: tuple[str, ...]
    fails: tuple[str, ...] = ()
    effect: Effect = "stores"
    writes_nothing: bool = False


def part(name: str, text: str, kind: QueueKind) -> Part:
    """Read a file's text as that kind of queue sees it."""
    uses = [
        word for kinds, words in _USES.findall(text) if not kinds or kind in _words(kinds) for word in _words(words)
    ]
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    defines = [word for one, many in _DEFINITION.findall(code) for word in ([one] if one else _words(many))]
    effect, writes_nothing = _effect(name, text)
    return Part(name, code, tuple(uses), tuple(defines), _failures(text), effect, writes_nothing)


def _failures(text: str) -> tuple[str, ...]:
    """Read the words of a contract's ``fails:``; parentheses hold explanations."""
    found = _FAILS.search(text)
    return tuple(re.findall(r"\b[A-Z]{4,}\b", re.sub(r"\([^)]*\)", "", found[1]))) if found else ()


def _effect(name: str, text: str) -> tuple[Effect, bool]:
    """Read the effect of a contract, and whether it writes nothing. Raises ValueError for any other word."""
    found = _EFFECT.search(text)
    if found is None:
        return "stores", False
    for effect in get_args(Effect):
        if effect == found[1]:
            known: Effect = effect
            return known, found[2] is not None
    raise ValueError(f"{name} has the unknown effect {found[1]}")


def functions(kind: QueueKind) -> list[Part]:
    """All functions, by name."""
    return [part(name, text, kind) for name, text in _texts("functions")]


def parts(kind: QueueKind) -> list[Part]:
    """All parts of a kind. Raises ValueError if a part is in ``shared`` and in the kind's folder."""
    texts = [*_texts("shared"), *_texts(kind)]
    names = [name for name, _ in texts]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"parts in both lua/shared and lua/{kind}: {', '.join(twice)}")
    return [part(name, text, kind) for name, text in texts]


def in_order(available: Iterable[Part], wanted: Sequence[Part]) -> list[Part]:
    """Sort the parts that ``wanted`` files need, directly or not, so that each stands behind what it uses.

    The part FIRST comes first, and CHECK is always needed. Raises ValueError for a name that no part defines or that
    two define, and for a cycle.
    """
    definers: dict[str, Part] = {}
    for one in available:
        for name in one.defines:
            if name in definers:
                raise ValueError(f"{name} is defined by the parts {definers[name].name} and {one.name}")
            definers[name] = one
    found: dict[Part, None] = {}
    always = [one for name in (FIRST, CHECK) for one in definers.values() if one.name == name]
    for user in [*always, *wanted]:
        _visit(user, definers, found, [])
    return [one for one in found if one not in wanted]


def _visit(user: Part, definers: Mapping[str, Part], found: dict[Part, None], path: list[Part]) -> None:
    """Add what the file needs to ``found``, then the file. ``path``: the files that led here."""
    if user in path:
        cycle = [one.name for one in path[path.index(user) :]]
        raise ValueError(f"parts use each other in a circle: {' -> '.join([*cycle, user.name])}")
    if user in found:
        return
    for name in user.uses:
        if name not in definers:
            raise ValueError(f"{user.name} uses {name}, which no part defines")
        if definers[name] is not user:
            _visit(definers[name], definers, found, [*path, user])
    found[user] = None


@cache
def _texts(folder: str) -> tuple[tuple[str, str], ...]:
    """Read the files of a folder: names without ending, and texts, by name."""
    found = [file for file in _folder().joinpath(folder).iterdir() if file.name.endswith(".lua")]
    return tuple(sorted((file.name.removesuffix(".lua"), file.read_text()) for file in found))


def _folder() -> Traversable:
    return files(__package__) / "lua"


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]

"""The server-side scripts: read from ``lua/``, composed with the shared parts they name, addressed by content.

A script file begins with its contract: what it does, keys, arguments with units, reply, failures, cost. A line
``-- uses: a b`` names the files of ``lua/shared/`` that are put before it, in that order.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_USES = re.compile(r"^-- uses: (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """``text`` is what the server compiles, ``sha`` its address. ``writes`` tells whether durability concerns it."""

    name: str
    text: bytes
    sha: bytes
    writes: bool = True


@cache
def script(name: str, *, writes: bool = True) -> Script:
    """The script of that file name."""
    folder = files(__package__) / "lua"
    body = (folder / f"{name}.lua").read_text()
    uses = _USES.search(body)
    parts = [(folder / "shared" / f"{part}.lua").read_text() for part in (uses[1].split() if uses else [])]
    text = "\n".join(
        line for part in [*parts, body] for line in part.splitlines() if not line.startswith("--")
    ).encode()
    return Script(name, text, hashlib.sha1(text, usedforsecurity=False).hexdigest().encode(), writes)

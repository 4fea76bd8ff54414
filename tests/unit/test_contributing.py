"""The paths that CONTRIBUTING.md names exist."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LUA = "zaqar_core/store/lua"
TEXT = (ROOT / "CONTRIBUTING.md").read_text()


def _expanded(path: str) -> list[str]:
    """Return the paths of ``folder/{a,b}.py``."""
    found = re.fullmatch(r"(.*)\{(.*)\}(.*)", path)
    return [f"{found[1]}{name}{found[3]}" for name in found[2].split(",")] if found else [path]


PATHS = sorted(
    set(
        chain.from_iterable(
            _expanded(path) for path in re.findall(r"`((?:[\w.]+/)+[\w.{},]*)`", TEXT) if "<" not in path
        )
    )
)


def test_the_paths_that_the_guide_names_exist() -> None:
    assert [path for path in PATHS if not (ROOT / re.sub(r"^lua(?=/)", LUA, path)).exists()] == []


def test_the_guide_names_paths() -> None:
    assert len(PATHS) > 80

"""A reader who greps the core for a term of the field finds the file that implements it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "zaqar_core"

#: Term -> module whose docstring has it, and a name that the module defines or the file of the store that it leads to.
TERMS = {
    "extend visibility": ("core/leases.py", "change_visibility", "store/lua/functions/change_visibility.lua"),
    "FIFO deduplication": ("core/messages.py", "_in_fifo", "store/lua/fifo/dedup.lua"),
    "claim grace": ("core/claims.py", "create", "store/lua/functions/claim.lua"),
    "long poll wake-up": ("store/wakeups.py", "Waiters", "core/leases.py"),
    "retention": ("core/queues.py", "change", "domain/model.py"),
}
#: Words of another time, which mean nothing to a stranger. Names in the store and in Lua's interface may keep them.
BANNED = ("bell", "told", "heed", "bury", "whoever", "upkeep")


def _docstrings(path: Path) -> str:
    tree = ast.parse(path.read_text())
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)]
    return " ".join(" ".join(found).split()).lower()


@pytest.mark.parametrize("term", TERMS)
def test_a_search_for_the_term_finds_the_module_that_implements_it(term: str) -> None:
    module, name, second_hop = TERMS[term]
    source = (CORE / module).read_text()
    docstring = ast.get_docstring(ast.parse(source)) or ""
    assert term.lower() in docstring.lower()
    assert f"def {name}(" in source or f"class {name}:" in source
    assert (CORE / second_hop).exists()


@pytest.mark.parametrize("term", [term for term in TERMS if " " in term])
def test_a_search_for_the_term_finds_few_files(term: str) -> None:
    found = [path for path in CORE.rglob("*.py") if term.lower() in path.read_text().lower()]
    assert 1 <= len(found) <= 4


@pytest.mark.parametrize("room", ["domain", "core", "pools", "background", "configuration"])
def test_the_docstrings_of_the_core_have_no_private_words(room: str) -> None:
    for path in (CORE / room).rglob("*.py"):
        words = set(_docstrings(path).replace(",", " ").replace(".", " ").split())
        assert not words.intersection(BANNED), path

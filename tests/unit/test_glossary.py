"""A reader who searches the code for a term of the field finds the file that implements it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "zaqar_core"

#: Term -> module whose docstring has it, and a name that the module defines or the file of the store that it leads to.
TERMS = {
    "extend visibility": ("core/leases.py", "change_visibility", "store/lua/functions/change_visibility.lua"),
    "FIFO deduplication": ("core/messages.py", "_in_fifo", "store/lua/fifo/dedup.lua"),
    "claim grace": ("core/claims.py", "create", "store/lua/functions/claim.lua"),
    "long poll wake-up": ("store/wakeups.py", "Waiters", "core/leases.py"),
    "retention": ("core/queues.py", "change", "domain/model.py"),
}
#: Private words of earlier commits, which mean nothing to a reader. Names in the store may keep them.
BANNED = ("bell", "told", "heed", "bury", "whoever", "upkeep")
#: Rows of the glossary: ``| word | meaning | where |``. Some have two words, which are separated by a comma.
GLOSSARY = {
    found[1]: re.findall(r"`([\w./]+)`", found[3])
    for found in re.finditer(
        r"^\| ([\w -]+(?:, [\w -]+)?) \| (.+) \| (.*) \|$",
        (ROOT / "CONTRIBUTING.md").read_text().partition("## Glossary")[2].partition("\n## ")[0],
        re.MULTILINE,
    )
    if found[1] not in ("word", "---")
}


@cache
def _text(path: str) -> str:
    """Return the text of a file, or of all files of a folder, in lower case with single blanks."""
    place = CORE / "store" / path if path.startswith("lua/") else ROOT / path
    files = [place] if place.is_file() else [file for file in place.rglob("*") if file.suffix in (".py", ".lua")]
    text = re.sub(r"\n\s*(--|#:?)? ?", " ", "\n".join(file.read_text() for file in files))
    return " ".join(text.split()).lower()


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


def test_the_glossary_has_the_words_of_the_project() -> None:
    assert len(GLOSSARY) > 40


def test_a_word_of_the_glossary_is_in_each_file_that_the_glossary_names() -> None:
    for row, paths in GLOSSARY.items():
        assert paths, row
        for path in paths:
            text = _text(path)
            for word in row.lower().split(", "):
                assert word in text, f"{word!r} is not in {path}"


def test_the_docstrings_of_the_core_have_no_private_words() -> None:
    for path in set(CORE.rglob("*.py")) - {CORE / "store" / "keys.py"}:  # it lists names in the store
        words = set(_docstrings(path).replace(",", " ").replace(".", " ").split())
        assert not words.intersection(BANNED), path

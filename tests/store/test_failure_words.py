"""The contracts name exactly the error words that functions return."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.store import lua_names
from zaqar_core.store import parts
from zaqar_core.store.parts import KINDS
from zaqar_core.store.single_server import SCRIPT_WORDS

LUA = Path(parts.__file__).parent / "lua"
FUNCTIONS = sorted((LUA / "functions").glob("*.lua"))


def definitions() -> Iterator[tuple[str, str]]:
    """Name and text of everything that parts define, one statement each."""
    for file in LUA.rglob("*.lua"):
        if file.parent.name != "functions":
            for text in re.split(r"^(?=local )", file.read_text(), flags=re.MULTILINE):
                for name in lua_names.read(text).top:
                    yield name, text


def literals(text: str) -> set[str]:
    """The words in tables ``{ err = ... }``."""
    tables = re.findall(r"\{ err = ([^}]*)\}", text)
    return {word.split()[0] for table in tables for word in re.findall(r"'([^']+)'", table)}


def errors_of(text: str, seen: frozenset[str] = frozenset()) -> set[str]:
    """The words that a statement or a function can return: its own and those of all names that it uses.

    A name that is only compared is not returned; a comparison with ``~=`` excludes its word.
    """
    found, kept_back = literals(text), set[str]()
    for name, offsets in lua_names.read(text).free.items():
        if name in seen:
            continue
        before = [text[:offset].rstrip() for offset in offsets]
        if not all(part.endswith(("==", "~=")) for part in before):
            found |= errors_of_name(name, seen)
        if any(part.endswith("~=") for part in before):
            kept_back |= errors_of_name(name, seen)
    return found - kept_back


@cache
def errors_of_name(name: str, seen: frozenset[str]) -> set[str]:
    return {word for one, text in DEFINITIONS if one == name for word in errors_of(text, seen | {name})}


DEFINITIONS = list(definitions())


@pytest.mark.parametrize("file", FUNCTIONS, ids=lambda file: file.stem)
def test_a_contract_names_the_errors_of_its_function(file: Path) -> None:
    text = file.read_text()
    assert set(parts.part(file.stem, text, "fifo").fails) == errors_of(text)


def test_the_store_knows_the_words_of_all_functions() -> None:
    returned = {word for file in FUNCTIONS for word in errors_of(file.read_text())}
    assert returned | errors_of_name("other_policy", frozenset()) == SCRIPT_WORDS


def test_a_word_in_parentheses_is_an_explanation() -> None:
    text = (
        "-- fails: NOQUEUE (also of ANOTHER one); fifo:\n--        LATE number.\n-- effect: reads.\n-- cost:  NEVER.\n"
    )
    assert parts.part("f", text, "plain").fails == ("NOQUEUE", "LATE")


@pytest.mark.parametrize("kind", KINDS)
def test_all_contracts_are_complete(kind: parts.QueueKind) -> None:
    """What it does, keys, reply, failures, effect, cost; arguments where it, or the creation of a queue, takes some."""
    for file in FUNCTIONS:
        text = file.read_text()
        header = [line for line in text.splitlines() if line.startswith("-- ")]
        assert header[0].startswith(f"-- {file.stem}: "), file
        labels = re.findall(r"^-- (keys|args|reply|fails|effect|cost): ", text, re.MULTILINE)
        arguments = ["args"] if "ARGV" in text or "write_queue" in text else []
        wanted = ["keys", *arguments, "reply", "fails", "effect", "cost"]
        assert labels == wanted, file

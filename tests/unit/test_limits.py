"""A limit is defined once, in ``zaqar_core.domain.limits``: code, server-side functions and references follow it."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from zaqar_core.domain import limits

ROOT = Path(__file__).resolve().parents[2]
LIMITS = ROOT / "zaqar_core" / "domain" / "limits.py"


def _values() -> set[int]:
    found: set[int] = set()
    for value in vars(limits).values():
        if isinstance(value, int):
            found.add(value)
        elif isinstance(value, limits.Range):
            found |= set(value)
    return found


#: Numbers that mean a limit wherever they stand. Smaller ones and the round ones taken out mean many things; they are
#: found by the words around them.
_ROUND = {1000, 1024, 8_192, 10_000, 65_536}
UNMISTAKABLE = {value for value in _values() | set(limits.for_lua().values()) if value > 600} - _ROUND
PHRASE = re.compile(
    r"(?:at most|up to|maximum of|more than|longer than|\d to|between \d+ and|\{[01],)\s*\[?"
    rf"({'|'.join(sorted({form for value in _values() if value > 6 for form in (str(value), f'{value:,}')}))})"
    r"(?![\d,]*\d|\.\d)"
)
IN_WORDS = re.compile(r"twelve hours|12 hours|five minutes|fourteen days|four days", re.IGNORECASE)

#: File and number that look like a limit and are something else, with what they are.
OTHER_MEANINGS = {
    ("sqs_facade/codecs/query.py", "{1,10"): "digits of a number in a list's name",
    ("zaqar_core/domain/encryption.py", "{1,64"): "name of a key",
    ("zaqar_core/access/credentials_entries.py", "{1,64"): "name of a user",
    ("zaqar_core/configuration/settings.py", "3_600"): "default ttl",
    ("zaqar_core/store/libraries.py", "86_400"): "a day",
    ("zaqar_core/web/hooks/face.py", "86_400"): "a day",
    ("zaqar_core/store/lua/fair/visibility.lua", "300000"): "silence after which a tenant is quiet",
    ("zaqar_core/store/lua/functions/list.lua", "more than 200"): "messages that one call looks at",
}


def _sources() -> list[Path]:
    found = [*(ROOT / "zaqar_core").rglob("*.py"), *(ROOT / "sqs_facade").rglob("*.py")]
    return sorted(path for path in [*found, *(ROOT / "zaqar_core").rglob("*.lua")] if path != LIMITS)


def _repeated(path: Path) -> Iterator[str]:
    text = path.read_text()
    if path.suffix == ".lua":
        numbers = [(word, int(word)) for word in re.findall(r"(?<![\w.])\d+(?![\w.])", text)]
        words = text
    else:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        literals = [(token.string, ast.literal_eval(token.string)) for token in tokens if token.type == tokenize.NUMBER]
        numbers = [(word, value) for word, value in literals if isinstance(value, int)]
        numbers += [
            number for token in tokens if token.type == tokenize.STRING for number in _in_f_string(token.string)
        ]
        words = "\n".join(token.string for token in tokens if token.type in (tokenize.STRING, tokenize.COMMENT))
    yield from (word for word, value in numbers if value in UNMISTAKABLE)
    yield from (found[0] for found in PHRASE.finditer(words))
    yield from (found[0] for found in IN_WORDS.finditer(words))


def _in_f_string(text: str) -> Iterator[tuple[str, int]]:
    """The numbers in the expressions of an f-string, which is a single token before Python 3.12."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and type(node.value) is int:
            yield str(node.value), node.value


def test_no_limit_is_repeated_outside_of_the_table() -> None:
    found = {(str(path.relative_to(ROOT)), word) for path in _sources() for word in _repeated(path)}
    assert found - OTHER_MEANINGS.keys() == set()
    assert OTHER_MEANINGS.keys() - found == set()


@pytest.mark.parametrize(
    "text",
    ["x = 43_200 * 2", "x = f'{y[:43_200]}'", "x = '0 to 900 s'", 'x = "[a-z]{1,80}"', "# at most 10 attributes"],
)
def test_a_repeated_limit_is_found(tmp_path: Path, text: str) -> None:
    file = tmp_path / "module.py"
    file.write_text(text + "\n")
    assert list(_repeated(file))


#: Changes all limits in a new process, before anything else is loaded: each number grows by a prime that none has.
_CHANGED = """
from zaqar_core.domain import limits
for name, value in list(vars(limits).items()):
    if isinstance(value, int):
        setattr(limits, name, value + 10_007)
    elif isinstance(value, limits.Range):
        setattr(limits, name, limits.Range(value.least, value.most + 10_007))
from {module} import {function}
{expression}
"""


def _with_changed_limits(module: str, function: str, expression: str) -> str:
    """Return the output of the expression with every limit increased by 10,007."""
    code = _CHANGED.format(module=module, function=function, expression=expression)
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("module", "document", "followed"),
    [
        ("sqs_facade.reference", "sqs.md", ["at most 10017", "0 to 10907 s", "60 to 96407 s"]),
        ("zaqar_core.rest.reference", "zaqar.md", ["10067 to 53207 s", "0 to 10907 s", "1 to 10071 of"]),
        ("zaqar_core.configuration.reference", "settings.md", ["`130007`", "`53207`", "from 1 to 11007"]),
    ],
)
def test_the_references_follow_the_table(module: str, document: str, followed: list[str]) -> None:
    before = (ROOT / "docs" / document).read_text().replace(",", "")
    after = _with_changed_limits(module, "text", "print(text(), end='')").replace(",", "")
    assert [text for text in followed if text not in after] == []
    kept = set(before.splitlines()) & set(after.splitlines())
    own = {3_600}  # the default ttl too, which is a setting
    assert [line for line in kept if (UNMISTAKABLE - own) & set(map(int, re.findall(r"\d+", line)))] == []


def test_the_functions_of_the_store_follow_the_table() -> None:
    expression = "print(script('send').fifo.library.text.decode())"
    text = _with_changed_limits("zaqar_core.store.scripts", "script", expression)
    [line] = [line for line in text.splitlines() if line.startswith("local LIMITS")]
    assert dict(re.findall(r"(\w+) = (\d+)", line)) == {
        "VISIBILITY_MS": "53207000",
        "DEFAULT_VISIBILITY_SECONDS": "10037",
        "DEDUPLICATION_MS": "10307000",
        "RECEIVE_ATTEMPT_MS": "10307000",
        "REMEMBERED_MS": "10307000",
        "MOVE_TASKS": "10017",
        "UNDELIVERED": "11007",
        "UNDELIVERED_BYTES": str((16 << 20) + 10_007),
    }


def test_every_limit_of_lua_is_used_there() -> None:
    text = "".join(path.read_text() for path in (ROOT / "zaqar_core" / "store" / "lua").rglob("*.lua"))
    assert set(re.findall(r"LIMITS\.(\w+)", text)) == limits.for_lua().keys()

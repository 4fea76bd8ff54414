"""Every command of the documents, as a reader would run it: ``pytest -m docs``.

New pages are found by themselves. A block that cannot be run says why in a comment before it: see blocks.py.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.clients import installs
from tests.docs import blocks
from tests.docs.blocks import Block
from tests.docs.session import Failed, Ran, Session, differences
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import read

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_SHELL = ("console", "bash", "sh", "shell")
#: Programs that a reader has and that this project does not install: blocks that call them are left out where they
#: are missing, and the test is then shown as skipped.
_OTHERS = ("aws", "curl", "node", "npx", "openssl", "jq")
#: Sections of a credentials file.
_CREDENTIALS = ("users", "roles", "issuers")


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The search path of the shells, with the AWS CLI where clients may be installed."""
    if os.environ.get(installs.VARIABLE) is None:
        return os.environ["PATH"]
    python = installs.python_with(installs.folder(tmp_path_factory.mktemp("clients")), installs.AWS_CLI)
    folder = tmp_path_factory.mktemp("programs")
    (folder / "aws").symlink_to(python.with_name("aws"))
    return f"{folder}:{os.environ['PATH']}"


@pytest.fixture
def session(tmp_path: Path, path: str) -> Iterator[Session]:
    session = Session(tmp_path, path)
    yield session
    session.close()


@pytest.mark.docs
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_of_a_page_do_what_it_says(page: Path, session: Session, path: str) -> None:
    found, reason = blocks.of_page(page)
    if reason:
        pytest.skip(reason)
    problems: list[str] = []
    left_out: list[str] = []
    last: list[Ran] = []
    for block in found:
        where = f"{page.name}:{block.line}"
        if absent := _absent(block, path):
            left_out.append(f"{where} needs {absent}")
            continue
        try:
            last = _run(session, block, last)
        except (Failed, AssertionError, ValueError, SettingsInvalid, yaml.YAMLError) as problem:
            problems.append(f"{where}: {problem}")
    assert not problems, "\n".join(problems)
    if left_out:
        pytest.skip(f"the other blocks passed; {', '.join(left_out)}")


def _absent(block: Block, path: str) -> str:
    """Return the program that a block needs and this machine does not have; "" if there is none."""
    if block.mark == "skip" or block.language not in (*_SHELL, "setup"):
        return ""
    called = re.findall(rf"(?m)(?:^|[;&|(])\s*(?:\$ )?(?:\w+=\S+ +)*({'|'.join(_OTHERS)})\b", block.text)
    return next((program for program in called if shutil.which(program, path=path) is None), "")


def _run(session: Session, block: Block, last: list[Ran]) -> list[Ran]:
    """Test one block, and return what it printed. ``last`` is what the block before it printed."""
    match block.mark:
        case "skip":
            return []
        case "file":
            session.write(block.argument, block.text)
            return []
        case "output":
            printed = [line for ran in last for line in ran.printed]
            expected = session.replaced(block.text).strip("\n").splitlines()
            assert not (found := differences(Ran("the block before", printed, expected))), found
            return last
    if block.language in (*_SHELL, "setup"):
        ran = session.shell(block.text, int(block.argument) if block.mark == "fails" else 0)
        found = "\n".join(filter(None, map(differences, ran)))
        assert not found, found
        return ran
    if block.language == "python":
        return session.python(block.text)
    assert block.language, "give the block a language: console, text, …"
    _check_data(block)
    return []


def _check_data(block: Block) -> None:
    """Check the form of data: settings by their own rules, other data by their syntax."""
    if block.language == "json":
        json.loads(block.text)
    elif block.language in ("yaml", "yml"):
        list(yaml.safe_load_all(block.text))
    elif block.language == "toml" and not tomllib.loads(block.text).keys() & set(_CREDENTIALS):
        _check_settings(block.text)


def _check_settings(text: str) -> None:
    """Check that the text is a configuration. Raises SettingsInvalid."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(text)
        file.flush()
        read({}, {}, Path(file.name))

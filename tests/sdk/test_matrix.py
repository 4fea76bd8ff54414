"""The matrix as a test: ``pytest -m sdk``. A client whose toolchain is missing is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import installs
from tests.sdk import running
from tests.sdk.clients import BUILD_SECONDS, CLIENTS
from tests.sdk.steps import STEPS

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module", params=[False, True], ids=["unsigned", "signed"])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[str, bool]]:
    """The URL of a service, and whether its callers need a signature."""
    with running.service(is_signed=request.param) as url:
        yield url, request.param


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where clients are installed and built."""
    return installs.folder(tmp_path_factory.mktemp("sdk"))


@pytest.mark.sdk
@pytest.mark.timeout(BUILD_SECONDS + running.RUN_SECONDS)
@pytest.mark.parametrize("name", CLIENTS)
def test_the_client_takes_all_steps(place: tuple[str, bool], name: str, request: pytest.FixtureRequest) -> None:
    reason = CLIENTS[name].missing or installs.missing(node=False)
    if reason:
        pytest.skip(reason)
    url, is_signed = place
    row = running.run(CLIENTS[name], url, request.getfixturevalue("folder"), keys=running.KEYS if is_signed else None)
    assert row.errors == {}


def test_the_readme_has_a_row_for_each_client_and_a_column_for_each_step() -> None:
    lines = README.read_text().splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("| client | version |"))
    header, _, *rows = (line.strip("| ").split(" | ") for line in lines[start : lines.index("", start)])
    assert header[3:] == list(STEPS)
    assert [(row[0], row[2]) for row in rows] == [(one.title, one.speaks) for one in CLIENTS.values()]
    assert "✗" not in "".join("".join(row) for row in rows)

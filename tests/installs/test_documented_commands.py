"""The first commands of the documents, run as they stand there.

Each runs in a copy of this checkout and in an environment that has the libraries that its ``pip install`` names, and no
others. A command that forgets one fails, and nothing is downloaded.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import deque
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.installs.conftest import (
    MOST_SECONDS,
    ROOT,
    Installed,
    Libraries,
    clean,
    environment,
    requirements_of,
)

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _first_install(name: str) -> str:
    """The first line of a document's code that installs the product."""
    found = re.search(r"(?m)^ *(pip install '?\..*?)(?: +#.*| && .*)?$", (ROOT / name).read_text())
    assert found is not None, name
    return found[1]


def _inline_install(name: str) -> str:
    """Return the command in the text of a document."""
    found = re.search(r"`(pip install '\.\[[^`]*)`", (ROOT / name).read_text())
    assert found is not None, name
    return found[1]


def _libraries(command: str, wheel: Path) -> Libraries:
    """The installed distributions that this command asks for, with all that they need."""
    own = requirements_of(wheel)
    words = command.replace("'", "").split()[2:]
    wanted: deque[tuple[Requirement, str]] = deque()
    for word in words:
        if word.startswith("."):
            extras = re.findall(r"[\w-]+", word)
            wanted += [(one, extra) for one in own for extra in (*extras, "")]
        else:
            wanted.append((Requirement(word), ""))
    return _closure(wanted)


def _closure(wanted: Iterable[tuple[Requirement, str]]) -> Libraries:
    left, found, seen = deque(wanted), {}, set()
    while left:
        requirement, extra = left.popleft()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        for inner in ("", *requirement.extras):
            if (requirement.name, inner) in seen:
                continue
            seen.add((requirement.name, inner))
            try:
                found[requirement.name] = distribution(requirement.name)
            except PackageNotFoundError:  # pip will say so
                continue
            left += [(Requirement(line), inner) for line in found[requirement.name].requires or ()]
    return [*found.values(), distribution("pip"), distribution("setuptools")]


def _run(command: str, wheel: Path, checkout: Path, folder: Path) -> Installed:
    """An environment in which the command has been run to success in a copy of the checkout."""
    packages = environment(folder / "environment", _libraries(command, wheel))
    installed = Installed("documented", folder / "environment" / "bin", packages)
    source = shutil.copytree(checkout, folder / "clone", ignore=shutil.ignore_patterns("dist", "build", "*.egg-info"))
    ran = subprocess.run(
        ["bash", "-c", command],
        cwd=source,
        env=clean(
            PATH=f"{installed.scripts}:/usr/bin:/bin", PIP_NO_INDEX="1", PIP_NO_BUILD_ISOLATION="0", PIP_FIND_LINKS=""
        ),
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return installed


@pytest.mark.installs
def test_the_first_commands_for_pytest_run_the_first_example(wheel: Path, checkout: Path, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "testing.md").read_text()
    installs, tries = re.findall(r"(?s)```console\n(.*?)```", text)[:2]
    example = re.search(r"(?s)```python\n(.*?)```", text)
    assert example is not None
    installed = _run(installs, wheel, checkout, tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    (project / "test_orders.py").write_text(example[1])
    ran = installed.run(tries.split(), project)
    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.installs
def test_the_first_command_of_the_readme_starts_a_service(wheel: Path, checkout: Path, tmp_path: Path) -> None:
    assert f"{_first_install('README.md')} && sqs-facade serve\n" in (ROOT / "README.md").read_text()
    installed = _run(_first_install("README.md"), wheel, checkout, tmp_path)
    with installed.serving(["sqs-facade", "serve"], tmp_path):
        pass


@pytest.mark.installs
@pytest.mark.parametrize(
    ("command", "program"),
    [
        (_first_install("docs/migrating-from-moto.md"), ["python", "-m", "sqs_facade.compat", "diff", "--list"]),
        (_first_install("docs/daily-work.md"), ["python", "-c", "import sqs_facade.remote.service, rich.progress"]),
        (_inline_install("docs/operations.md"), ["python", "-c", "import sqs_facade.websocket_process"]),
        (
            _inline_install("docs/security.md"),
            ["python", "-c", "import zaqar_core.keystone.authentication, keystonemiddleware"],
        ),
        (_inline_install("docs/logging.md"), ["python", "-c", "import zaqar_core.web.request_traces"]),
    ],
    ids=["compat", "cli", "websocket", "keystone", "tracing"],
)
def test_an_extra_brings_what_its_part_imports(
    wheel: Path, checkout: Path, tmp_path: Path, command: str, program: list[str]
) -> None:
    ran = _run(command, wheel, checkout, tmp_path).run(program, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_installs_from_an_index_what_is_not_there(document: Path) -> None:
    """Until the first release: see docs/releasing.md."""
    if document.name != "releasing.md":
        assert not re.findall(r"pip install '?sqs-facade", document.read_text())

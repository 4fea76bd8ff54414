"""The suite itself: it covers every operation, and its packages are pinned without the addresses of registries."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import boto3
import pytest

from tests.clients import installs

HERE = Path(__file__).parent
SOURCES = "\n".join(path.read_text() for path in HERE.glob("test_*.py"))
OPERATIONS = sorted(boto3.client("sqs", region_name="us-east-1").meta.service_model.operation_names)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_is_tried(operation: str) -> None:
    assert f'"{operation}"' in SOURCES


@pytest.mark.parametrize("package", json.loads((installs.JS / "package.json").read_text())["dependencies"])
def test_javascript_client_has_its_version(package: str, request: pytest.FixtureRequest) -> None:
    """Where it cannot be had, this skip stands for all its tests."""
    if why := installs.missing(node=True):
        pytest.skip(why)
    folder: Path = request.getfixturevalue("js")
    wanted = json.loads((folder / "package.json").read_text())["dependencies"][package].rpartition("@")[2]
    assert json.loads((folder / "node_modules" / package / "package.json").read_text())["version"] == wanted


@pytest.mark.parametrize("requirements", installs.PYTHONS.values(), ids=installs.PYTHONS)
def test_python_client_has_its_version(requirements: tuple[str, ...], request: pytest.FixtureRequest) -> None:
    """Where it cannot be had, this skip stands for all its tests."""
    if why := installs.missing(node=False):
        pytest.skip(why)
    python = installs.python_with(request.getfixturevalue("install_folder"), requirements)
    told = subprocess.run([str(python), "-m", "pip", "freeze"], capture_output=True, text=True, check=True, timeout=60)
    assert {re.sub(r"\[.*\]", "", requirement) for requirement in requirements} <= set(told.stdout.splitlines())


def test_packages_have_exact_versions() -> None:
    wanted = json.loads((installs.JS / "package.json").read_text())["dependencies"]
    assert {name: version for name, version in wanted.items() if not re.search(r"(^|@)\d+\.\d+\.\d+$", version)} == {}
    assert all("==" in requirement for requirements in installs.PYTHONS.values() for requirement in requirements)


def test_the_lockfile_names_no_registry() -> None:
    lock = json.loads((installs.JS / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if "integrity" not in package] == []

"""The suite itself: it tries every operation, and its packages are pinned without naming where they come from."""

from __future__ import annotations

import json
import re
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


def test_packages_have_exact_versions() -> None:
    wanted = json.loads((installs.JS / "package.json").read_text())["dependencies"]
    assert {name: version for name, version in wanted.items() if not re.search(r"(^|@)\d+\.\d+\.\d+$", version)} == {}
    assert all("==" in requirement for requirement in (*installs.OLD_BOTO3, *installs.CELERY))


def test_the_lockfile_names_no_registry() -> None:
    lock = json.loads((installs.JS / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if "integrity" not in package] == []

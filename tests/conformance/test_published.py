"""Every published functional test passes, but for the exceptions."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.environments import FOLDER, python_with
from tests.conformance.exceptions import EXCEPTIONS
from tests.conftest import Service

INSIDE = Path(__file__).with_name("inside.py")

#: Version -> the API versions that its wheel has tests of.
PUBLISHED = {"23.0.1": ("v2",), "18.0.0": ("v1", "v1_1")}
#: What the wheels' tests import and the wheels do not ask for.
TEST_LIBRARIES = ("ddt", "fixtures", "oslotest", "pymongo", "redis", "testscenarios", "testtools")
#: The wheels' tests beside those of an API version.
COMMON = "test_versions"

pytestmark = [
    pytest.mark.skipif(FOLDER is None, reason="slow: installs two releases of zaqar"),
    pytest.mark.timeout(1200),
]


def environment(version: str) -> Path:
    return python_with(f"zaqar=={version}", *TEST_LIBRARIES)


@pytest.fixture(scope="module", params=PUBLISHED)
def results(request: Any, service: Service, tmp_path_factory: Any) -> tuple[str, list[dict[str, str]]]:
    """The release and what became of each of its tests."""
    python = environment(request.param)
    [etc] = python.parents[1].glob("lib/python3*/site-packages/zaqar/tests/etc")
    configs = shutil.copytree(etc, tmp_path_factory.mktemp("zaqar") / "etc")
    ran = subprocess.run(
        [python, "-W", "ignore", INSIDE, service.url, configs, *EXCEPTIONS],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return request.param, [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]


def test_all_pass(results: tuple[str, list[dict[str, str]]]) -> None:
    """Some are skipped by the package itself, for every server: those say nothing."""
    version, outcomes = results
    print(version, Counter(one["outcome"] for one in outcomes))  # noqa: T201 # shown by pytest -s
    failed = [f"{one['id']}\n{one['text']}" for one in outcomes if one["outcome"] == "failed"]
    assert not failed, "\n\n".join(failed)


def test_the_tests_of_each_version_were_found(results: tuple[str, list[dict[str, str]]]) -> None:
    """A run that found nothing would pass."""
    version, outcomes = results
    for part in (*PUBLISHED[version], COMMON):
        assert any(f".wsgi.{part}." in one["id"] for one in outcomes), part
    assert any(one["outcome"] == "passed" for one in outcomes)


def test_each_exception_still_leaves_something_out() -> None:
    """An exception whose test is gone is to be removed. Looks at the last release that has tests of all versions."""
    [root] = environment("18.0.0").parents[1].glob("lib/python3*/site-packages")
    for part in EXCEPTIONS:
        assert (root / f"zaqar/tests/functional/wsgi{part.rstrip('.').replace('.', '/')}.py").is_file(), part

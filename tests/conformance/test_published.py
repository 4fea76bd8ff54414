"""Every published test passes, but for the exceptions."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.environments import FOLDER, python_with
from tests.conformance.exceptions import FUNCTIONAL, UNIT, WEBSOCKET

INSIDE = Path(__file__).with_name("inside.py")

#: What the wheels' tests import and the wheels do not ask for.
TEST_LIBRARIES = ("ddt", "fixtures", "oslotest", "pymongo", "redis", "testscenarios", "testtools", "websockets")

pytestmark = [
    pytest.mark.skipif(FOLDER is None, reason="slow: installs two releases of zaqar"),
    pytest.mark.timeout(1200),
]


@dataclass(frozen=True)
class Published:
    """Tests of one kind in one release. ``parts`` are among the ids of tests that must have been found."""

    version: str
    kind: str
    parts: tuple[str, ...]
    exceptions: dict[str, str]


SUITES = (
    Published("23.0.1", "functional", (".wsgi.v2.", ".wsgi.test_versions."), {}),
    Published("18.0.0", "functional", (".wsgi.v1.", ".wsgi.v1_1.", ".wsgi.test_versions."), FUNCTIONAL),
    Published("23.0.1", "unit", (".test_claims.", ".test_messages.", ".test_queue_lifecycle.", ".test_urls."), UNIT),
    Published("23.0.1", "websocket", (".test_claims.", ".test_messages.", ".test_queue_lifecycle."), WEBSOCKET),
)


@dataclass
class Outcome:
    """What became of the tests of a suite: rows of ``id``, ``outcome`` and ``text``."""

    suite: Published
    rows: list[dict[str, str]]


@pytest.fixture(scope="module", params=SUITES, ids=lambda suite: f"{suite.version}-{suite.kind}")
def outcome(request: Any, tmp_path_factory: Any) -> Outcome:
    suite = request.param
    url = request.getfixturevalue("signing_sockets" if suite.kind == "websocket" else "signing_service")
    python = python_with(f"zaqar=={suite.version}", *TEST_LIBRARIES)
    [etc] = python.parents[1].glob("lib/python3*/site-packages/zaqar/tests/etc")
    configs = shutil.copytree(etc, tmp_path_factory.mktemp("zaqar") / "etc")
    ran = subprocess.run(
        [python, "-W", "ignore", INSIDE, suite.kind, url, configs, *(suite.exceptions or FUNCTIONAL)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return Outcome(suite, [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")])


def test_all_pass(outcome: Outcome) -> None:
    """Some are skipped by the package itself, for every server: those say nothing."""
    print(outcome.suite.version, outcome.suite.kind, Counter(row["outcome"] for row in outcome.rows))  # noqa: T201
    failed = [f"{row['id']}\n{row['text']}" for row in outcome.rows if row["outcome"] == "failed"]
    assert not failed, "\n\n".join(failed)


def test_the_tests_were_found(outcome: Outcome) -> None:
    """A run that found nothing would pass."""
    for part in outcome.suite.parts:
        assert any(part in row["id"] for row in outcome.rows), part
    assert any(row["outcome"] == "passed" for row in outcome.rows)


def test_each_exception_still_leaves_something_out(outcome: Outcome) -> None:
    """An exception whose test is gone, or is built, is to be removed."""
    for part in outcome.suite.exceptions:
        assert any(part in row["id"] and row["outcome"] == "left out" for row in outcome.rows), part

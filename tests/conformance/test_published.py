"""Every published test passes, except the listed ones."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conftest import pooled_service
from tests.conformance.environments import FOLDER, python_with
from tests.conformance.exceptions import (
    FUNCTIONAL,
    POOLED_FUNCTIONAL,
    POOLED_FUNCTIONAL_LEFT_OUT,
    POOLED_HEALTH,
    POOLED_MESSAGES,
    POOLED_MESSAGES_LEFT_OUT,
    POOLED_UNIT,
    UNIT,
    WEBSOCKET,
)

#: Where the wheels' configurations look for a store.
_MONGODB = "mongodb://127.0.0.1:27017"
INSIDE = Path(__file__).with_name("inside.py")

#: What the wheels' tests import and the wheels do not ask for.
TEST_LIBRARIES = ("ddt", "fixtures", "oslotest", "pymongo", "redis", "testscenarios", "testtools", "websockets")

pytestmark = [
    pytest.mark.skipif(FOLDER is None, reason="slow: installs two releases of zaqar"),
    pytest.mark.timeout(1200),
]


@dataclass(frozen=True)
class Published:
    """Tests of one kind in one release. ``parts`` are among the ids of tests that must have been found. Those that are
    ``pooled`` are only the ones that need pools, run where there are some; the others leave them out."""

    version: str
    kind: str
    parts: tuple[str, ...]
    exceptions: dict[str, str]
    pooled: tuple[str, ...] = ()

    @property
    def elsewhere(self) -> tuple[str, ...]:
        return () if self.pooled else (*POOLED_FUNCTIONAL, *POOLED_HEALTH, *POOLED_UNIT, *POOLED_MESSAGES)


UNIT_OF_POOLED_MESSAGES = {part: why for part, why in UNIT.items() if part in POOLED_MESSAGES_LEFT_OUT}

SUITES = (
    Published("23.0.1", "functional", (".wsgi.v2.", ".wsgi.test_versions."), {}),
    Published("18.0.0", "functional", (".wsgi.v1.", ".wsgi.v1_1.", ".wsgi.test_versions."), FUNCTIONAL),
    Published("23.0.1", "unit", (".test_claims.", ".test_messages.", ".test_queue_lifecycle.", ".test_urls."), UNIT),
    Published("23.0.1", "websocket", (".test_claims.", ".test_messages.", ".test_queue_lifecycle."), WEBSOCKET),
    Published("18.0.0", "functional", POOLED_FUNCTIONAL, POOLED_FUNCTIONAL_LEFT_OUT, POOLED_FUNCTIONAL),
    Published("18.0.0", "functional", POOLED_HEALTH, {}, POOLED_HEALTH),
    Published("23.0.1", "unit", POOLED_UNIT, {}, POOLED_UNIT),
    Published("23.0.1", "unit", POOLED_MESSAGES, UNIT_OF_POOLED_MESSAGES, POOLED_MESSAGES),
)


@dataclass
class Outcome:
    """The results of the tests of a suite: rows of ``id``, ``outcome`` and ``text``."""

    suite: Published
    rows: list[dict[str, str]]


@pytest.fixture(
    scope="module", params=SUITES, ids=lambda suite: f"{suite.version}-{suite.kind}{'-pooled' * bool(suite.pooled)}"
)
def outcome(request: Any, tmp_path_factory: Any) -> Outcome:
    suite = request.param
    python = python_with(f"zaqar=={suite.version}", *TEST_LIBRARIES)
    [etc] = python.parents[1].glob("lib/python3*/site-packages/zaqar/tests/etc")
    configs = shutil.copytree(etc, tmp_path_factory.mktemp("zaqar") / "etc")
    if not suite.pooled:
        service = "signing_sockets" if suite.kind == "websocket" else "signing_service"
        return _run(suite, python, configs, request.getfixturevalue(service), {})
    with pooled_service() as pooled:
        for file in configs.rglob("*.conf"):
            file.write_text(file.read_text().replace(_MONGODB, pooled.pool_url))
        return _run(suite, python, configs, pooled.url, {"ZAQAR_TEST_MONGODB_URL": pooled.pool_url})


def _run(suite: Published, python: Path, configs: Path, url: str, environment: dict[str, str]) -> Outcome:
    chosen = [*(suite.exceptions or FUNCTIONAL), *suite.elsewhere, *(f"+{part}" for part in suite.pooled)]
    ran = subprocess.run(
        [python, "-W", "ignore", INSIDE, suite.kind, url, configs, *chosen],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return Outcome(suite, [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")])


def test_all_published_tests_pass(outcome: Outcome) -> None:
    """The package itself skips some tests for every server; these do not count."""
    print(outcome.suite.version, outcome.suite.kind, Counter(row["outcome"] for row in outcome.rows))  # noqa: T201
    failed = [f"{row['id']}\n{row['text']}" for row in outcome.rows if row["outcome"] == "failed"]
    assert not failed, "\n\n".join(failed)


def test_the_tests_were_found(outcome: Outcome) -> None:
    """A run that found nothing would pass."""
    for part in outcome.suite.parts:
        assert any(part in row["id"] for row in outcome.rows), part
    assert any(row["outcome"] == "passed" for row in outcome.rows)


def test_each_exception_still_leaves_something_out(outcome: Outcome) -> None:
    """An exception whose test no longer exists, or passes, must be removed."""
    for part in outcome.suite.exceptions:
        assert any(part in row["id"] and row["outcome"] == "left out" for row in outcome.rows), part

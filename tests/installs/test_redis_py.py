"""The store works with the oldest and the newest redis-py that an installation may bring."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.installs.conftest import MOST_SECONDS, ROOT

STORE = [
    "tests/unit/test_redis_py.py",
    "tests/unit/test_deployment.py",
    "tests/store/test_leases.py",
    "tests/store/test_cluster.py",
    "tests/store/test_sentinel.py",
]


@pytest.mark.installs
@pytest.mark.timeout(5 * MOST_SECONDS)
@pytest.mark.parametrize("release", ["redis==6.0.0", "redis>=8,<9"])
def test_the_store_works_with_this_release_of_redis_py(release: str, tmp_path: Path) -> None:
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path), release]
    subprocess.run(install, check=True, timeout=MOST_SECONDS)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "", *STORE],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=4 * MOST_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-5000:]

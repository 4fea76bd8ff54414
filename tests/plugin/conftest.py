"""pytest in pytest: suites of users, run as they run them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "samples"
#: A checkout that is not installed has no entry point.
IS_INSTALLED = any(point.name == "sqs_facade" for point in entry_points(group="pytest11"))
MOST_SECONDS = 300

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs pytest in a process of its own, on the samples named, with further arguments."""
    if not IS_INSTALLED:
        root = str(Path(__file__).resolve().parents[2])
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])))
    for name in [name for name in os.environ if name.startswith(("AWS_", "SQS_FACADE_"))]:
        monkeypatch.delenv(name)

    def run(*arguments: str, samples: tuple[str, ...] = ()) -> pytest.RunResult:
        for name in samples:
            shutil.copy(FOLDER / f"{name}.py", pytester.path / f"test_{name}.py")
        plugin = () if IS_INSTALLED else ("-p", "sqs_facade.compat.plugin")
        others = ("-p", "no:hypothesispytest")  # the suites do not use it, and it takes half of a start
        return pytester.runpytest_subprocess(*plugin, *others, "-q", *arguments, timeout=MOST_SECONDS)

    return run

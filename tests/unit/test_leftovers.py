"""A test run fails if a process that it started still runs at the end."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil
import pytest

from tests import leftovers

ROOT = Path(__file__).resolve().parents[2]
CONFTEST = """
from tests import leftovers
leftovers.GRACE_SECONDS = 1.0
from tests.leftovers import pytest_sessionfinish, pytest_terminal_summary

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        leftovers.watch(config)
"""
#: As the embedded Valkey runs: started by a process that has ended, in a session of its own.
LEAVES = """
import subprocess, sys
def test_start():
    starts = "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True)"
    subprocess.run([sys.executable, "-c", starts], check=True)
"""
ENDS = """
import subprocess
def test_start():
    process = subprocess.Popen(["sleep", "600"])
    process.kill()
    process.wait()
"""


@pytest.mark.parametrize("workers", ["0", pytest.param("2", marks=pytest.mark.slow)])
def test_a_run_that_leaves_a_process_fails_names_it_and_ends_it(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    ran = _run(pytester, monkeypatch, LEAVES, "-n", workers)
    assert ran.ret == pytest.ExitCode.TESTS_FAILED
    [line] = [line for line in ran.outlines if "sleep 600" in line]
    assert _has_ended(int(line.split(":")[0]))


def test_a_run_that_ends_its_processes_passes(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = _run(pytester, monkeypatch, ENDS)
    assert ran.ret == pytest.ExitCode.OK
    assert "left behind" not in ran.stdout.str()


def test_a_run_within_a_run_is_found_by_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(leftovers.VARIABLE, "outer")
    inner = leftovers.begin()
    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            assert [one.pid for one in leftovers.leftovers("outer")] == [process.pid]
            assert [one.pid for one in leftovers.leftovers(inner)] == [process.pid]
            assert leftovers.leftovers("another") == []
        finally:
            process.kill()


def _run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, program: str, *arguments: str) -> pytest.RunResult:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(program)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:hypothesispytest", *arguments)


def _has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True

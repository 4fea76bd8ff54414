"""Other people's clients, at exact versions, in folders of their own.

They are fetched only when ``SQS_FACADE_CLIENTS`` is set: to 1, they go to a folder that is removed afterwards; to a
folder's path, they stay there for the next run.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest

VARIABLE = "SQS_FACADE_CLIENTS"
LONG_VARIABLE = "SQS_FACADE_LONG"
#: For tests of half a minute and more.
long = pytest.mark.skipif(not os.environ.get(LONG_VARIABLE), reason=f"takes long: set {LONG_VARIABLE}=1")
JS = Path(__file__).with_name("js")
#: The newest whose SQS speaks the query protocol; 1.31.81 changed to JSON.
OLD_BOTO3 = ("boto3==1.28.80", "botocore==1.31.80")
CELERY = ("celery[sqs]==5.7.0", "kombu[sqs]==5.7.0")
DRAMATIQ = ("dramatiq==2.2.1", "dramatiq-sqs==0.4.4")
AWS_CLI = ("awscli==1.46.3",)
PYTHONS = {"boto3 of 2023": OLD_BOTO3, "celery": CELERY, "dramatiq": DRAMATIQ, "AWS CLI": AWS_CLI}
LEAST_NODE = 20
INSTALL_SECONDS = 300


@cache
def missing(*, node: bool) -> str | None:
    """Return why clients cannot be installed here; None if they can. With ``node`` it is about those that run in
    Node."""
    if not os.environ.get(VARIABLE):
        return f"fetches clients from package registries: set {VARIABLE}=1 (or a folder that keeps them)"
    if not node:
        return None
    found = shutil.which("node")
    if found is None or shutil.which("npm") is None:
        return "node or npm is not installed"
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    if int(told.strip().lstrip("v").split(".")[0]) < LEAST_NODE:
        return f"node is {told.strip()}, and the packages need {LEAST_NODE}"
    return None


def folder(temporary: Path) -> Path:
    """The folder for installs."""
    value = os.environ[VARIABLE]
    return temporary if value == "1" else Path(value).expanduser().resolve()


def python_with(parent: Path, requirements: Sequence[str]) -> Path:
    """Return the interpreter of a virtual environment with these packages."""
    place = parent / f"python-{_digest(sys.version, *requirements)}"
    python = place / "bin" / "python"

    def install() -> None:
        venv.create(place, with_pip=True)
        run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements])

    _once(place, install)
    return python


def js_packages(parent: Path) -> Path:
    """A folder with the programs of ``js`` and the packages of its lockfile."""
    place = parent / f"js-{_digest((JS / 'package-lock.json').read_text())}"

    def install() -> None:
        place.mkdir(parents=True)
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(JS / name, place)
        run(["npm", "ci", "--no-progress", "--loglevel=error"], folder=place)

    _once(place, install)
    for program in JS.glob("*.mjs"):
        shutil.copy(program, place)
    return place


def _once(place: Path, install: Callable[[], None]) -> None:
    """Run an installation unless it is complete. Other processes that need it wait for it."""
    done = place / ".installed"
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(place, ignore_errors=True)
            install()
            done.touch()


def run(command: list[str | Path], folder: Path | None = None) -> None:
    """Run a program within the time limit. If it fails, the test fails with its output."""
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    if ran.returncode != 0:
        pytest.fail(f"{command[0]} failed with {ran.returncode}: {ran.stderr[-2000:]}")


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]

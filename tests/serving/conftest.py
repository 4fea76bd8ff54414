"""Starts real services, each a process tree of its own."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.trees import PATIENCE_SECONDS, Start, Tree


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests start and stop what removes files: never with the checkout as the working directory."""
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where services of this test put sockets and ephemeral data: a short path, as sockets need it."""
    with tempfile.TemporaryDirectory(prefix="sf", dir="/tmp", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        yield Path(folder)


@pytest.fixture
def start(tmp_path: Path, runtime: Path) -> Iterator[Start]:
    """Starts ``sqs-facade serve`` with these flags; all of it has ended after the test."""
    trees: list[Tree] = []
    numbers = itertools.count()
    # Compiled modules, as an installed package has them: otherwise every start measures the compiler.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def run(*flags: object, wait: bool = True) -> Tree:
        ready = tmp_path / f"ready-{next(numbers)}"
        command = [sys.executable, "-m", "sqs_facade.cli", "serve", "--ready-file", ready, *flags]
        if "--port" not in flags:
            command += ["--port", "0"]
        process = subprocess.Popen(
            [str(word) for word in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=environment,
        )
        tree = Tree(process, ready)
        trees.append(tree)
        return tree.wait_ready() if wait else tree

    yield run
    for tree in trees:
        if tree.process.poll() is None:
            tree.process.send_signal(signal.SIGTERM)
    for tree in trees:
        tree.process.communicate(timeout=PATIENCE_SECONDS)

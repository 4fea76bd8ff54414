"""Append-only files that are damaged or incomplete: nothing starts empty, and the hint names a command that exists."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from tests.serving.conftest import Serve
from zaqar_core.embedded import EmbeddedError, attach

Start = Callable[..., Serve]
MANIFEST = "appendonly.aof.manifest"
INCREMENT = "appendonly.aof.1.incr.aof"


def written(data: Path) -> Path:
    """Write 100 keys to a store; return the folder of its append-only files."""
    embedded = attach(data, durability="fsync", ephemeral=False)
    with redis.Redis.from_url(embedded.url) as client:
        for number in range(100):
            client.set(f"k{number:02}", "v" * 20)
    embedded.release()
    return data / "appendonlydir"


def keys(data: Path) -> int:
    embedded = attach(data, durability="fsync", ephemeral=False)
    try:
        with redis.Redis.from_url(embedded.url) as client:
            return int(client.dbsize())
    finally:
        embedded.release()


def check_data(data: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sqs_facade", "check-data", "--data-dir", str(data), *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("is_empty", [False, True], ids=["missing", "empty"])
def test_a_store_without_its_manifest_is_refused_and_not_started_empty(
    serve: Start, data: Path, is_empty: bool
) -> None:
    folder = written(data)
    manifest, before = (folder / MANIFEST).read_text(), (folder / INCREMENT).read_bytes()
    (folder / MANIFEST).unlink()
    if is_empty:
        (folder / MANIFEST).touch()
    line = serve("--data-dir", data).refused()
    assert "appendonlydir/appendonly.aof.manifest is missing or empty" in line
    assert (folder / INCREMENT).read_bytes() == before
    (folder / MANIFEST).write_text(manifest)
    assert keys(data) == 100


def test_a_later_base_without_a_manifest_is_refused(data: Path) -> None:
    """After a rewrite the messages are in the base, and the increment may be empty."""
    folder = data / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.2.base.rdb").write_text("x")
    with pytest.raises(EmbeddedError, match="manifest"):
        attach(data, durability="fsync", ephemeral=False)


def test_what_a_kill_during_the_first_start_leaves_is_no_obstacle(data: Path) -> None:
    folder = data / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.1.base.rdb").write_text("unfinished")
    (folder / INCREMENT).touch()
    assert keys(data) == 0


def damage(folder: Path) -> None:
    """Put bytes between two commands, in the middle of the file."""
    content = (folder / INCREMENT).read_bytes()
    place = content.index(b"*3", len(content) // 2)
    (folder / INCREMENT).write_bytes(content[:place] + b"XXXXX" + content[place:])


def test_the_hint_for_a_damaged_file_names_a_command_that_repairs_it(serve: Start, data: Path) -> None:
    folder = written(data)
    damage(folder)
    line = serve("--data-dir", data).refused()
    assert INCREMENT in line
    assert line.endswith(f"make a copy of {data}, then run: sqs-facade check-data --fix --data-dir {data}")
    assert "valkey-check-aof" not in line
    found = check_data(data)
    assert (found.returncode, "--fix" in found.stderr) == (1, True)
    repaired = check_data(data, "--fix")
    assert repaired.returncode == 0, repaired.stderr
    assert "bytes were cut off at the end" in repaired.stdout
    assert 0 < keys(data) < 100
    assert check_data(data).stdout == f"{INCREMENT} is valid\n"


def test_files_in_use_are_not_checked(data: Path) -> None:
    embedded = attach(data, durability="fsync", ephemeral=False)
    try:
        found = check_data(data, "--fix")
        assert (found.returncode, "is in use" in found.stderr) == (1, True)
    finally:
        embedded.release()

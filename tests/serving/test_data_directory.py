"""What the service does to its data directory, what it leaves alone, and what is left of an ephemeral one."""

from __future__ import annotations

import json
import os
import signal
import stat
from pathlib import Path

import pytest

from tests.serving.trees import Client, Start, runs, until


def test_only_its_owner_can_enter_and_the_socket_too(start: Start, tmp_path: Path, runtime: Path):
    start("--data-dir", tmp_path / "data")
    [folder] = runtime.iterdir()
    found = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data", folder, folder / "s")]
    assert found == [0o700, 0o700, 0o700]


def test_half_done_rewrites_of_a_killed_valkey_are_removed_and_nothing_else(start: Start, tmp_path: Path):
    data = tmp_path / "data"
    data.mkdir()
    drafts = ["temp-rewriteaof-bg-123.aof", "temp-rewriteaof-123.aof", "temp-123.rdb"]
    others = ["temp-mine.rdb", "temp-123.txt", "notes"]
    for name in (*drafts, *others):
        (data / name).write_text("x")
    start("--data-dir", data)
    assert [name for name in (*drafts, *others) if (data / name).exists()] == others


def test_nothing_of_an_ephemeral_service_is_left(start: Start, runtime: Path):
    tree = start("--ephemeral")
    assert list(runtime.iterdir()) != []
    tree.stop()
    assert list(runtime.iterdir()) == []


def test_nothing_of_an_ephemeral_service_is_left_after_kill_9_of_its_main_process(start: Start, runtime: Path):
    start("--ephemeral").process.kill()
    until(lambda: list(runtime.iterdir()) == [], "the directory is removed")


def test_who_attached_restarts_a_valkey_whose_starter_is_gone(start: Start, tmp_path: Path):
    starter = start("--data-dir", tmp_path / "data")
    staying = start("--data-dir", tmp_path / "data")
    valkey = starter.valkey()
    starter.process.kill()
    starter.process.wait()
    valkey.kill()
    client = Client(staying.port)
    until(lambda: client.call("CreateQueue", QueueName="again")[0] == 200, "another Valkey")
    client.close()
    assert runs(staying.valkey())


@pytest.mark.parametrize("named", ["", "s", "{there}/s"])
def test_serve_refuses_a_foreign_schema_and_removes_nothing(start: Start, tmp_path: Path, named: str):
    data, there = tmp_path / "data", tmp_path / "there"
    data.mkdir()
    there.mkdir()
    canaries = [Path("canary").absolute(), there / "canary", data / "canary"]
    for canary in canaries:
        canary.touch()
    info = {"pid": 0, "socket": named.format(there=there), "schema": 99, "durability": "fsync"}
    (data / "info.json").write_text(json.dumps(info))
    tree = start("--data-dir", data, wait=False)
    _, errors = tree.process.communicate(timeout=20)
    assert "schema 99" in errors
    assert all(canary.exists() for canary in canaries)


def test_a_service_whose_valkey_keeps_dying_says_so_and_comes_back(start: Start, tmp_path: Path):
    tree = start("--data-dir", tmp_path / "data")
    client = Client(tree.port)
    for attempt in range(3):
        os.kill(tree.valkey().pid, signal.SIGKILL)
        until(lambda name=f"q{attempt}": client.call("CreateQueue", QueueName=name)[0] == 200, "another Valkey")
    client.close()
    tree.process.terminate()
    _, errors = tree.process.communicate(timeout=20)
    assert errors.splitlines() == ["sqs-facade: Valkey ended and is started again"] * 3

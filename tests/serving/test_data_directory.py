"""Changes of the service in its data directory, and files that it must not touch."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import redis

from tests.patience import until
from tests.serving.conftest import Client, Serve, client_of, kill_valkey
from zaqar_core.embedded import EmbeddedError, attach

Start = Callable[..., Serve]


def test_only_its_owner_can_enter_and_the_socket_too(serve: Start, data: Path, runtime: Path) -> None:
    serve("--data-dir", data).wait_ready()
    [folder] = runtime.iterdir()
    found = [stat.S_IMODE(path.stat().st_mode) for path in (data, folder, folder / "s")]
    assert found == [0o700, 0o700, 0o700]


def modes(data: Path) -> dict[str, int]:
    """Return the modes of the directory and of everything in it that other users have access to."""
    found = {str(path.relative_to(data)): stat.S_IMODE(path.lstat().st_mode) for path in (data, *data.rglob("*"))}
    return {name: mode for name, mode in found.items() if mode & 0o077}


@pytest.fixture
def open_umask() -> Iterator[None]:
    """The umask of a user who shares all files."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_no_file_can_be_read_by_others_whatever_the_umask_is(open_umask: None, serve: Start, data: Path) -> None:
    service = serve("--data-dir", data).wait_ready()
    with client_of(service) as client:
        client.call("CreateQueue", QueueName="q")
    assert {one.name for one in data.iterdir()} >= {"appendonlydir", "valkey.log", "info.json", "keeper", "reserve"}
    assert modes(data) == {}
    service.stop()
    assert modes(data) == {}


def test_a_directory_that_others_could_enter_is_closed_with_one_line(serve: Start, data: Path) -> None:
    serve("--data-dir", data).wait_ready().stop()
    for path in (data, *data.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (data / "mine").touch(0o644)
    (data / "mine").chmod(0o644)
    (data / "link").symlink_to(data.parent / "cwd")
    service = serve("--data-dir", data).wait_ready()
    (data / "link").unlink()
    assert modes(data) == {"mine": 0o644}
    assert stat.S_IMODE((data.parent / "cwd").stat().st_mode) & 0o077
    [line] = service.errors.read_text().splitlines()
    assert line.endswith(f" other users had access to data directory {data} (it had mode 755): it is closed now")


def test_a_service_that_attaches_closes_the_directory_too(data: Path) -> None:
    first = attach(data, durability="fsync", ephemeral=False)
    data.chmod(0o711)
    second = attach(data, durability="fsync", ephemeral=False)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    second.release()
    first.release()


@pytest.mark.parametrize("mode", [0o755, 0o1777], ids=["with folders", "sticky"])
def test_a_directory_of_somebody_else_is_refused_and_not_changed(data: Path, mode: int) -> None:
    """Closing ``/tmp`` or a home directory would lock others out."""
    data.mkdir()
    if mode == 0o755:
        (data / "documents").mkdir()
    data.chmod(mode)
    with pytest.raises(EmbeddedError, match="other users have access"):
        attach(data, durability="fsync", ephemeral=False)
    assert stat.S_IMODE(data.stat().st_mode) == mode


@pytest.mark.parametrize("name", ["reserve.new", "reserve", "valkey.log", "encryption.key", "appendonlydir"])
def test_a_link_that_others_could_make_is_not_followed(data: Path, name: str) -> None:
    """The service would overwrite what it leads to."""
    data.mkdir()
    target = data.parent / "precious"
    target.write_text("x" * 100)
    (data / name).symlink_to(target)
    data.chmod(0o777)
    with pytest.raises(EmbeddedError, match=f"has the symbolic link {name}, which they may have made"):
        attach(data, durability="fsync", ephemeral=False)
    assert target.read_text() == "x" * 100


def test_only_unfinished_files_of_a_killed_valkey_are_removed(serve: Start, data: Path) -> None:
    data.mkdir()
    drafts = ["temp-rewriteaof-bg-123.aof", "temp-rewriteaof-123.aof", "temp-123.rdb"]
    others = ["temp-mine.rdb", "temp-123.txt", "notes"]
    for name in (*drafts, *others):
        (data / name).write_text("x")
    serve("--data-dir", data).wait_ready()
    assert [name for name in (*drafts, *others) if (data / name).exists()] == others


@pytest.fixture
def canaries(tmp_path: Path, data: Path) -> list[Path]:
    """Files in the working directory, beside the data directory and in it."""
    (tmp_path / "there").mkdir()
    data.mkdir()
    found = [Path("canary").absolute(), tmp_path / "canary", tmp_path / "there" / "canary", data / "canary"]
    for canary in found:
        canary.touch()
    return found


def name_socket(data: Path, path: str) -> None:
    """The information of a release with another schema, which names this socket."""
    (data / "info.json").write_text(json.dumps({"pid": 0, "socket": path, "schema": 99, "durability": "fsync"}))


@pytest.mark.parametrize("named", ["", ".", "s", "../s", "{there}", "{there}/canary", "{there}/s"])
def test_another_schema_is_refused_and_removes_nothing(
    data: Path, tmp_path: Path, canaries: list[Path], named: str
) -> None:
    """What a damaged or foreign ``info.json`` names is never removed: it once cost a whole working directory."""
    name_socket(data, named.format(there=tmp_path / "there"))
    with pytest.raises(EmbeddedError, match="schema 99"):
        attach(data, durability="fsync", ephemeral=False)
    assert [canary for canary in canaries if not canary.exists()] == []


def test_serve_reports_another_schema_in_one_line_and_removes_nothing(
    serve: Start, data: Path, canaries: list[Path]
) -> None:
    name_socket(data, "s")
    assert "schema 99" in serve("--data-dir", data).refused()
    assert [canary for canary in canaries if not canary.exists()] == []


def test_a_valkey_that_crashes_repeatedly_is_restarted_with_one_line_a_minute(serve: Start, data: Path) -> None:
    service = serve("--data-dir", data).wait_ready()
    with client_of(service) as client:
        for attempt in range(3):
            kill_valkey(data)
            until(partial(_creates, client, f"q{attempt}"), "another Valkey")
    service.stop()
    said = [line for line in service.errors.read_text().splitlines() if " valkey " in line]
    first, rest = (line.partition("Valkey")[2] for line in said)
    assert (first, rest) == (" ended and was restarted", " ended and was restarted repeated=2")


def _creates(client: Client, queue: str) -> bool:
    try:
        client.call("CreateQueue", QueueName=queue)
    except AssertionError:  # not yet: 503
        return False
    return True


def test_a_restarted_valkey_has_the_data_of_the_previous_one(data: Path) -> None:
    for life in range(3):
        embedded = attach(data, durability="fsync", ephemeral=False)
        with redis.Redis.from_url(embedded.url) as client:
            assert client.incr("lives") == life + 1
        embedded.release()
        embedded.release()
        assert not Path(embedded.url.removeprefix("unix://")).exists()

"""``sqs-facade backup`` and ``restore``: what was acknowledged before a backup is in it, and is served elsewhere."""

from __future__ import annotations

import json
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from click.testing import CliRunner, Result

from sqs_facade.cli import main
from tests.conftest import serving
from tests.deployments import sentinel_group
from tests.private_valkey import private_valkey
from tests.serving.conftest import Client, client_of, kill_valkey
from zaqar_core.embedded import EmbeddedError, attach, backups

pytestmark = pytest.mark.slow


def run(*arguments: str | Path, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(one) for one in arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


class Queue:
    """One queue of a service."""

    def __init__(self, client: Client, name: str, **attributes: str) -> None:
        self._client = client
        self._url = self._client.call("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]

    def send(self, body: str, **more: Any) -> None:
        self._client.call("SendMessage", QueueUrl=self._url, MessageBody=body, **more)

    def receive(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._client.call(
            "ReceiveMessage", QueueUrl=self._url, MaxNumberOfMessages=10, AttributeNames=["All"]
        ).get("Messages", [])
        return found

    def receive_all(self) -> list[str]:
        found: list[str] = []
        while page := self.receive():
            found += [one["Body"] for one in page]
        return found

    def delete(self, receipt: str) -> None:
        self._client.call("DeleteMessage", QueueUrl=self._url, ReceiptHandle=receipt)

    def count_in_flight(self) -> int:
        name = "ApproximateNumberOfMessagesNotVisible"
        found = self._client.call("GetQueueAttributes", QueueUrl=self._url, AttributeNames=[name])
        return int(found["Attributes"][name])


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    return tmp_path / "elsewhere"


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a stopped store with one message."""
    folder = tmp_path_factory.mktemp("complete")
    with serving(data_dir=str(folder / "data")) as service, client_of(service) as client:
        Queue(client, "q", SqsManagedSseEnabled="true").send("secret")
    run("backup", folder / "backup", "--data-dir", folder / "data")
    return folder / "backup"


def test_a_backup_while_serving_has_all_that_was_acknowledged_before(tmp_path: Path, elsewhere: Path) -> None:
    """A sender goes on and the log is rewritten all the time; the receipt of before is valid at the restored store."""
    data, backup = tmp_path / "data", tmp_path / "backup"
    stopped = threading.Event()
    acknowledged: list[str] = []
    with serving(data_dir=str(data)) as service, client_of(service) as client:
        queue, fifo = Queue(client, "q"), Queue(client, "q.fifo", FifoQueue="true")
        queue.send("leased")
        [leased] = queue.receive()
        for number in range(20):
            fifo.send(str(number), MessageGroupId="g", MessageDeduplicationId=str(number))

        def send() -> None:
            with client_of(service) as other:
                sender = Queue(other, "q")
                while not stopped.is_set():
                    body = f"m{len(acknowledged)}"
                    sender.send(body)
                    acknowledged.append(body)

        def rewrite() -> None:
            where = json.loads((data / "info.json").read_bytes())["socket"]
            with redis.Redis(unix_socket_path=where) as store:
                while not stopped.is_set():
                    try:
                        store.bgrewriteaof()
                    except redis.ResponseError:  # one is running
                        stopped.wait(0.005)

        threads = [threading.Thread(target=send), threading.Thread(target=rewrite)]
        for thread in threads:
            thread.start()
        try:
            for attempt in range(3):
                while len(acknowledged) < 200 * (attempt + 1):
                    stopped.wait(0.01)
                before = list(acknowledged)
                shutil.rmtree(backup, ignore_errors=True)
                run("backup", backup, "--data-dir", data)
        finally:
            stopped.set()
            for thread in threads:
                thread.join()
        sent = [*acknowledged, f"m{len(acknowledged)}"]
    run("restore", backup, "--data-dir", elsewhere)
    with serving(data_dir=str(elsewhere)) as service, client_of(service) as client:
        queue, fifo = Queue(client, "q"), Queue(client, "q.fifo", FifoQueue="true")
        found = queue.receive_all()
        assert found[: len(before)] == before
        assert found == sent[: len(found)]
        queue.delete(leased["ReceiptHandle"])
        assert queue.count_in_flight() == len(found)
        assert [one["Body"] for one in fifo.receive()] == [str(number) for number in range(10)]


def test_a_backup_is_private_and_has_the_key_unless_it_is_left_out(
    complete: Path, elsewhere: Path, tmp_path: Path
) -> None:
    for path in (complete, *complete.rglob("*")):
        assert not stat.S_IMODE(path.lstat().st_mode) & 0o077
    listed = json.loads((complete / "backup.json").read_bytes())
    assert (listed["format"], listed["kind"], listed["has_key"]) == (1, "append-only", True)
    assert {one["path"] for one in listed["files"]} == {
        str(path.relative_to(complete)) for path in complete.rglob("*") if path.is_file() and path.name != "backup.json"
    }
    assert "is complete" in run("restore", complete, "--check").stdout
    run("restore", complete, "--data-dir", elsewhere)
    run("backup", tmp_path / "keyless", "--data-dir", elsewhere, "--without-key")
    assert not (tmp_path / "keyless" / "encryption.key").exists()
    with serving(data_dir=str(elsewhere)) as service, client_of(service) as client:
        assert Queue(client, "q").receive_all() == ["secret"]


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda backup: _flip(next(backup.glob("*/*.incr.aof"))), "its checksum is not that of the backup"),
        (lambda backup: next(backup.glob("*/*.base.rdb")).unlink(), "is missing or unreadable"),
        (lambda backup: (backup / "backup.json").unlink(), "no complete backup"),
        (lambda backup: (backup / "backup.json").write_text("{"), "is damaged"),
        (lambda backup: _change(backup, format=2), "has format 2 and schema 1"),
        (lambda backup: _change(backup, files=[{"path": "../x", "bytes": 0, "sha256": ""}]), "is damaged: ../x"),
    ],
)
def test_a_damaged_backup_is_refused_and_leaves_nothing(
    complete: Path, tmp_path: Path, elsewhere: Path, harm: Callable[[Path], None], words: str
) -> None:
    backup = tmp_path / "backup"
    shutil.copytree(complete, backup)
    harm(backup)
    assert words in run("restore", backup, "--data-dir", elsewhere, code=1).stderr
    assert words in run("restore", backup, "--check", code=1).stderr
    assert not elsewhere.exists()


def _change(backup: Path, **members: Any) -> None:
    document = json.loads((backup / "backup.json").read_bytes())
    (backup / "backup.json").write_text(json.dumps(document | members))


def test_nothing_is_overwritten(complete: Path, elsewhere: Path, tmp_path: Path) -> None:
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    assert "is not empty" in run("restore", complete, "--data-dir", elsewhere, code=1).stderr
    assert [entry.name for entry in elsewhere.iterdir()] == ["file"]
    assert "exists: name a new folder" in run("backup", complete, "--data-dir", elsewhere, code=1).stderr
    assert "is not a data directory" in run("backup", tmp_path / "new", "--data-dir", elsewhere, code=1).stderr
    assert not [entry for entry in tmp_path.iterdir() if "partial" in entry.name]
    run("restore", complete, code=2)


def test_a_snapshot_that_valkey_cannot_read_is_refused(complete: Path, elsewhere: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copytree(complete, backup)
    [base] = backup.glob("*/*.base.rdb")
    _flip(base)
    with pytest.raises(EmbeddedError, match="damaged, or a newer"):
        backups.restore(backup, backups.verify(complete, lambda *_: None), elsewhere)
    assert list(elsewhere.iterdir()) == []


def test_a_store_in_memory_is_backed_up_as_a_snapshot(tmp_path: Path, elsewhere: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    with serving(data_dir=str(data), durability="memory") as service, client_of(service) as client:
        queue = Queue(client, "q")
        for number in range(30):
            queue.send(str(number))
        run("backup", backup, "--data-dir", data)
        kill_valkey(data)
    assert "its service does not run" in run("backup", tmp_path / "late", "--data-dir", data, code=1).stderr
    assert json.loads((backup / "backup.json").read_bytes())["server"].startswith("Valkey ")
    run("restore", backup, "--data-dir", elsewhere)
    with serving(data_dir=str(elsewhere)) as service, client_of(service) as client:
        assert Queue(client, "q").receive_all() == [str(number) for number in range(30)]


def test_a_server_of_ones_own_is_backed_up_as_a_snapshot(tmp_path: Path, elsewhere: Path) -> None:
    value = "v" * 3_000_000
    with private_valkey("--repl-diskless-sync-delay", "0") as store, store.client() as direct:
        direct.set("k", value)
        run("backup", tmp_path / "backup", "--redis", store.url)
        run("backup", tmp_path / "other", "--redis", f"{store.url}?db=3")
        cluster = run("backup", tmp_path / "no", "--redis", "redis+cluster://127.0.0.1:1", code=1)
        assert "a snapshot is of one server" in cluster.stderr
        direct.config_set("requirepass", "x")
        assert "uthentication required" in run("backup", tmp_path / "no", "--redis", store.url, code=1).stderr
    assert not (tmp_path / "no").exists()
    assert "in database 3" in run("restore", tmp_path / "other", "--data-dir", elsewhere, code=1).stderr
    run("restore", tmp_path / "backup", "--data-dir", elsewhere)
    embedded = attach(elsewhere, durability="fsync", ephemeral=False)
    try:
        with redis.Redis.from_url(embedded.url) as restored:
            assert restored.get("k") == value.encode()
    finally:
        embedded.release()


def test_a_backup_of_a_group_under_sentinel_is_one_of_its_primary(tmp_path: Path, elsewhere: Path) -> None:
    """The group is named as the service names it."""
    with (
        sentinel_group() as group,
        serving(redis=group.url, durability="memory") as service,
        client_of(service) as client,
    ):
        Queue(client, "q").send("kept")
        run("backup", tmp_path / "backup", "--redis", group.url)
    run("restore", tmp_path / "backup", "--data-dir", elsewhere)
    with serving(data_dir=str(elsewhere)) as service, client_of(service) as client:
        assert Queue(client, "q").receive_all() == ["kept"]

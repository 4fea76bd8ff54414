"""A full disk under the embedded Valkey: messages can be received and deleted, and none is lost or stored in vain."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import Service, serving
from tests.patience import until
from tests.sqs.wire import Sqs
from zaqar_core.embedded import reserve

SIZE = 100 << 20
#: Not the default.
RESERVE_BYTES = 12 << 20
PROJECT = {"X-Project-Id": "p", "Client-ID": "3381af92-2b9e-11e3-b191-71861300734c"}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 100 MiB in memory. Mounting it needs rights that not every machine gives."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    if sys.platform != "linux" or mount is None:
        pytest.skip("this system cannot mount a disk in memory")
    command = [mount, "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not mount a disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def service(disk: Path) -> Iterator[Service]:
    with serving(data_dir=str(disk / "data"), workers="1", store_disk_reserve=str(RESERVE_BYTES)) as service:
        yield service


def leave(disk: Path, room: int) -> Path:
    """Fill the disk up to that many bytes with a file, which others have written."""
    filler = disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(disk).free - room))
    return filler


def is_ready(service: Service) -> bool:
    return requests.get(f"{service.url}/health/ready", timeout=30).status_code == 200


def is_full(service: Service) -> bool:
    """Return whether the service says that its disk is full."""
    try:
        answer = requests.get(f"{service.url}/health/ready", timeout=30)
    except requests.ConnectionError:
        return False
    return answer.status_code == 503 and "the disk is full" in answer.json()["reason"]


def fill(sqs: Sqs, queue: str, body: str) -> int:
    """Send until the disk is full; return how many sends were acknowledged."""
    acknowledged = 0
    while True:
        answer = sqs.raw("SendMessage", QueueUrl=queue, MessageBody=body)
        if answer.status_code != 200:
            assert answer.status_code == 503
            return acknowledged
        acknowledged += 1


def test_a_full_disk_can_be_emptied(service: Service, disk: Path) -> None:
    """Deletions make room: the log is rewritten without the messages."""
    sqs = Sqs(service.url, "json", "fast")
    queue = sqs.queue("full")
    leave(disk, 24 << 20)
    acknowledged = fill(sqs, queue, "x" * 1_000_000)
    assert acknowledged > 10
    until(lambda: is_full(service), "the service is there again")
    assert reserve.is_spent(disk / "data")
    for way in ("json", "query"):
        error = Sqs(service.url, way, "fast").error("SendMessage", QueueUrl=queue, MessageBody="1")
        assert (error.status, error.code) == (503, "ServiceUnavailable")
        assert "Nothing was stored" in error.message
    document = {"messages": [{"body": 1, "ttl": 60}]}
    answer = requests.post(f"{service.url}/v2/queues/full/messages", json=document, headers=PROJECT, timeout=30)
    assert answer.status_code == 503
    assert "Nothing was stored" in answer.json()["description"]
    # The last one may have been stored, although its send was not acknowledged.
    assert int(sqs.counts(queue)[0]) - acknowledged in (0, 1)
    [found] = sqs.receive(queue)
    sqs.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=found["ReceiptHandle"])
    assert is_full(service)
    sqs.call("PurgeQueue", QueueUrl=queue)
    until(lambda: is_ready(service), "the log is rewritten")
    assert not reserve.is_spent(disk / "data")
    assert (disk / "data" / "reserve").stat().st_size == RESERVE_BYTES
    sqs.send(queue, "again")
    [found] = sqs.receive(queue)
    assert found["Body"] == "again"


def test_room_that_others_make_is_used(service: Service, disk: Path) -> None:
    sqs = Sqs(service.url, "json", "fast")
    queue = sqs.queue("full")
    sqs.send(queue, "kept")
    filler = leave(disk, 1 << 20)
    fill(sqs, queue, "x" * 100_000)
    until(lambda: is_full(service), "the service is there again")
    [found] = sqs.receive(queue, MaxNumberOfMessages=1)
    assert found["Body"] == "kept"
    filler.unlink()
    until(lambda: is_ready(service), "the reserve is filled again")
    sqs.send(queue, "again")

"""The embedded store has an encryption key of its own."""

from __future__ import annotations

import stat
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.serving.conftest import Client, Serve, client_of

pytestmark = pytest.mark.slow

Start = Callable[..., Serve]
WISH = {"SqsManagedSseEnabled": "true"}


def _bodies(client: Client) -> list[str]:
    return [one["Body"] for one in client.call("ReceiveMessage", QueueUrl="sealed").get("Messages", [])]


def _socket(service: Serve) -> str:
    """Where the Valkey of the service listens, by what its process calls itself."""
    children = psutil.Process(service.process.pid).children()
    [title] = [word for child in children for word in child.cmdline() if "unixsocket:" in word]
    return title.partition("unixsocket:")[2].split()[0]


def _stored(data: Path) -> bytes:
    return b"".join(file.read_bytes() for file in data.rglob("*") if file.is_file())


def test_encrypted_messages_are_read_after_a_restart(serve: Start, data: Path) -> None:
    secret = uuid.uuid4().hex
    first = serve("--data-dir", data).wait_ready()
    with client_of(first) as client:
        client.call("CreateQueue", QueueName="sealed", Attributes=WISH)
        client.call("SendMessage", QueueUrl="sealed", MessageBody=secret)
    first.stop()
    assert secret.encode() not in _stored(data)
    with client_of(serve("--data-dir", data).wait_ready()) as client:
        assert _bodies(client) == [secret]


def test_only_the_owner_can_read_the_key(serve: Start, data: Path) -> None:
    serve("--data-dir", data).wait_ready()
    found = (data / "encryption.key").stat()
    assert stat.filemode(found.st_mode) == "-rw-------"
    assert [file.name for file in data.glob("encryption*")] == ["encryption.key"]


@pytest.mark.parametrize("attaches", ["--data-dir", "--redis"])
def test_a_second_service_reads_messages_that_the_first_encrypted(serve: Start, data: Path, attaches: str) -> None:
    """By its directory; by its socket only where the store is in memory."""
    first = serve(*(("--data-dir", data) if attaches == "--data-dir" else ("--ephemeral",)), "--workers", "2")
    first.wait_ready()
    if attaches == "--data-dir":
        second = serve("--data-dir", data)
    else:
        second = serve("--redis", f"unix://{_socket(first)}", "--durability", "memory")
    with client_of(first) as sender, client_of(second.wait_ready()) as receiver:
        sender.call("CreateQueue", QueueName="sealed", Attributes=WISH)
        sender.call("SendMessage", QueueUrl="sealed", MessageBody="a")
        assert _bodies(receiver) == ["a"]


def test_the_store_s_own_key_decrypts_beside_a_configured_one(
    serve: Start, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = serve("--data-dir", data).wait_ready()
    with client_of(first) as client:
        client.call("CreateQueue", QueueName="sealed", Attributes=WISH)
        client.call("SendMessage", QueueUrl="sealed", MessageBody="a")
    first.stop()
    monkeypatch.setenv("SQS_FACADE_ENCRYPTION_KEYS", "mine:" + "A" * 43 + "=")
    second = serve("--data-dir", data).wait_ready()
    with client_of(second) as client:
        assert _bodies(client) == ["a"]
        client.call("SendMessage", QueueUrl="sealed", MessageBody="b")
    assert b"\x04mine" in _stored(data)


def test_a_wrong_key_is_refused_in_one_line(serve: Start, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQS_FACADE_ENCRYPTION_KEYS", "mine:c2VjcmV0")
    assert serve("--data-dir", data).refused() == (
        "sqs-facade: environment variable SQS_FACADE_ENCRYPTION_KEYS must be a list, each entry name:base64 of 32 "
        "bytes: the key named mine must be 32 bytes in base64"
    )


def test_the_library_that_encrypts_is_loaded_when_it_is_needed(serve: Start) -> None:
    service = serve("--ephemeral").wait_ready()
    [worker] = service.workers()

    def is_loaded() -> bool:
        return any("cryptography" in region.path for region in worker.memory_maps())

    with client_of(service) as client:
        client.call("CreateQueue", QueueName="plain")
        client.call("SendMessage", QueueUrl="plain", MessageBody="a")
        before = is_loaded()
        client.call("CreateQueue", QueueName="sealed", Attributes=WISH)
        client.call("SendMessage", QueueUrl="sealed", MessageBody="a")
    assert (before, is_loaded()) == (False, True)

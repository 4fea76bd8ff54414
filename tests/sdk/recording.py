"""``python -m tests.sdk --record``: keep the signed requests of every SDK as data, byte by byte.

A relay between the client and a service keeps what the client sends. The files are in ``tests/credentials/recorded``;
the tests there change each request in every way that a signature must notice. All keys are those of the tests.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

from sqs_facade.compat.launching import ServiceProcess
from tests.credentials.signing import signed
from tests.private_valkey import private_valkey
from tests.sdk import running
from tests.sdk.clients import CLIENTS
from tests.sdk.running import KEYS, Keys
from tests.sqs.wire import HTTP
from zaqar_core.store import keys

FOLDER = Path(__file__).parents[1] / "credentials" / "recorded"
#: The SDKs themselves. Other clients of the matrix use one of these.
NAMES = (
    "boto3", "boto3-2023", "aiobotocore", "aws-cli", "js3", "js2", "js2-2023", "go2", "go2-2023", "java2", "java2-2023",
    "java1", "rust",
)  # fmt: skip
_STS = {"Content-Type": "application/x-www-form-urlencoded"}
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


class Relay:
    """Passes all bytes between clients and a service, and keeps those of the clients, one text for each connection."""

    def __init__(self, url: str) -> None:
        self._service = urlsplit(url).hostname, urlsplit(url).port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._sent: list[bytearray] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                service = socket.create_connection(self._service)
                kept = bytearray()
                self._sent.append(kept)
                for source, target, kept_there in ((client, service, kept), (service, client, bytearray())):
                    thread = threading.Thread(target=_pass, args=(source, target, kept_there), daemon=True)
                    thread.start()
                    self._threads.append(thread)

    def close(self) -> None:
        self._listener.close()

    def requests(self) -> list[bytes]:
        """Return the requests so far. Each has a body of Content-Length bytes."""
        found = []
        for text in self._sent:
            rest = bytes(text)
            while rest:
                head, end, more = rest.partition(b"\r\n\r\n")
                declared = _LENGTH.search(head)
                length = int(declared[1]) if declared else 0
                found.append(head + end + more[:length])
                rest = more[length:]
        return found


def _pass(source: socket.socket, target: socket.socket, kept: bytearray) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            kept += data
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def _relayed() -> Iterator[tuple[Relay, bytes]]:
    """Run a service whose callers need credentials behind a relay. Yields the secret of its store, too."""
    with private_valkey() as valkey, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "credentials.toml"
        file.write_text(running.CREDENTIALS)
        file.chmod(0o600)
        environment = {
            "SQS_FACADE_REDIS": valkey.url, "SQS_FACADE_DURABILITY": "memory",
            "SQS_FACADE_CREDENTIALS_FILE": str(file),
        }  # fmt: skip
        service = ServiceProcess("serve", environment=environment, keeps_errors=True)
        relay = Relay(service.url)
        try:
            with valkey.client() as client:
                secret = client.get(keys.SECRET)
            assert isinstance(secret, bytes)
            yield relay, secret
        finally:
            relay.close()
            service.stop()


def _session(url: str) -> Keys:
    """Return temporary credentials of 36 hours."""
    body = b"Action=GetSessionToken&Version=2011-06-15&DurationSeconds=129600"
    url, headers = signed("POST", f"{url}/", body, _STS, service="sts")
    answer = ElementTree.fromstring(HTTP.post(url, body, headers=headers).text)
    found = {one.tag.rpartition("}")[2]: one.text or "" for one in answer.iter()}
    return Keys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


def _kept(requests: list[bytes], key_id: str) -> dict[str, dict[str, Any]]:
    """Return the last SendMessage and the last pre-signed request that were signed with a key."""
    found = {}
    for request in requests:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        if f"Credential={key_id}/" not in head.decode("latin-1").replace("%2F", "/"):
            continue
        if "X-Amz-Signature=" in lines[0]:
            name = "presigned"
        else:
            action = re.search(rb"(?:AmazonSQS\.|(?:^|&|\n)Action=)SendMessage(?:&|\r)", head + b"\n" + body)
            if action is None:
                continue
            name = "SendMessage"
        found[name] = {"head": [_without_machine(line, head) for line in lines], "body": body.decode()}
    return found


def _without_machine(line: str, head: bytes) -> str:
    """Return a header without what it says of this machine, if the signature does not cover it."""
    name, colon, _ = line.partition(":")
    signed_names = re.search(rb"SignedHeaders=([^, &]+)", head)
    is_signed = signed_names is not None and b"user-agent" in re.split(rb";|%3B", signed_names[1].lower())
    return line if is_signed or name.lower() != "user-agent" else f"{name}{colon} of the SDK"


def record(names: list[str], folder: Path) -> int:
    """Record the clients whose toolchain is here; return 1 if one of them failed."""
    FOLDER.mkdir(exist_ok=True)
    failed = 0
    for name in names:
        client = CLIENTS[name]
        if client.missing:
            sys.stderr.write(f"{name}: left out, {client.missing}\n")
            continue
        with _relayed() as (relay, secret):
            session = _session(relay.url)
            rows = [
                running.run(client, relay.url, folder, keys=KEYS, steps=("send", "presigned")),
                running.run(client, relay.url, folder, keys=session, steps=("send",)),
            ]
            errors = [error for row in rows for error in row.errors.values()]
            sent = relay.requests()
            document = {
                "client": client.title,
                "version": ", ".join(dict.fromkeys(rows[0].versions.values())),
                "store_secret": secret.hex(),
                "session": {"key_id": session.key_id, "secret": session.secret},
                "requests": _kept(sent, KEYS.key_id),
                "session_requests": _kept(sent, session.key_id),
            }
        if errors or not (document["requests"] and document["session_requests"]):
            failed = 1
            sys.stderr.write(f"{name}: {errors or sorted(document['requests'])}\n")
            continue
        (FOLDER / f"{name}.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        sys.stderr.write(f"{name}: recorded\n")
    return failed

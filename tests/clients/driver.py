"""A client in a process of its own, called by lines of JSON: see lines_boto3.py for their form."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.clients import error_names
from tests.patience import PATIENCE_SECONDS

CALL_SECONDS = 40.0


class ClientBroke(Exception):
    """The client itself failed: it could not read the response, refused its digest, or refused to send."""


@dataclass
class ClientError(Exception):
    """An error as the client's user sees it.

    ``name`` is what code dispatches on: boto3's exception class, ``error.name`` in SDK 3, ``error.code`` in SDK 2.
    ``details`` is everything that the client returned.
    """

    name: str
    code: str
    status: int
    message: str
    details: dict[str, Any] = field(compare=False, repr=False)


class Process:
    """The process of one client. Several threads may call it."""

    def __init__(self, command: Sequence[str | Path], folder: Path | None = None) -> None:
        self._process = subprocess.Popen(
            [str(part) for part in command], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lock = threading.Lock()
        self._number = 0
        self._pending: dict[int, Future[dict[str, Any]]] = {}
        hello = self._output.readline()
        if not hello:
            self.stop()
            raise ClientBroke(f"{command[0]} ended with {self._process.returncode} before it said anything")
        self.protocol: str = json.loads(hello)["protocol"]
        self._reader = threading.Thread(target=self._read, name="client-lines", daemon=True)
        self._reader.start()

    @property
    def _output(self) -> Any:
        assert self._process.stdout is not None
        return self._process.stdout

    def _read(self) -> None:
        for line in self._output:
            said = json.loads(line, object_hook=_bytes)
            with self._lock:
                waiting = self._pending.pop(said["id"])
            waiting.set_result(said)
        with self._lock:
            for waiting in self._pending.values():
                waiting.set_exception(ClientBroke("the client's process ended"))
            self._pending.clear()

    def begin(self, operation: str, members: dict[str, Any], options: dict[str, str]) -> Future[dict[str, Any]]:
        """Send a call without waiting for its response."""
        assert self._process.stdin is not None
        waiting: Future[dict[str, Any]] = Future()
        with self._lock:
            self._number += 1
            self._pending[self._number] = waiting
            asked = {"id": self._number, "call": operation, "with": members, "client": options}
            self._process.stdin.write(json.dumps(asked, default=_marked) + "\n")
            self._process.stdin.flush()
        return waiting

    def stop(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()


def _bytes(document: dict[str, Any]) -> Any:
    return base64.b64decode(document["$bytes"]) if "$bytes" in document else document


def _marked(value: Any) -> dict[str, str]:
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


@dataclass(frozen=True)
class Client:
    """One SQS client of one kind: members and results as boto3 spells them, whatever the client."""

    kind: str
    process: Process
    endpoint: str
    region: str = "us-east-1"
    key: str = "any"
    secret: str = "any"

    def to(self, **changed: Any) -> Client:
        """Return another client in the same process, with another endpoint, region, key or secret."""
        return replace(self, **changed)

    def begin(self, operation: str, **members: Any) -> Future[dict[str, Any]]:
        options = {"endpoint": self.endpoint, "region": self.region, "key": self.key, "secret": self.secret}
        return self.process.begin(operation, members, options)

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        """Call an operation and return the result. Raises ClientError, ClientBroke."""
        return outcome(self.begin(operation, **members))

    def error(self, operation: str, **members: Any) -> ClientError:
        """Return the error of a call that must fail."""
        try:
            result = self.call(operation, **members)
        except ClientError as error:
            return error
        raise AssertionError(f"{operation} succeeded: {result}")

    def must_refuse(self, shape: str, operation: str, **members: Any) -> ClientError:
        """Check that the call fails with this error, by the name and code that users of the client catch."""
        error = self.error(operation, **members)
        assert (error.name, error.code) == (error_names.name(self.kind, shape), error_names.code(shape)), error
        return error

    # -- short forms ----------------------------------------------------------------------------------------------

    def queue(self, name: str, **attributes: str) -> str:
        """Create a queue and return its URL."""
        wanted = {"Attributes": attributes} if attributes else {}
        return str(self.call("CreateQueue", QueueName=name, **wanted)["QueueUrl"])

    def send(self, queue_url: str, body: str, **more: Any) -> dict[str, Any]:
        return self.call("SendMessage", QueueUrl=queue_url, MessageBody=body, **more)

    def receive(self, queue_url: str, **more: Any) -> list[dict[str, Any]]:
        """Receive up to ten messages; an empty list if none is visible."""
        members = {"MaxNumberOfMessages": 10, **more}
        return list(self.call("ReceiveMessage", QueueUrl=queue_url, **members).get("Messages") or [])

    def attributes(self, queue_url: str, *names: str) -> dict[str, str]:
        found = self.call("GetQueueAttributes", QueueUrl=queue_url, AttributeNames=list(names or ("All",)))
        return dict(found.get("Attributes") or {})

    def counts(self, queue_url: str) -> tuple[int, int, int]:
        """Visible, in flight, delayed."""
        found = self.attributes(queue_url)
        visible, in_flight, delayed = (
            int(found[f"ApproximateNumberOfMessages{which}"]) for which in ("", "NotVisible", "Delayed")
        )
        return visible, in_flight, delayed

    def settled(self, queue_url: str) -> tuple[int, int, int]:
        """Return the counts of the queue when they no longer change: a request of a killed client may still be
        running."""
        counts = self.counts(queue_url)
        for _ in range(100):
            time.sleep(0.2)
            before, counts = counts, self.counts(queue_url)
            if counts == before:
                return counts
        raise AssertionError(f"the queue does not come to rest: {counts}")


def outcome(answer: Future[dict[str, Any]], seconds: float = CALL_SECONDS) -> dict[str, Any]:
    """Return the result of a call that was begun. Raises ClientError, ClientBroke."""
    said = answer.result(seconds)
    if "broken" in said:
        raise ClientBroke(said["broken"])
    if "error" in said:
        told = said["error"]
        raise ClientError(told["name"], told.get("code", ""), told["status"], told["message"], told)
    return dict(said["result"])

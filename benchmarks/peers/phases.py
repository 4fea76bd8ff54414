"""The phases of a round on one server: which requests each one sends, and what they cost."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.drivers import Driver, Load, Mode, Outcome, Target
from benchmarks.peers.table import Sample
from benchmarks.processes import busy_loops
from benchmarks.service import Service, cpu

_BODY = "x" * 200
#: For servers that find the service by the credential scope. No server here checks the signature.
_AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=00"
)
_CALL_SECONDS = 30


def call(target: Target, operation: str, **members: object) -> dict[str, str]:
    """Make one call and return the members of the answer. Raises OSError for an error."""
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"}
    if target.authorization:
        headers["Authorization"] = target.authorization
    request = urllib.request.Request(target.url, json.dumps(members).encode(), headers)
    with urllib.request.urlopen(request, timeout=_CALL_SECONDS) as answer:
        return dict(json.loads(answer.read() or b"{}"))


def target_of(url: str) -> Target:
    """Return how to call a server: without Authorization if it allows that. Raises OSError for an error."""
    target = Target(url)
    try:
        _try(target)
    except (urllib.error.HTTPError, KeyError, ValueError):  # some take an unsigned call for one of S3
        target = Target(url, _AUTHORIZATION)
        _try(target)
    return target


def _try(target: Target) -> None:
    call(target, "DeleteQueue", QueueUrl=call(target, "CreateQueue", QueueName="first")["QueueUrl"])


@dataclass
class Phases:
    """The loads of one server, with the client and the length that all servers have in common."""

    driver: Driver
    connections: int
    seconds: float
    folder: Path

    def requests_alone(self, target: Target, service: Service) -> dict[str, Sample]:
        """Send what a send sends, to a server that has no queues."""
        return {"send": self._measured(target, service, "repeat", [("SendMessage", _send("bench"))])}

    def of_peer(self, target: Target, service: Service, name: str) -> dict[str, Sample]:
        """Run the phases of the table. ``name`` is new in every round; its queues are deleted at the end."""
        with _Queues(target, name) as queue:
            return {"send": self._send(target, service, queue("send")), **self._others(target, service, queue)}

    def of_facade(
        self, target: Target, service: Service, name: str, *, loops: int, after_send: Callable[[int], None]
    ) -> dict[str, Sample]:
        """Run the phases of the table, the receives and deletions alone, and the sends beside busy loops.

        ``after_send`` is called with their number when the sends have ended.
        """
        with _Queues(target, name) as queue:
            sent = queue("send")
            samples = {"send": self._send(target, service, sent)}
            after_send(samples["send"].requests)
            receive = ("ReceiveMessage", json.dumps({"QueueUrl": sent}))
            samples["receive"] = self._measured(target, service, "receive", [receive])
            samples["delete"] = self._measured(target, service, "delete", [("DeleteMessage", _delete(sent))])
            samples |= self._others(target, service, queue)
            if loops:
                with busy_loops(loops):
                    samples["busy send"] = self._send(target, service, queue("busy"))
            return samples

    def _send(self, target: Target, service: Service, url: str) -> Sample:
        return self._measured(target, service, "repeat", [("SendMessage", _send(url))])

    def _others(self, target: Target, service: Service, queue: Callable[[str], str]) -> dict[str, Sample]:
        entries = [{"Id": str(number), "MessageBody": _BODY} for number in range(10)]
        batch = json.dumps({"QueueUrl": queue("batch"), "Entries": entries})
        empty = json.dumps({"QueueUrl": queue("empty"), "WaitTimeSeconds": 0})
        turning = queue("cycle")
        cycle = [
            ("SendMessage", _send(turning)),
            ("ReceiveMessage", json.dumps({"QueueUrl": turning})),
            ("DeleteMessage", _delete(turning)),
        ]
        return {
            "cycle": self._measured(target, service, "cycle", cycle),
            "batch": self._measured(target, service, "repeat", [("SendMessageBatch", batch)]),
            "empty": self._measured(target, service, "repeat", [("ReceiveMessage", empty)]),
        }

    def _measured(self, target: Target, service: Service, mode: Mode, calls: list[tuple[str, str]]) -> Sample:
        load = Load(mode, calls, self.connections, self.seconds, self.folder / "handles")
        front, store = cpu(service.fronts), cpu(service.valkeys)
        outcome = self.driver.run(target, load)
        return _sample(outcome, cpu(service.fronts) - front, cpu(service.valkeys) - store)


def _sample(outcome: Outcome, front_seconds: float, store_seconds: float) -> Sample:
    requests = max(outcome.requests, 1)
    return Sample(
        rate=outcome.requests / outcome.seconds,
        front_us=1e6 * front_seconds / requests,
        store_us=1e6 * store_seconds / requests,
        p99_ms=outcome.p99_ms,
        errors=outcome.errors if outcome.requests else max(outcome.errors, 1),
        requests=outcome.requests,
    )


def _send(url: str) -> str:
    return json.dumps({"QueueUrl": url, "MessageBody": _BODY})


def _delete(url: str) -> str:
    return json.dumps({"QueueUrl": url, "ReceiptHandle": "HANDLE"})


class _Queues:
    """Creates queues in a block, and deletes them at its end."""

    def __init__(self, target: Target, name: str) -> None:
        self._target, self._name = target, name
        self._urls: list[str] = []

    def __enter__(self) -> Callable[[str], str]:
        return self._create

    def _create(self, purpose: str) -> str:
        self._urls.append(call(self._target, "CreateQueue", QueueName=f"{self._name}-{purpose}")["QueueUrl"])
        return self._urls[-1]

    def __exit__(self, *_: object) -> None:
        for url in self._urls:
            call(self._target, "DeleteQueue", QueueUrl=url)

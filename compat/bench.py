"""The test bench of one scenario run: queues that are deleted afterwards, time, and raw HTTP requests."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlencode

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError

from .normal import Normaliser
from .targets import Target

#: How long ``receive`` polls a distributed service, whose short polls may return nothing although messages are visible.
RECEIVE_SECONDS = 5.0


class WaitTooLong(Exception):
    """The scenario would have to wait longer than the target allows, and the target's clock cannot be moved."""


class Bench:
    """One run of one scenario on one target. ``clear`` deletes the queues of the run."""

    def __init__(self, target: Target, *, moves_time: bool = True) -> None:
        self.target = target
        # Moving the clock affects a whole account.
        self.credentials = target.own_account() if moves_time else target.shared_account
        self.sqs = target.client(self.credentials)
        self.normaliser = Normaliser()
        self._base = f"{target.prefix}{uuid.uuid4().hex[:10]}"
        self._urls: list[str] = []

    def name(self, word: str = "queue") -> str:
        """Return a unique queue name, the same for the same word. Observations show it as ``<word>``."""
        name = f"{self._base}-{word}"
        self.normaliser.name(name, word)
        return name

    @property
    def prefix(self) -> str:
        """The unique prefix of the names of this run's queues."""
        return f"{self._base}-"

    def queue(self, word: str = "queue", *, fifo: bool = False, **attributes: str) -> str:
        """Create a queue and return its URL. A FIFO queue has content-based deduplication by default."""
        name = self.name(word)
        if fifo:
            name += ".fifo"
            attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", **attributes}
        return self.delete_later(self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def delete_later(self, url: str) -> str:
        """Register a queue to be deleted when the scenario is over, and return its URL."""
        self._urls.append(url)
        return url

    def arn(self, url: str) -> str:
        """Return the ARN of a queue."""
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(found["Attributes"]["QueueArn"])

    def redrive(self, dead: str, receives: int = 1) -> str:
        """Return a RedrivePolicy with this dead-letter queue."""
        return f'{{"deadLetterTargetArn":"{self.arn(dead)}","maxReceiveCount":{receives}}}'

    def refusal(self, operation: Callable[..., Any], **members: Any) -> Any:
        """Run an operation that should be refused; return the error, or the result if it succeeds."""
        try:
            result = operation(**members)
        except ClientError as problem:
            return refused(problem)
        return {name: value for name, value in result.items() if name != "ResponseMetadata"}

    def receive(self, url: str, count: int = 1, **members: Any) -> list[dict[str, Any]]:
        """Receive up to ``count`` messages, with repeated requests on a distributed service."""
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + (RECEIVE_SECONDS if self.target.is_distributed else 0)
        while True:
            parameters = {"MaxNumberOfMessages": min(10, count - len(found)), **members}
            found += self.sqs.receive_message(QueueUrl=url, **parameters).get("Messages", [])
            if len(found) >= count or time.monotonic() >= deadline:
                return found

    def bodies(self, url: str, count: int = 10, **members: Any) -> list[str]:
        """Receive messages and return their bodies."""
        return [message["Body"] for message in self.receive(url, count, **members)]

    def counts(self, url: str) -> list[str]:
        """Return the counts of visible, in-flight and delayed messages."""
        names = [f"ApproximateNumberOfMessages{part}" for part in ("", "NotVisible", "Delayed")]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names).get("Attributes", {})
        return [found.get(name, "(absent)") for name in names]

    def attributes(self, url: str, *names: str) -> dict[str, str]:
        """Return attributes of a queue."""
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names))
        return dict(found.get("Attributes", {}))

    def pass_time(self, seconds: float) -> None:
        """Move the target's clock forward, or sleep if it has none. Raises WaitTooLong instead of a long sleep."""
        if self.target.has_clock:
            response = self._send("POST", "/_test/clock", f'{{"advance_seconds": {seconds}}}'.encode(), {})
            response.raise_for_status()
        elif seconds <= self.target.max_wait_seconds:
            time.sleep(seconds)
        else:
            raise WaitTooLong(f"needs a wait of {seconds:,.10g} s")

    @contextmanager
    def later(self, seconds: float, operation: Callable[..., Any], **members: Any) -> Iterator[None]:
        """Run an operation after so many real seconds, in parallel with the block."""

        def run() -> None:
            # The block observes the effect, so an error here needs no report.
            with suppress(ClientError, BotoCoreError):
                operation(**members)

        timer = threading.Timer(seconds, run)
        timer.start()
        try:
            yield
        finally:
            timer.join()

    def json(self, operation: str, body: bytes, path: str = "/", **headers: str) -> requests.Response:
        """Send a raw request by AWS JSON 1.0."""
        kind = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"}
        return self._send("POST", path, body, {**kind, **headers})

    def form(self, path: str = "/", **members: str) -> requests.Response:
        """Send a raw request of the query protocol as a form."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", path, _encoded(members), kind)

    def get(self, path: str = "/", accept: str = "", **members: str) -> requests.Response:
        """Send a raw request of the query protocol as a GET."""
        query = _encoded(members).decode()
        headers = {"Accept": accept} if accept else {}
        return self._send("GET", f"{path}?{query}" if query else path, b"", headers)

    def path(self, url: str) -> str:
        """Return the path of a queue URL."""
        return "/" + url.split("://", 1)[-1].partition("/")[2]

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> requests.Response:
        url = self.target.address + path
        request = AWSRequest(method=method, url=url, data=body, headers=headers)
        SigV4Auth(self.credentials, "sqs", self.target.region).add_auth(request)
        sent = dict(request.headers.items())
        return requests.request(method, url, data=body, headers=sent, timeout=30)

    def clear(self) -> None:
        """Delete the queues of the run."""
        for url in self._urls:
            with suppress(ClientError, BotoCoreError):
                self.sqs.delete_queue(QueueUrl=url)


def _encoded(members: dict[str, str]) -> bytes:
    return urlencode(members).encode()


def refused(problem: ClientError) -> dict[str, Any]:
    """Convert an error response to an observation."""
    found = problem.response["Error"]
    status = problem.response["ResponseMetadata"]["HTTPStatusCode"]
    return {"error": found.get("Code"), "status": status, "message": found.get("Message", "")}

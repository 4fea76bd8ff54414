"""What a scenario's program has at hand beside the client: queues of its own, time, and the bare wire."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError

from .normal import Normaliser

if TYPE_CHECKING:
    from .targets import Target

#: How long a helper looks for messages that must be there: real AWS may answer a short poll with nothing.
LOOK_SECONDS = 5.0


class TimeStandsStill(Exception):
    """The program needs more time to pass than this target can be waited for."""


class Bench:
    """One run of one scenario on one target. What it made is gone after ``clear``."""

    def __init__(self, target: Target, *, moves_time: bool = True) -> None:
        self.target = target
        # A clock moves for a whole account.
        self.credentials = target.own_account() if moves_time else target.shared_account
        self.sqs = target.client(self.credentials)
        self.normaliser = Normaliser()
        self._base = f"{target.prefix}{uuid.uuid4().hex[:10]}"
        self._urls: list[str] = []

    def name(self, word: str = "queue") -> str:
        """A queue name nobody else uses; it reads as ``<word>``. A name of this program's own for each word."""
        name = f"{self._base}-{word}"
        self.normaliser.name(name, word)
        return name

    @property
    def prefix(self) -> str:
        """What the names of this program's queues begin with, and no other's."""
        return f"{self._base}-"

    def queue(self, word: str = "queue", *, fifo: bool = False, **attributes: str) -> str:
        """URL of a new queue; a FIFO one deduplicates by content unless the attributes say otherwise."""
        name = self.name(word)
        if fifo:
            name += ".fifo"
            attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", **attributes}
        return self.made(self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def made(self, url: str) -> str:
        """The same URL; the queue is deleted when the scenario is over."""
        self._urls.append(url)
        return url

    def arn(self, url: str) -> str:
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(found["Attributes"]["QueueArn"])

    def redrive(self, dead: str, receives: int = 1) -> str:
        """The RedrivePolicy that sends to this queue."""
        return f'{{"deadLetterTargetArn":"{self.arn(dead)}","maxReceiveCount":{receives}}}'

    def refusal(self, call: Callable[..., Any], **members: Any) -> Any:
        """The observation of a call that should be refused: the refusal, or what it answered instead."""
        try:
            answer = call(**members)
        except ClientError as problem:
            return refused(problem)
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def receive(self, url: str, count: int = 1, **members: Any) -> list[dict[str, Any]]:
        """That many messages if they are there, as many as one call gives at most."""
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + (LOOK_SECONDS if self.target.is_distributed else 0)
        while True:
            asked = {"MaxNumberOfMessages": min(10, count - len(found)), **members}
            found += self.sqs.receive_message(QueueUrl=url, **asked).get("Messages", [])
            if len(found) >= count or time.monotonic() >= deadline:
                return found

    def bodies(self, url: str, count: int = 10, **members: Any) -> list[str]:
        """Bodies that one look finds."""
        return [message["Body"] for message in self.receive(url, count, **members)]

    def counts(self, url: str) -> list[str]:
        """Visible, in flight, delayed."""
        names = [f"ApproximateNumberOfMessages{part}" for part in ("", "NotVisible", "Delayed")]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names).get("Attributes", {})
        return [found.get(name, "(absent)") for name in names]

    def attributes(self, url: str, *names: str) -> dict[str, str]:
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names))
        return dict(found.get("Attributes", {}))

    def pass_time(self, seconds: float) -> None:
        """So much later. Raises TimeStandsStill where that would take too long."""
        if self.target.has_clock:
            answer = self._send("POST", "/_test/clock", f'{{"advance_seconds": {seconds}}}'.encode(), {})
            answer.raise_for_status()
        elif seconds <= self.target.max_wait_seconds:
            time.sleep(seconds)
        else:
            raise TimeStandsStill(f"{seconds:,.10g} s would have to pass")

    @contextmanager
    def later(self, seconds: float, call: Callable[..., Any], **members: Any) -> Iterator[None]:
        """The call happens so many real seconds from now, beside what the block does."""

        def run() -> None:
            # What it did is seen by what the block observes.
            with suppress(ClientError, BotoCoreError):
                call(**members)

        timer = threading.Timer(seconds, run)
        timer.start()
        try:
            yield
        finally:
            timer.join()

    def json(self, operation: str, body: bytes, path: str = "/", **headers: str) -> requests.Response:
        """A call by AWS JSON 1.0 on the bare wire."""
        kind = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"}
        return self._send("POST", path, body, {**kind, **headers})

    def form(self, path: str = "/", **members: str) -> requests.Response:
        """A call by the query protocol as a form."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", path, _encoded(members), kind)

    def get(self, path: str = "/", accept: str = "", **members: str) -> requests.Response:
        """A call by the query protocol as a GET."""
        query = _encoded(members).decode()
        headers = {"Accept": accept} if accept else {}
        return self._send("GET", f"{path}?{query}" if query else path, b"", headers)

    def path(self, url: str) -> str:
        """The path of a queue's URL."""
        return "/" + url.split("://", 1)[-1].partition("/")[2]

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> requests.Response:
        url = self.target.address + path
        request = AWSRequest(method=method, url=url, data=body, headers=headers)
        SigV4Auth(self.credentials, "sqs", self.target.region).add_auth(request)
        sent = dict(request.headers.items())
        return requests.request(method, url, data=body, headers=sent, timeout=30)

    def clear(self) -> None:
        """Delete what was made."""
        for url in self._urls:
            with suppress(ClientError, BotoCoreError):
                self.sqs.delete_queue(QueueUrl=url)


def _encoded(members: dict[str, str]) -> bytes:
    return urlencode(members).encode()


def refused(problem: ClientError) -> dict[str, Any]:
    """A refusal as an observation."""
    found = problem.response["Error"]
    status = problem.response["ResponseMetadata"]["HTTPStatusCode"]
    return {"error": found.get("Code"), "status": status, "message": found.get("Message", "")}

"""Deletion of a message with a claim, in every state of both: a worker may repeat a deletion whose response was
lost."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from zaqar_core.domain.names import QueueRef

from .conftest import Zaqar

VERSIONS = ("/v1", "/v1.1", "/v2")
CLAIMS = ("live", "lapsed", "released", "never made")
GONE = ("deleted", "expired", "dead letter", "with its queue", "never posted", "malformed id")


@dataclass
class Worker:
    """Works on one queue by one version of the API."""

    zaqar: Zaqar
    version: str
    queue: str
    advance: Callable[[QueueRef, float], None] = field(repr=False)

    @property
    def path(self) -> str:
        return f"{self.version}/queues/{self.queue}"

    def post(self, ttl: int = 3600) -> str:
        """The id of a new message; in a FIFO queue it has a group of its own."""
        messages: Any = [{"body": 1, "ttl": ttl}]
        document = messages if self.version == "/v1" else {"messages": messages}
        answer = self.zaqar.other_client().call("POST", f"{self.path}/messages", document)
        assert answer.status == 201
        return str(answer.json["resources"][0].rsplit("/", 1)[1])

    def claim(self, ttl: int = 300) -> str:
        """The id of a claim of the oldest free message."""
        answer = self.zaqar.call("POST", f"{self.path}/claims?limit=1", {"ttl": ttl, "grace": 60})
        assert answer.status == 201
        return answer.headers["location"].rsplit("/", 1)[1]

    def lapse(self) -> tuple[str, str]:
        """Return the ids of a message and of its claim, which has ended."""
        message_id, claim_id = self.post(), self.claim(ttl=60)
        self.pass_time(60)
        return message_id, claim_id

    def release(self, claim_id: str) -> None:
        assert self.zaqar.call("DELETE", f"{self.path}/claims/{claim_id}").status == 204

    def delete(self, message_id: str, claim_id: str | None = None) -> int:
        query = "" if claim_id is None else f"?claim_id={claim_id}"
        return self.zaqar.call("DELETE", f"{self.path}/messages/{message_id}{query}").status

    def is_there(self, message_id: str) -> bool:
        return self.zaqar.call("GET", f"{self.path}/messages/{message_id}").status == 200

    def pass_time(self, seconds: float) -> None:
        self.advance(QueueRef(self.zaqar.project, "us-east-1", self.queue), seconds)


@pytest.fixture(params=["", ".fifo"], ids=["standard", "fifo"])
def worker(
    request: pytest.FixtureRequest, zaqar: Zaqar, queue_name: str, advance: Callable[[QueueRef, float], None]
) -> Worker:
    """A queue whose messages are dead letters after two claims."""
    made = Worker(zaqar, "/v2", queue_name + request.param, advance)
    dead = {"_dead_letter_queue": "dead" + request.param, "_max_claim_count": 2}
    assert zaqar.call("PUT", made.path, dead).status == 201
    return made


def ended_claim(worker: Worker, how: str) -> str:
    """Return the id of a claim of another message, in the state that ``how`` names."""
    worker.post()
    if how == "never made":
        return str(uuid.uuid4())
    claim_id = worker.claim(ttl=60 if how == "lapsed" else 300)
    if how == "lapsed":
        worker.pass_time(60)
    if how == "released":
        worker.release(claim_id)
    return claim_id


def gone_message(worker: Worker, how: str) -> str:
    """Return the id of a message that was deleted or never existed."""
    if how == "never posted":
        return str(uuid.uuid4())
    if how == "malformed id":
        return "no-id"
    message_id = worker.post(ttl=60)
    if how == "deleted":
        assert worker.delete(message_id) == 204
    if how == "expired":
        worker.pass_time(60)
    if how == "dead letter":
        while worker.is_there(message_id):
            worker.zaqar.call("POST", f"{worker.path}/claims?limit=20", {"ttl": 60, "grace": 600})
            worker.pass_time(60)
    return message_id


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("gone", GONE)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_deleted_message_can_be_deleted_again_under_any_claim(
    worker: Worker, version: str, gone: str, claim: str
) -> None:
    message_id = gone_message(worker, gone)
    claim_id = ended_claim(worker, claim)
    worker.version = version
    if gone == "with its queue":
        assert worker.zaqar.call("DELETE", worker.path).status == 204
    assert worker.delete(message_id, claim_id) == 204
    assert worker.delete(message_id) == 204


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("end", ["lapsed", "released"])
def test_a_deletion_can_be_repeated_after_its_claim_has_ended(worker: Worker, version: str, end: str) -> None:
    worker.version = version
    message_id = worker.post()
    claim_id = worker.claim()
    assert worker.delete(message_id, claim_id) == 204
    assert worker.delete(message_id, claim_id) == 204
    worker.pass_time(300) if end == "lapsed" else worker.release(claim_id)
    assert worker.delete(message_id, claim_id) == 204


@pytest.mark.parametrize("version", VERSIONS)
def test_an_ended_claim_deletes_a_message_that_was_not_received_since(worker: Worker, version: str) -> None:
    worker.version = version
    message_id, claim_id = worker.lapse()
    assert worker.delete(message_id, claim_id) == 204
    assert not worker.is_there(message_id)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_ended_claim_does_not_delete_a_message_that_another_received(worker: Worker, version: str) -> None:
    worker.version = version
    message_id, first = worker.lapse()
    second = worker.claim(ttl=60)
    assert worker.delete(message_id, first) == 400
    worker.pass_time(60)
    assert worker.delete(message_id, first) == 400
    assert worker.is_there(message_id)
    assert worker.delete(message_id, second) == 204


@pytest.mark.parametrize("version", VERSIONS)
def test_a_released_claim_deletes_nothing(worker: Worker, version: str) -> None:
    worker.version = version
    message_id = worker.post()
    claim_id = worker.claim()
    worker.release(claim_id)
    assert worker.delete(message_id, claim_id) == 400
    assert worker.is_there(message_id)
    assert worker.delete(message_id) == 204


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("claim", "status"), [("live", 403), ("lapsed", 400), ("released", 400), ("never made", 400)])
def test_a_held_message_is_deleted_by_its_claim_alone(worker: Worker, version: str, claim: str, status: int) -> None:
    wrong = ended_claim(worker, claim)
    while worker.zaqar.call("POST", f"{worker.path}/claims", {"ttl": 300, "grace": 60}).status == 201:
        pass  # what a claim left behind is out of the way
    worker.version = version
    message_id = worker.post()
    right = worker.claim()
    assert worker.delete(message_id) == 403
    assert worker.delete(message_id, wrong) == status
    assert worker.is_there(message_id)
    assert worker.delete(message_id, right) == 204


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("claim", CLAIMS)
def test_a_free_message_is_not_deleted_by_a_claim_that_never_held_it(worker: Worker, version: str, claim: str) -> None:
    claim_id = ended_claim(worker, claim)
    worker.version = version
    message_id = worker.post()
    assert worker.delete(message_id, claim_id) == 400
    assert worker.is_there(message_id)
    assert worker.delete(message_id) == 204


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("gone", GONE)
def test_a_claim_id_must_be_a_uuid(worker: Worker, version: str, gone: str) -> None:
    message_id = gone_message(worker, gone)
    worker.version = version
    assert worker.delete(message_id, "no-uuid") == 400

"""Quotas of accounts, by both dialects: queues, bytes of messages, and messages in flight."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from sqs_facade.face import SqsFace
from tests.conftest import Service, serving
from tests.sqs.wire import Failure, Sqs
from zaqar_core.background.usage import UsageMeter
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.store import keys
from zaqar_core.web.envelope import Request


@pytest.fixture(scope="module")
def small(store_settings: dict[str, str]) -> Iterator[Service]:
    with serving(max_queues_per_account="2", **store_settings) as service:
        yield service


@pytest.fixture(params=["json-fast", "query-fast", "json-flask", "query-flask"])
def account(small: Service, request: pytest.FixtureRequest) -> Sqs:
    """A client with an account of its own."""
    protocol, lane = request.param.split("-")
    return Sqs(small.url, protocol, lane, account=f"{uuid.uuid4().int % 10**12:012d}")


def test_one_more_queue_than_the_limit_is_refused(account: Sqs) -> None:
    urls = [account.queue(f"q-{number}") for number in range(2)]
    failure = account.error("CreateQueue", QueueName="q-2")
    assert isinstance(failure, Failure)
    assert (failure.code, failure.status) == ("OverLimit", 403)
    assert account.queue("q-0") == urls[0]
    account.call("DeleteQueue", QueueUrl=urls[0])
    assert account.queue("q-2")


def test_zaqar_creates_no_queue_beyond_the_limit(small: Service) -> None:
    headers = {"Client-ID": str(uuid.uuid4()), "X-Project-Id": uuid.uuid4().hex}
    url = f"{small.url}/v2/queues"

    def status(method: str, path: str, document: object) -> int:
        return requests.request(method, url + path, json=document, headers=headers, timeout=10).status_code

    assert [status("PUT", f"/q-{number}", {}) for number in range(3)] == [201, 201, 403]
    message = {"messages": [{"body": 1}]}
    assert [status("POST", f"/q-{number}/messages", message) for number in (1, 2)] == [201, 403]


@pytest.fixture
def metered(store_url: str) -> Iterator[Metered]:
    """A process with quotas, whose queues are measured when a test asks for it."""
    settings = Settings(
        redis=store_url, durability="memory", max_bytes_per_account=50_000, max_in_flight_per_account=20
    )
    core = Core(settings, store_url)
    assert core.quotas is not None
    yield Metered(core, UsageMeter(core, core.quotas), f"{uuid.uuid4().int % 10**12:012d}")
    core.close()


@dataclass
class Metered:
    """Both faces over one core, for an account of the test's own."""

    core: Core
    meter: UsageMeter
    account: str

    def measure(self) -> None:
        self.meter.measure()
        self.core.session().store.command("DEL", keys.USAGE_LEASE)
        self.meter.round()

    def sqs(self, operation: str, queue: str = "", **members: Any) -> tuple[int, Any]:
        if queue:
            members["QueueUrl"] = f"http://localhost/{self.account}/{queue}"
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/", "HTTP_HOST": "localhost",
            "HTTP_X_AMZ_TARGET": f"AmazonSQS.{operation}",
            "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={self.account}/20260101/us-east-1/sqs/aws4_request",
        }  # fmt: skip
        request = Request("POST", "/", "", json.dumps(members).encode(), environ)
        reply = SqsFace(self.core.settings).answer(request, self.core.session())
        return reply.status, json.loads(reply.body or b"{}")

    def zaqar(self, method: str, path: str, document: Any) -> int:
        environ = {
            "REQUEST_METHOD": method, "HTTP_CLIENT_ID": str(uuid.uuid4()), "HTTP_X_PROJECT_ID": self.account,
            "HTTP_HOST": "localhost", "CONTENT_TYPE": "application/json",
        }  # fmt: skip
        request = Request(method, f"/v2/queues{path}", "", json.dumps(document).encode(), environ)
        return ZaqarFace(self.core.settings).answer(request, self.core.session()).status


def test_sends_are_refused_while_the_account_holds_too_many_bytes(metered: Metered) -> None:
    body = "x" * 10_000
    for name in ("a", "b"):
        assert metered.sqs("CreateQueue", QueueName=name)[0] == 200
        for _ in range(3):
            assert metered.sqs("SendMessage", name, MessageBody=body)[0] == 200
    metered.measure()
    for members in ({"MessageBody": body}, {"MessageBody": "small"}):
        status, error = metered.sqs("SendMessage", "a", **members)
        assert (status, error["__type"].rpartition("#")[2]) == (403, "OverLimit")
        assert "50000 bytes" in error["message"]
    entries = [{"Id": "1", "MessageBody": "a"}]
    assert metered.sqs("SendMessageBatch", "a", Entries=entries)[0] == 403
    assert metered.zaqar("POST", "/a/messages", {"messages": [{"body": 1}]}) == 403
    received = metered.sqs("ReceiveMessage", "a", MaxNumberOfMessages=10)[1]["Messages"]
    for message in received:
        assert metered.sqs("DeleteMessage", "a", ReceiptHandle=message["ReceiptHandle"])[0] == 200
    metered.measure()
    assert metered.sqs("SendMessage", "b", MessageBody="small")[0] == 200


def test_receives_are_refused_while_the_account_has_too_many_messages_in_flight(metered: Metered) -> None:
    for name in ("a", "b.fifo"):
        attributes = {"FifoQueue": "true"} if name.endswith("fifo") else {}
        metered.sqs("CreateQueue", QueueName=name, Attributes=attributes)
        fifo: dict[str, str] = {"MessageGroupId": "g"} if attributes else {}
        for batch in range(3):
            entries = [
                {
                    "Id": str(n),
                    "MessageBody": "m",
                    **fifo,
                    **({"MessageDeduplicationId": f"{batch}-{n}"} if fifo else {}),
                }
                for n in range(10)
            ]
            assert metered.sqs("SendMessageBatch", name, Entries=entries)[0] == 200
        assert len(metered.sqs("ReceiveMessage", name, MaxNumberOfMessages=10)[1]["Messages"]) == 10
    metered.measure()
    for name in ("a", "b.fifo"):
        status, error = metered.sqs("ReceiveMessage", name)
        assert (status, error["__type"].rpartition("#")[2]) == (403, "OverLimit")
    assert metered.zaqar("POST", "/a/claims", {"ttl": 60, "grace": 60}) == 403
    assert metered.sqs("SendMessage", "a", MessageBody="m")[0] == 200


def test_other_accounts_have_quotas_of_their_own(metered: Metered) -> None:
    metered.sqs("CreateQueue", QueueName="a")
    for _ in range(6):
        metered.sqs("SendMessage", "a", MessageBody="x" * 10_000)
    metered.measure()
    other = Metered(metered.core, metered.meter, f"{uuid.uuid4().int % 10**12:012d}")
    other.sqs("CreateQueue", QueueName="a")
    assert other.sqs("SendMessage", "a", MessageBody="m")[0] == 200


def test_a_large_queue_is_measured_by_a_sample(metered: Metered) -> None:
    metered.sqs("CreateQueue", QueueName="a")
    entries = [{"Id": str(n), "MessageBody": "x" * 1_000} for n in range(10)]
    for _ in range(6):
        assert metered.sqs("SendMessageBatch", "a", Entries=entries)[0] == 200
    metered.measure()
    assert metered.sqs("SendMessage", "a", MessageBody="m")[0] == 403


def test_deleted_queues_hold_nothing(metered: Metered) -> None:
    metered.sqs("CreateQueue", QueueName="a")
    for _ in range(6):
        metered.sqs("SendMessage", "a", MessageBody="x" * 10_000)
    metered.measure()
    metered.sqs("DeleteQueue", "a")
    metered.measure()
    metered.sqs("CreateQueue", QueueName="b")
    assert metered.sqs("SendMessage", "b", MessageBody="m")[0] == 200


def test_one_process_measures_at_a_time(metered: Metered) -> None:
    metered.measure()
    namespace = f"sf1:{{{metered.account}~us-east-1}}".encode()
    store = metered.core.session().store
    store.command("HSET", keys.USAGE, namespace, "99999999 0")
    metered.meter.round()  # the lease of the last measurement holds: the sums are read, and not written
    assert metered.sqs("SendMessage", "a", MessageBody="m")[0] == 403
    store.command("HDEL", keys.USAGE, namespace)

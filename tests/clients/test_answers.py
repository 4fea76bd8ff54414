"""What clients show beside results: request ids, the side at fault, digests that do not match."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.clients.conftest import ACCOUNT
from tests.clients.driver import Client, ClientBroke, ClientError
from tests.patience import PATIENCE_SECONDS

REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def test_every_answer_has_a_request_id_of_its_own(client: Client, queue: str) -> None:
    ids = [client.begin("ListQueueTags", QueueUrl=queue).result(PATIENCE_SECONDS)["request_id"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert all(REQUEST_ID.fullmatch(one) for one in ids)


def test_every_error_has_a_request_id(client: Client, queue_name: str) -> None:
    error = client.must_refuse("QueueDoesNotExist", "GetQueueUrl", QueueName=queue_name)
    assert REQUEST_ID.fullmatch(error.details["request_id"])


@pytest.mark.parametrize("client_process", ["boto3", "boto3-query", "js3"], indirect=True)
def test_an_error_of_the_caller_has_the_type_sender(client: Client, queue_name: str) -> None:
    error = client.must_refuse("QueueDoesNotExist", "GetQueueUrl", QueueName=queue_name)
    assert error.details["type"] == "Sender"


@pytest.mark.parametrize("client_process", ["js3"], indirect=True)
def test_sdk_3_raises_a_class_of_its_own_for_an_error(client: Client, queue: str, queue_name: str) -> None:
    for shape, operation, members in (
        ("QueueDoesNotExist", "GetQueueUrl", {"QueueName": f"{queue_name}-none"}),
        ("QueueNameExists", "CreateQueue", {"QueueName": queue_name, "Attributes": {"DelaySeconds": "1"}}),
        ("ReceiptHandleIsInvalid", "DeleteMessage", {"QueueUrl": queue, "ReceiptHandle": "garbage"}),
        ("EmptyBatchRequest", "SendMessageBatch", {"QueueUrl": queue, "Entries": []}),
    ):
        error = client.must_refuse(shape, operation, **members)
        assert (error.details["is_class"], error.details["fault"]) == (True, "client")


@pytest.fixture
def liar() -> Iterator[str]:
    """URL of a service that responds to every SendMessage with the digest of another body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            digest = hashlib.md5(b"another body").hexdigest()
            if "X-Amz-Target" in self.headers:
                kind = "application/x-amz-json-1.0"
                body = json.dumps({"MD5OfMessageBody": digest, "MessageId": "1"})
            else:
                kind = "text/xml"
                result = f"<MD5OfMessageBody>{digest}</MD5OfMessageBody><MessageId>1</MessageId>"
                body = f"<SendMessageResponse><SendMessageResult>{result}</SendMessageResult></SendMessageResponse>"
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *told: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(30)


@pytest.mark.parametrize(
    "client_process",
    ["js3", "js2", "js2-query"],
    indirect=True,
)
def test_sdks_for_javascript_refuse_a_wrong_digest(client: Client, liar: str) -> None:
    """So every other test with these clients checks the digests of the service."""
    with pytest.raises((ClientBroke, ClientError), match=r"(?i)md5|checksum"):
        client.to(endpoint=liar).send(f"{liar}/{ACCOUNT}/q", "x")

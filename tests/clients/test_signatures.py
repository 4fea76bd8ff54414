"""The signatures of each client, on a service with credentials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.driver import Client, Process
from tests.conftest import Service, serving

ACCOUNT, KEY, SECRET = "123456789012", "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
_FILE = f"""
[[users]]
name = "one"
account = "{ACCOUNT}"
policies = ["admin"]
access_keys = [
  {{ id = "{KEY}", secret_access_key = "{SECRET}" }},
  {{ id = "AKIDOFF", secret_access_key = "{SECRET}", enabled = false }},
]
"""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    file = tmp_path_factory.mktemp("access") / "credentials.toml"
    file.write_text(_FILE)
    file.chmod(0o600)
    with serving(credentials_file=str(file)) as service:
        yield service


@pytest.fixture
def client(client_process: tuple[str, Process], guarded: Service) -> Client:
    """A client of the user."""
    kind, process = client_process
    return Client(kind, process, guarded.url, key=KEY, secret=SECRET)


def test_signed_requests_are_served(client: Client, queue_name: str) -> None:
    url = client.queue(queue_name, DelaySeconds="0")
    assert f"/{ACCOUNT}/" in url
    body = "a+b c/d%20 =&~*'()!\u20ac\U0001f600"
    attributes = {"n": {"DataType": "String", "StringValue": body}}
    client.send(url, body, MessageAttributes=attributes)
    [message] = client.receive(url, MessageAttributeNames=["All"])
    assert message["Body"] == body
    entries = [{"Id": "a", "MessageBody": body}, {"Id": "b", "MessageBody": "x" * 300_000}]
    assert len(client.call("SendMessageBatch", QueueUrl=url, Entries=entries)["Successful"]) == 2
    client.call("DeleteMessage", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    client.call("TagQueue", QueueUrl=url, Tags={"a b": body[:20]})
    client.call("DeleteQueue", QueueUrl=url)


@pytest.mark.parametrize(
    "change",
    [{"secret": "x" * 40}, {"key": "AKIDUNKNOWN"}, {"key": "AKIDOFF"}, {"region": "eu-west-1"}],
    ids=["wrong secret", "unknown key", "disabled key", "other region"],
)
def test_other_requests_are_refused(client: Client, change: dict[str, Any]) -> None:
    assert client.to(**change).error("ListQueues").status == 403


def test_the_path_of_a_queue_is_signed(client: Client, guarded: Service, queue_name: str) -> None:
    """A client whose endpoint is the URL of a queue sends its requests there."""
    url = client.queue(queue_name)
    at_queue = client.to(endpoint=f"{guarded.url}/{ACCOUNT}/{queue_name}")
    at_queue.send(url, "to the queue's own path")
    assert [message["Body"] for message in client.receive(url)] == ["to the queue's own path"]

"""A service behind a proxy that it trusts, called as the proxy calls it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.conftest import Service, serving
from tests.credentials.conftest import written
from tests.credentials.signing import ACCOUNT, USER, signed
from tests.sqs.wire import HTTP

PUBLIC = "https://queues.example.org:8443/api"
#: What the proxy says about a client that called PUBLIC.
SAID = {
    "X-Forwarded-For": "203.0.113.9, 192.0.2.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "queues.example.org",
    "X-Forwarded-Port": "8443",
    "X-Forwarded-Prefix": "/api",
}


@pytest.fixture(scope="session")
def proxied(tmp_path_factory: pytest.TempPathFactory, store_settings: dict[str, str]) -> Iterator[Service]:
    """A service with credentials that trusts proxies on this machine, shared by all tests."""
    file = written(tmp_path_factory.mktemp("proxied"), USER)
    trusted = {"trusted_proxies": "127.0.0.0/8", "credentials_file": str(file), "test_hooks": "true"}
    with serving(**trusted, **store_settings) as service:
        yield service


@pytest.fixture(params=["json", "query"])
def protocol(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def _send(service: Service, lane: str, protocol: str, operation: str, **members: Any) -> requests.Response:
    """Sign a call of PUBLIC as a client does, and send it as the proxy does: without the path and the host."""
    if protocol == "json":
        body = json.dumps(members).encode()
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"}
    else:
        form = requests.Request("POST", PUBLIC, data={"Action": operation, "Version": "2012-11-05", **members})
        prepared = form.prepare().body
        assert isinstance(prepared, str)
        body, headers = prepared.encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    _, headers = signed("POST", f"{PUBLIC}/", body, headers)
    headers = {name: value for name, value in headers.items() if name.lower() != "host"}
    return HTTP.post(f"{service.url}/", body, headers={**headers, **SAID, "X-SQS-Facade-Lane": lane})


def test_signatures_and_queue_urls_are_those_of_the_host_that_the_client_called(
    proxied: Service, lane: str, protocol: str, queue_name: str
) -> None:
    created = _send(proxied, lane, protocol, "CreateQueue", QueueName=queue_name)
    url = f"{PUBLIC}/{ACCOUNT}/{queue_name}"
    assert (created.status_code, url in created.text) == (200, True)
    sent = _send(proxied, lane, protocol, "SendMessage", QueueUrl=url, MessageBody="x")
    assert sent.status_code == 200, sent.text


@pytest.mark.parametrize(("network", "status"), [("192.0.2.0/24", 403), ("203.0.113.0/24", 200), ("127.0.0.0/8", 200)])
def test_policies_see_the_right_most_client(
    proxied: Service, lane: str, queue_name: str, network: str, status: int
) -> None:
    url = f"{PUBLIC}/{ACCOUNT}/{queue_name}"
    assert _send(proxied, lane, "json", "CreateQueue", QueueName=queue_name).status_code == 200
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*",
            "Condition": {"IpAddress": {"aws:SourceIp": network}, "Bool": {"aws:SecureTransport": "true"}},
        },
    }  # fmt: skip
    attributes = {"Policy": json.dumps(policy)}
    set_ = _send(proxied, lane, "json", "SetQueueAttributes", QueueUrl=url, Attributes=attributes)
    assert set_.status_code == 200, set_.text
    assert _send(proxied, lane, "json", "SendMessage", QueueUrl=url, MessageBody="x").status_code == status


def test_headers_of_others_have_no_effect(service: Service, lane: str, queue_name: str) -> None:
    """Without ``trusted_proxies`` nobody may name another client."""
    form = {"Action": "CreateQueue", "QueueName": queue_name}
    answer = HTTP.post(service.url, form, headers={**SAID, "X-SQS-Facade-Lane": lane})
    assert f"<QueueUrl>{service.url}/000000000000/{queue_name}<" in answer.text


def test_a_malformed_host_of_a_proxy_is_refused(proxied: Service, lane: str) -> None:
    headers = {"X-Forwarded-Host": "a b", "X-SQS-Facade-Lane": lane}
    assert HTTP.post(proxied.url, {"Action": "ListQueues"}, headers=headers).status_code == 400


def test_the_public_url_wins(store_settings: dict[str, str], queue_name: str) -> None:
    settings = {"trusted_proxies": "127.0.0.1/32", "public_url": "https://other.example.org/base"}
    settings["allowed_hosts"] = "queues.example.org"  # without credentials a service on loopback checks the host
    with serving(**settings, **store_settings) as service:
        form = {"Action": "CreateQueue", "QueueName": queue_name}
        answer = HTTP.post(service.url, form, headers=SAID)
    assert f"<QueueUrl>https://other.example.org/base/000000000000/{queue_name}<" in answer.text

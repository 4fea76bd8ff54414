"""SQS and Zaqar over TLS: real clients, real handshakes."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import requests

from tests.patience import PATIENCE_SECONDS, until
from tests.tls.conftest import Secured


def _sqs(service: Secured, lane: str) -> Any:
    client = boto3.client(
        "sqs",
        endpoint_url=service.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        verify=str(service.certificates.trusted),
    )
    client.meta.events.register("before-send.sqs", lambda request, **_: _choose(request, lane))
    return client


def _choose(request: Any, lane: str) -> None:
    request.headers["X-SQS-Facade-Lane"] = lane


def _connect(service: Secured, context: ssl.SSLContext) -> ssl.SSLSocket:
    client = socket.create_connection(("127.0.0.1", urlsplit(service.url).port), PATIENCE_SECONDS)
    return context.wrap_socket(client, server_hostname="localhost")


def test_botocore_sends_and_receives_over_tls(secured: Secured, lane: str, queue_name: str) -> None:
    sqs = _sqs(secured, lane)
    url = sqs.create_queue(QueueName=queue_name)["QueueUrl"]
    body = "x" * 200_000  # several records of TLS
    sqs.send_message(QueueUrl=url, MessageBody=body)
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert (url, message["Body"]) == (f"{secured.url}/000000000000/{queue_name}", body)


def test_queue_urls_of_the_query_protocol_are_https(secured: Secured, queue_name: str, lane: str) -> None:
    answer = requests.post(
        secured.url,
        {"Action": "CreateQueue", "QueueName": queue_name},
        headers={"X-SQS-Facade-Lane": lane},
        verify=str(secured.certificates.trusted),
        timeout=PATIENCE_SECONDS,
    )
    assert f"<QueueUrl>{secured.url}/000000000000/{queue_name}<" in answer.text


def test_zaqar_is_served_over_tls(secured: Secured) -> None:
    answer = requests.get(f"{secured.url}/health", verify=str(secured.certificates.trusted), timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_may_speak_either_version(secured: Secured, version: ssl.TLSVersion) -> None:
    context = secured.certificates.client_context()
    context.minimum_version = context.maximum_version = version
    with _connect(secured, context) as client:
        assert client.version() == version.name.replace("_", ".")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_older_versions_are_refused(secured: Secured) -> None:
    context = secured.certificates.client_context()
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        _connect(secured, context)


def test_plain_text_gets_no_answer(secured: Secured) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(secured.url).port), PATIENCE_SECONDS) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert not client.recv(100).startswith(b"HTTP")


def test_a_new_certificate_is_used_without_a_restart(secured: Secured) -> None:
    context = secured.certificates.client_context()

    def shown() -> Any:
        with _connect(secured, context) as client:
            return client.getpeercert()

    before = shown()
    secured.certificates.issue()
    until(lambda: shown() != before, "the new certificate is shown", 30)


def test_a_request_that_ends_its_input_leaves_the_service_well(secured: Secured) -> None:
    """TLS cannot be closed in one direction."""
    with _connect(secured, secured.certificates.client_context()) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf")
        with contextlib.suppress(ssl.SSLError):  # the refusal arrives after the end
            client.unwrap().close()
    answer = requests.get(f"{secured.url}/health", verify=str(secured.certificates.trusted), timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200

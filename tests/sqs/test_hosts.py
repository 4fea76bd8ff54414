"""The Host header: a service on loopback without credentials accepts names of this machine only (DNS rebinding)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.conftest import Service, serving
from tests.sqs.wire import HTTP, Sqs

EVIL = "evil.example:9324"
#: The page and the service look like one origin to a browser whose name server points evil.example at loopback.
REBOUND = {"Host": EVIL, "Origin": f"http://{EVIL}", "Sec-Fetch-Site": "same-origin"}
ZAQAR = {"Client-ID": "3381af92-2b9e-11e3-b191-71861300734c", "X-Project-Id": "p"}
TEXT = f"The host {EVIL} is not one of this machine's own. To accept it, add it to the setting allowed_hosts."
#: What the text must name.
NAMED = (EVIL, "allowed_hosts")


def answer(url: str, head: str) -> bytes:
    """Return the response to a request as it is written."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname or "", where.port or 0), 10) as raw:
        raw.sendall(head.encode("latin-1"))
        parts = []
        while part := raw.recv(65536):
            parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("headers", [REBOUND, {"Host": EVIL}], ids=["page", "program"])
def test_sqs_refuses_a_host_that_a_page_can_own(sqs: Sqs, queue: str, headers: dict[str, str]) -> None:
    sqs.send(queue, "secret")
    if sqs.protocol == "json":
        refused = HTTP.post(
            sqs.url,
            f'{{"QueueUrl":"{queue}"}}',
            headers=sqs.headers | headers | {"X-Amz-Target": "AmazonSQS.ReceiveMessage"},
            timeout=10,
        )
    else:
        form = {"Action": "ReceiveMessage", "QueueUrl": queue}
        refused = HTTP.post(sqs.url, form, headers=sqs.headers | headers, timeout=10)
    assert sqs.failure(refused) == ("AccessDenied", 403, TEXT)
    assert [one["Body"] for one in sqs.receive(queue)] == ["secret"]


@pytest.mark.parametrize("path", ["/v1/queues", "/v1.1/queues", "/v2/queues", "/v2/queues/q/messages", "/"])
def test_zaqar_refuses_a_host_that_a_page_can_own(service: Service, lane: str, path: str) -> None:
    headers = {**ZAQAR, **REBOUND, "x-sqs-facade-lane": lane}
    refused = HTTP.get(service.url + path, headers=headers, timeout=10)
    assert (refused.status_code, refused.json()["description"]) == (403, TEXT)


@pytest.mark.parametrize(
    "path", ["/_aws/sqs/messages?QueueUrl=q", "/_test/clock", "/?Action=ListQueues", "/000000000000/q"]
)
def test_every_other_path_refuses_it_too(service: Service, lane: str, path: str) -> None:
    refused = HTTP.get(service.url + path, headers={**REBOUND, "x-sqs-facade-lane": lane}, timeout=10)
    assert refused.status_code == 403
    assert all(one in refused.text for one in NAMED)


@pytest.fixture(scope="module")
def sockets(store_url: str) -> Iterator[Service]:
    with serving("websocket", redis=store_url, durability="memory", allowed_origins="https://pages.example:443") as one:
        yield one


HANDSHAKE = (
    "GET / HTTP/1.1\r\n{}Upgrade: websocket\r\nConnection: Upgrade, close\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.parametrize("headers", [f"Host: {EVIL}\r\nOrigin: http://{EVIL}\r\n", f"Host: {EVIL}\r\n"])
def test_a_websocket_refuses_it_too(sockets: Service, headers: str) -> None:
    refused = answer(sockets.url, HANDSHAKE.format(headers)).decode()
    assert refused.startswith("HTTP/1.1 403")
    assert all(one in refused for one in NAMED)


@pytest.mark.parametrize("headers", ["Host: a b\r\n", "Host: a\r\nHost: b\r\n", 'Host: a"b\r\n', "Host: a:99999\r\n"])
def test_a_websocket_refuses_a_header_that_is_not_a_host(sockets: Service, headers: str) -> None:
    assert answer(sockets.url, HANDSHAKE.format(headers)).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "x", "//", "http://a\\b"])
def test_an_origin_that_cannot_be_read_is_refused(service: Service, sockets: Service, lane: str, origin: str) -> None:
    headers = {"Origin": origin, "x-sqs-facade-lane": lane}
    assert HTTP.get(f"{service.url}/?Action=ListQueues", headers=headers, timeout=10).status_code == 403
    where = urlsplit(sockets.url).netloc
    shown = answer(sockets.url, HANDSHAKE.format(f"Host: {where}\r\nOrigin: {origin}\r\n"))
    assert shown.startswith(b"HTTP/1.1 403")


@pytest.mark.parametrize("host", ["a(b", "a:1:2", "a:99999", "[x", "a;b", "[::1", "a%22b", "a..b"])
def test_a_header_that_is_not_a_host_gets_no_queue_url(sqs: Sqs, queue_name: str, host: str) -> None:
    failure = sqs.failure(sqs.raw("CreateQueue", QueueName=queue_name, host=host))
    assert (failure.code, failure.status) == ("InvalidRequest", 400)


@pytest.mark.parametrize("host", ["", "Host:\r\n"], ids=["absent", "empty"])
def test_a_request_without_a_host_is_from_no_browser(service: Service, host: str) -> None:
    """HTTP/1.0 does not need one. Queue URLs then have the address of the service."""
    found = answer(service.url, f"GET /?Action=CreateQueue&QueueName=no-host HTTP/1.0\r\n{host}\r\n")
    assert b" 200 " in found
    assert f"<QueueUrl>{service.url}/000000000000/no-host<".encode() in found


@pytest.fixture(scope="module")
def admitting(store_settings: dict[str, str]) -> Iterator[Service]:
    """A service whose settings name hosts and origins, with and without the default ports of these."""
    hosts = {"allowed_hosts": "sqs.test", "public_url": "https://queues.example.org"}
    origins = "https://with.example:443,http://without.example"
    with serving(**hosts, allowed_origins=origins, **store_settings) as service:
        yield service


def test_hosts_of_the_settings_are_accepted(admitting: Service, lane: str) -> None:
    for host in ("sqs.test:80", "queues.example.org", "sqs.eu-west-1.queues.example.org", "sqs:9324"):
        headers = {"Host": host, "x-sqs-facade-lane": lane}
        assert HTTP.get(f"{admitting.url}/?Action=ListQueues", headers=headers, timeout=30).status_code == 200
    headers = {"Host": EVIL, "x-sqs-facade-lane": lane}
    assert HTTP.get(f"{admitting.url}/?Action=ListQueues", headers=headers, timeout=30).status_code == 403


def test_a_service_that_others_may_call_accepts_every_host_but_not_for_looking_at_messages(
    store_settings: dict[str, str], queue_name: str
) -> None:
    with serving(host="0.0.0.0", open_bind="true", **store_settings) as service:
        url = f"http://127.0.0.1:{urlsplit(service.url).port}"
        queue = Sqs(url, "query", "fast").queue(queue_name)
        headers = {"Host": EVIL}
        assert HTTP.get(f"{url}/?Action=ListQueues", headers=headers, timeout=10).status_code == 200
        for path, parameters in (("/_aws/sqs/messages", {"QueueUrl": queue}), ("/_test/clock", {})):
            refused = HTTP.get(url + path, params=parameters, headers=headers, timeout=10)
            assert refused.status_code == 403
            assert all(one in refused.text for one in NAMED)
        malformed = HTTP.get(f"{url}/?Action=ListQueues", headers={"Host": "a(b"}, timeout=10)
        assert malformed.status_code == 400


@pytest.mark.parametrize("origin", ["https://with.example", "http://without.example:80"])
def test_an_origin_matches_with_and_without_its_default_port(admitting: Service, lane: str, origin: str) -> None:
    headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site", "x-sqs-facade-lane": lane}
    found = HTTP.get(f"{admitting.url}/?Action=ListQueues", headers=headers, timeout=30)
    assert (found.status_code, found.headers.get("Access-Control-Allow-Origin")) == (200, origin)


def test_a_websocket_matches_an_origin_without_its_default_port(sockets: Service) -> None:
    head = HANDSHAKE.format(f"Host: {urlsplit(sockets.url).netloc}\r\nOrigin: https://pages.example\r\n")
    where = urlsplit(sockets.url)
    with socket.create_connection((where.hostname or "", where.port or 0), 10) as raw:
        raw.sendall(head.encode())
        assert raw.recv(4096).startswith(b"HTTP/1.1 101")

"""The headers of responses to pages of other origins, and the responses to preflights."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from tests.conftest import Service, serving
from tests.cors.conftest import ALLOWED, REFUSED, Page
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import load

ZAQAR = {"Client_ID": "3381af92-2b9e-11e3-b191-71861300734c", "X_Project_Id": "p"}
SQS = {"X_Amz_Target": "AmazonSQS.ListQueues", "Content_Type": "application/x-amz-json-1.0"}
PATHS = ("/", "/v2", "/v2/queues/q/messages", "/v1.1/queues", "/v2/nothing", "/000000000000/q", "/_test/clock",
         "/_aws/sqs/messages", "/health", "/health/ready")  # fmt: skip


@pytest.fixture
def allowed(sharing: Service, lane: str) -> Page:
    return Page(sharing.url, ALLOWED, lane)


@pytest.fixture
def refused(allowed: Page) -> Page:
    return replace(allowed, origin=REFUSED)


@pytest.mark.parametrize("path", PATHS)
def test_a_preflight_of_a_listed_origin_is_answered_on_every_path(allowed: Page, path: str) -> None:
    answer = allowed.preflight(path, "POST", "x-amz-target, Client-ID,x-unheard-of ,content-type")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == ALLOWED
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, PUT, POST, DELETE, PATCH, HEAD"
    assert answer.headers["Access-Control-Allow-Headers"] == "x-amz-target, Client-ID, content-type"
    assert answer.headers["Access-Control-Max-Age"] == "3600"
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize("path", [path for path in PATHS if not path.startswith("/health")])
def test_a_preflight_of_another_origin_is_refused(refused: Page, path: str) -> None:
    answer = refused.preflight(path, "POST", "content-type")
    assert answer.status_code == 403
    assert not any(name.lower().startswith("access-control-") for name in answer.headers)
    assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v2/queues", ZAQAR, 200), ("GET", "/v2/queues/q/messages", ZAQAR, 200),
        ("GET", "/v2/queues/q/messages", {}, 400), ("GET", "/v2/nothing", ZAQAR, 404), ("PUT", "/v2", ZAQAR, 405),
        ("POST", "/", SQS, 200), ("POST", "/", {**SQS, "X_Amz_Target": "AmazonSQS.None"}, 400),
        ("GET", "/?Action=ListQueues", {}, 200), ("GET", "/?Action=None", {}, 400),
        ("GET", "/000000000000/none?Action=GetQueueAttributes", {}, 400), ("GET", "/", {}, 300),
        ("GET", "/_test/clock", {}, 200), ("GET", "/_test/none", {}, 404), ("GET", "/_aws/sqs/messages", {}, 400),
        ("GET", "/health", {}, 200), ("GET", "/health/ready", {}, 200), ("GET", "/health/none", {}, 404),
        ("OPTIONS", "/v2/queues", ZAQAR, 204),
    ],
)  # fmt: skip
def test_pages_of_a_listed_origin_may_read_responses_and_errors(
    allowed: Page, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = allowed.call(method, path, None if method == "GET" else {}, **headers)
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == ALLOWED
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    # The page that browsers get at this one path differs from what other clients get there.
    assert answer.headers["Vary"] == ("Accept, Origin" if (method, path) == ("GET", "/") else "Origin")
    exposed = answer.headers["Access-Control-Expose-Headers"].lower().split(", ")
    assert {"x-amzn-requestid", "x-amzn-query-error", "x-openstack-request-id", "location"} <= set(exposed)


def test_every_header_of_a_response_may_be_read(allowed: Page) -> None:
    """Those that a page may read of any answer are named by the Fetch standard."""
    always = {"cache-control", "content-length", "content-type"}
    transport = {"vary", "date", "server", "connection"}
    asked = [
        allowed.call("POST", "/v2/queues/q/messages", {"messages": [{"body": 1}]}, **ZAQAR),
        allowed.call("GET", "/v1/queues/q", **ZAQAR), allowed.call("PATCH", "/v2", **ZAQAR),
        allowed.call("POST", "/", {}, **SQS), allowed.call("POST", "/", {}, **{**SQS, "X_Amz_Target": "None"}),
        allowed.call("GET", "/v2", **ZAQAR),
    ]  # fmt: skip
    for answer in asked:
        exposed = set(answer.headers["Access-Control-Expose-Headers"].lower().split(", "))
        shown = {name.lower() for name in answer.headers if not name.lower().startswith("access-control-")}
        assert shown <= always | transport | exposed


@pytest.mark.parametrize("origin", [REFUSED, "null", ALLOWED + "0", ALLOWED + ".evil.example", f"{ALLOWED} x", ""])
def test_an_origin_that_is_not_listed_is_refused_as_before(allowed: Page, origin: str) -> None:
    page = replace(allowed, origin=origin)
    for path, headers in (("/v2/queues/q/messages", ZAQAR), ("/", SQS)):
        answer = page.call("POST", path, {}, **headers)
        assert answer.status_code == 403
        assert not any(name.lower().startswith("access-control-") for name in answer.headers)


def test_a_request_without_an_origin_gets_no_header_but_vary(allowed: Page) -> None:
    program = replace(allowed, origin=None)
    listed = program.call("GET", "/v2/queues", **ZAQAR)
    assert (listed.status_code, listed.headers["Vary"]) == (200, "Origin")
    sent = program.call("POST", "/", {}, **SQS)
    assert sent.status_code == 200
    for answer in (listed, sent):
        assert not any(name.lower().startswith("access-control-") for name in answer.headers)


def test_without_listed_origins_nothing_is_added(service: Service, lane: str) -> None:
    page = Page(service.url, REFUSED, lane)
    assert page.preflight("/v2/queues", "GET").status_code == 403
    answer = replace(page, origin=None).call("GET", "/v2/queues", **ZAQAR)
    assert (answer.status_code, "Vary" in answer.headers) == (200, False)


@pytest.fixture(scope="module")
def choosing() -> Iterator[Service]:
    """A service with a choice of its own for everything that pages may do."""
    chosen = {
        "allowed_origins": f"{ALLOWED},http://second.example",
        "cors_allow_methods": "GET",
        "cors_allow_headers": "X-One,x-two-*",
        "cors_expose_headers": "X-Three",
        "cors_max_age_seconds": "0",
        "cors_allow_credentials": "false",
    }
    with serving(**chosen) as service:
        yield service


def test_what_pages_may_do_is_configured(choosing: Service, lane: str) -> None:
    page = Page(choosing.url, "http://second.example", lane)
    answer = page.preflight("/v2/queues", "PUT", "x-one,x-two-a,x-two,content-type")
    shown = {name.lower(): value for name, value in answer.headers.items()}
    assert {name: value for name, value in shown.items() if name.startswith("access-control-")} == {
        "access-control-allow-origin": "http://second.example",
        "access-control-allow-methods": "GET",
        "access-control-allow-headers": "x-one, x-two-a, content-type",
    }
    read = page.call("GET", "/v2/queues", **ZAQAR)
    assert read.headers["Access-Control-Expose-Headers"] == "X-Three"
    assert "Access-Control-Allow-Credentials" not in read.headers


@pytest.fixture(scope="module")
def open_to_all() -> Iterator[Service]:
    """A service that pages of every origin may call."""
    with serving(allowed_origins="*") as service:
        yield service


def test_the_wildcard_admits_every_page_without_credentials(open_to_all: Service, lane: str) -> None:
    for origin in (REFUSED, "null"):
        page = Page(open_to_all.url, origin, lane)
        for answer in (page.preflight("/", "POST"), page.call("POST", "/", {}, **SQS)):
            assert answer.status_code == 200
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in answer.headers


def test_the_error_for_a_body_that_is_too_large_may_be_read(sharing: Service) -> None:
    where = urlsplit(sharing.url)
    with socket.create_connection((where.hostname or "", where.port or 0), 5) as raw:
        raw.sendall(
            f"POST /v2/queues/q/messages HTTP/1.1\r\nHost: {where.netloc}\r\nOrigin: {ALLOWED}\r\n"
            "Content-Length: 1,000\r\n\r\n".encode()
        )
        head = raw.recv(65536).lower()
    if b"vary" in head:  # the server itself may have refused it
        assert f"access-control-allow-origin: {ALLOWED}".encode() in head


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the identity of a Keystone that does not respond."""
    file = tmp_path_factory.mktemp("keystone") / "zaqar.conf"
    file.write_text(
        "[keystone_authtoken]\nauth_url = http://127.0.0.1:1\nwww_authenticate_uri = http://k\nauth_type = password\n"
    )
    with serving(auth_strategy="keystone", keystone_config=str(file), allowed_origins=ALLOWED) as service:
        yield service


def test_a_preflight_comes_before_authentication(guarded: Service, lane: str) -> None:
    """It has no token. The 401 of a call without one may be read."""
    page = Page(guarded.url, ALLOWED, lane)
    assert page.preflight("/v2/queues", "GET", "x-auth-token,client-id").status_code == 200
    answer = page.call("GET", "/v2/queues", **ZAQAR)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (401, ALLOWED)
    assert "www-authenticate" in answer.headers["Access-Control-Expose-Headers"].lower()
    assert replace(page, origin=REFUSED).preflight("/v2/queues", "GET").status_code == 401


@pytest.mark.parametrize("origin", ["pages.example", "https://pages.example/", "https://*.example", "https://a b", ""])
def test_an_origin_that_no_browser_sends_is_refused_at_the_start(origin: str) -> None:
    with pytest.raises(SettingsInvalid, match="allowed_origins"):
        load({"allowed_origins": (origin,)}, {})

"""What a browser shows at the printed URL, and what every other client still gets there."""

from __future__ import annotations

import re

import pytest
import requests

from tests.conftest import Service, serving

#: What Chromium and Firefox send when somebody opens an address.
BROWSERS = [
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
]
BROWSER = BROWSERS[0]
PROGRAMS = [
    None,
    "*/*",
    "application/json",
    "application/json, text/html",
    "text/html;q=0.5, */*",
    "text/html;q=0, */*",
]


def _open(service: Service, lane: str, accept: str | None, method: str = "GET", **more: str) -> requests.Response:
    headers = {"Accept": accept, "X-SQS-Facade-Lane": lane, **{name.replace("_", "-"): more[name] for name in more}}
    return requests.request(method, service.url + "/", headers=headers, timeout=10)


@pytest.mark.parametrize("accept", [*BROWSERS, "text/html", "text/*", "TEXT/HTML;q=0.9, application/json;q=0.8"])
def test_a_browser_gets_a_page_that_needs_nothing_else(service: Service, lane: str, accept: str) -> None:
    answer = _open(service, lane, accept)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert f"endpoint_url=&quot;{service.url}&quot;" in answer.text
    assert f"{service.url}/v2" in answer.text
    assert set(re.findall(r'href="([^"]*)"', answer.text)) == {
        f"{service.url}/health/ready",
        f"{service.url}/console/",
        "data:,",
    }
    assert not re.search(r"<script|src=|@import|url\(", answer.text)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("accept", PROGRAMS)
def test_other_clients_get_the_versions_of_zaqar(service: Service, lane: str, accept: str | None) -> None:
    answer = _open(service, lane, accept)
    assert (answer.status_code, answer.headers["Content-Type"]) == (300, "application/json")
    assert answer.json()["versions"]


@pytest.mark.parametrize("accept", [BROWSER, "application/json", "*/*"])
def test_head_has_the_headers_of_get(service: Service, lane: str, accept: str) -> None:
    got, headed = _open(service, lane, accept), _open(service, lane, accept, "HEAD")
    assert (headed.status_code, headed.content) == (got.status_code, b"")
    for name in ("Content-Type", "Content-Length", "Vary"):
        assert headed.headers[name] == got.headers[name]


@pytest.mark.parametrize("accept", [BROWSER, "application/json"])
def test_caches_keep_the_page_apart_from_the_json(service: Service, lane: str, accept: str) -> None:
    assert "Accept" in _open(service, lane, accept).headers["Vary"]


@pytest.mark.parametrize(
    "sent", [{"Origin": "https://other.example"}, {"Sec_Fetch_Site": "cross-site"}, {"Origin": "null"}]
)
def test_pages_of_other_origins_are_refused(service: Service, lane: str, sent: dict[str, str]) -> None:
    answer = _open(service, lane, BROWSER, **sent)
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/json")


def test_a_page_of_an_allowed_origin_may_read_it() -> None:
    with serving(allowed_origins="https://pages.example") as service:
        answer = _open(service, "fast", BROWSER, Origin="https://pages.example")
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://pages.example")
        assert {"Accept", "Origin"} <= set(answer.headers["Vary"].split(", "))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods_do_not_get_the_page(service: Service, lane: str, method: str) -> None:
    assert "html" not in _open(service, lane, BROWSER, method).headers.get("Content-Type", "")


def test_a_query_request_of_sqs_does_not_get_the_page(service: Service, lane: str) -> None:
    headers = {"Accept": BROWSER, "X-SQS-Facade-Lane": lane}
    answer = requests.get(f"{service.url}/?Action=ListQueues&Version=2012-11-05", headers=headers, timeout=10)
    assert answer.headers["Content-Type"] == "text/xml"


def test_the_host_is_escaped_in_the_page(service: Service, lane: str) -> None:
    answer = _open(service, lane, BROWSER, Host='"><script>alert(1)</script>')
    assert "<script" not in answer.text


def test_the_page_shows_the_public_address() -> None:
    with serving(public_url="https://queues.example.org/base") as service:
        answer = requests.get(f"{service.url}/base", headers={"Accept": BROWSER}, timeout=10)
        assert "endpoint_url=&quot;https://queues.example.org/base&quot;" in answer.text
        assert 'href="https://queues.example.org/base/health/ready"' in answer.text
        assert service.url not in answer.text

"""A URL that a page makes a browser open, as an image or a link, changes nothing."""

from __future__ import annotations

import pytest
import requests

from tests.conftest import Service
from tests.sqs.wire import HTTP, Sqs

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
MARKS = [
    {"User-Agent": CHROME},
    {"Accept-Language": "en"},
    {"Referer": "http://127.0.0.1/page"},
    {"Origin": "{url}"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Accept-Language": "*"},
    {"Sec-Fetch-Mode": "cors", "Accept-Language": "*", "User-Agent": CHROME},
    {"Sec-Fetch-Mode": "cors", "Accept-Language": "de"},
    {"Sec-Fetch-Dest": "image"},
    {"Accept": "image/avif,image/webp,*/*;q=0.8"},
    {"Accept": "text/html"},
    {"Accept": "application/xhtml+xml, */*"},
]
#: What programs send: by their name, some headers that are not the defaults of ``requests``.
PROGRAMS = {
    "requests": {},
    "nothing": {"User-Agent": None, "Accept": None, "Accept-Encoding": None, "Connection": None},
    "curl": {"User-Agent": "curl/8.5.0", "Accept": "*/*"},
    "wget": {"User-Agent": "Wget/1.21.4", "Accept": "*/*", "Accept-Encoding": "identity"},
    "boto3": {"User-Agent": "Boto3/1.35.0 md/Botocore#1.35.0 ua/2.0 os/linux#6.1", "Accept": None},
    "Java 8": {"User-Agent": "Java/1.8.0_292", "Accept": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"},
    "Java 21": {"User-Agent": "Java/21.0.2", "Accept": "text/html, image/gif, image/jpeg, */*; q=0.2"},
    "aws-sdk-java": {"User-Agent": "aws-sdk-java/1.12.0 Linux/5.4", "Accept": "application/json"},
    "Node's fetch": {"User-Agent": "node", "Accept": "*/*", "Accept-Language": "*", "Sec-Fetch-Mode": "cors"},
    "Go": {"User-Agent": "Go-http-client/1.1", "Accept": None},
}


def called(sqs: Sqs, path: str, headers: dict[str, str | None], **parameters: str) -> requests.Response:
    shown = {name: value and value.format(url=sqs.url) for name, value in headers.items()}
    marked = {"x-sqs-facade-lane": sqs.lane, **shown}
    return HTTP.get(sqs.url + path, params=parameters, headers=marked, timeout=10)


@pytest.fixture(params=["fast", "flask"])
def query(service: Service, request: pytest.FixtureRequest) -> Sqs:
    return Sqs(service.url, "query", request.param)


@pytest.mark.parametrize("headers", MARKS, ids=str)
def test_a_browser_changes_nothing_by_a_url(query: Sqs, queue_name: str, headers: dict[str, str | None]) -> None:
    queue = query.queue(queue_name)
    path = f"/000000000000/{queue_name}"
    for at, more in (("/", {"QueueUrl": queue}), (path, {})):
        for action in ("DeleteQueue", "PurgeQueue", "SendMessage", "ReceiveMessage"):
            refused = query.failure(called(query, at, headers, Action=action, MessageBody="x", **more))
            assert (refused.code, refused.status) == ("AccessDenied", 403)
    assert query.counts(queue) == ("0", "0", "0")
    for action in ("GetQueueAttributes", "ListQueueTags", "ListQueues"):
        assert called(query, "/", headers, Action=action, QueueUrl=queue).status_code == 200


@pytest.mark.parametrize("headers", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_may_send_by_a_url(query: Sqs, queue_name: str, headers: dict[str, str | None]) -> None:
    queue = query.queue(queue_name)
    assert called(query, "/", headers, Action="SendMessage", QueueUrl=queue, MessageBody="x").status_code == 200
    assert query.counts(queue) == ("1", "0", "0")


def test_a_browser_may_post(query: Sqs, queue_name: str) -> None:
    """Then it sends an Origin, which is checked."""
    queue = query.queue(queue_name)
    form = {"Action": "SendMessage", "QueueUrl": queue, "MessageBody": "x"}
    headers = {"User-Agent": CHROME, "Accept-Language": "en", "Origin": query.url, **query.headers}
    assert HTTP.post(query.url, form, headers=headers, timeout=10).status_code == 200

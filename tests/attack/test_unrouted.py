"""Paths and methods that no rule of the web framework matches."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest

from tests.conftest import Service


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v2/queues/a%0a"),
        ("GET", "/v2/queues/a/subscriptions/b%0a"),
        ("PUT", "/v1.1/queues/%0a"),
        ("GET", "/v2/a%0ab"),
        ("BREW", "/v2/queues/a"),
        ("BREW", "/v1/queues/a/metadata"),
    ],
)
def test_the_response_is_a_document_of_the_dialect(service: Service, method: str, path: str) -> None:
    status, kind, body = _ask(service, method, path)
    assert status in (400, 404, 405)
    assert (kind or "").startswith("application/json")
    assert {"title", "description"} <= json.loads(body).keys()


@pytest.mark.parametrize(("method", "path"), [("POST", "/000000000000/a%0ab"), ("BREW", "/"), ("BREW", "/1/a")])
def test_the_response_of_sqs_has_its_own_form(service: Service, method: str, path: str) -> None:
    status, kind, body = _ask(service, method, path)
    assert 400 <= status < 500
    assert b"<html" not in body
    assert "html" not in (kind or "")


def _ask(service: Service, method: str, path: str) -> tuple[int, str | None, bytes]:
    connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=20)
    try:
        connection.request(
            method, path, headers={"Client-ID": "3381af92-2b9e-11e3-b191-71861300734c", "X-Project-ID": "p"}
        )
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read()
    finally:
        connection.close()

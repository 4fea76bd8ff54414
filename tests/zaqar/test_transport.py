"""Rules of HTTP for responses of Zaqar."""

from __future__ import annotations

import uuid

import pytest
import requests

from tests.conftest import Service

HEADERS = {"Client-ID": str(uuid.uuid4()), "X-Project-Id": "transport"}


@pytest.mark.parametrize("path", ["/", "/v2/nothing", "/v2/queues", "/v2/queues/q/messages"])
def test_head_has_a_content_length_and_no_body(service: Service, path: str) -> None:
    """A length of 0 would mean an empty resource."""
    answer = requests.head(service.url + path, headers=HEADERS, timeout=10)
    assert answer.content == b""
    assert int(answer.headers["Content-Length"]) > 0


@pytest.mark.parametrize("path", ["/", "/v2", "/v2/queues/q", "/v2/queues/q/messages", "/v1/health"])
def test_options_lists_the_methods(service: Service, path: str) -> None:
    answer = requests.options(service.url + path, timeout=10)
    assert answer.status_code == 204
    assert "GET" in answer.headers["Allow"]
    assert "Content-Length" not in answer.headers


def test_a_post_of_many_messages_can_be_read(service: Service) -> None:
    """Python's HTTP client refuses a header of more than 64 KiB: the client could not read the result of its post."""
    many = {"messages": [{"body": 1}] * 5_000}
    answer = requests.post(f"{service.url}/v2/queues/many/messages", json=many, headers=HEADERS, timeout=10)
    assert answer.status_code == 201
    assert len(set(answer.json()["resources"])) == 5_000
    assert answer.headers["Location"] == "/v2/queues/many/messages"


def test_location_names_the_messages(service: Service) -> None:
    posted = {"messages": [{"body": number} for number in range(200)]}
    answer = requests.post(f"{service.url}/v2/queues/fewer/messages", json=posted, headers=HEADERS, timeout=10)
    path, _, ids = answer.headers["Location"].partition("?ids=")
    assert [f"{path}/{text}" for text in ids.split(",")] == answer.json()["resources"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "The body could not be parsed as JSON (line 1, column 2)."),
        (b'{"messages":\n tru}', "The body could not be parsed as JSON (line 2, column 2)."),
        (b'{"messages": "\xff"}', "The body is not UTF-8."),
        (b"[" * 3000, "The body could not be parsed as JSON (line 1, column 1026)."),
    ],
)
def test_a_malformed_body_is_explained_without_the_parsers_words(service: Service, body: bytes, said: str) -> None:
    answer = requests.post(f"{service.url}/v2/queues/q/messages", body, headers=HEADERS, timeout=10)
    assert (answer.status_code, answer.json()["description"]) == (400, said)

"""The queue of a request."""

from __future__ import annotations

from typing import Any

import pytest

from sqs_facade import addresses
from sqs_facade.addresses import Caller
from sqs_facade.errors import SqsError
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.names import QueueRef

SETTINGS = Settings()
HOME = Caller("000000000000", "us-east-1")


def signed(key: str, region: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/sqs/aws4_request, SignedHeaders=host, Signature=0"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:9324/123456789012/q", ("123456789012", "us-east-1", "q")),
        ("https://sqs.eu-west-1.amazonaws.com/123456789012/q", ("123456789012", "eu-west-1", "q")),
        ("https://eu-west-1.queue.amazonaws.com/123456789012/q", ("123456789012", "eu-west-1", "q")),
        ("http://sqs.us-gov-west-1.localhost:9324/123456789012/q", ("123456789012", "us-gov-west-1", "q")),
        ("http://queue.localhost:9324/123456789012/q", ("123456789012", "us-east-1", "q")),
        ("http://localhost:9324/queue/eu-west-1/123456789012/q", ("123456789012", "eu-west-1", "q")),
        ("http://localhost:9324/eu-west-1/123456789012/q", ("123456789012", "eu-west-1", "q")),
        ("http://localhost:9324/queue/q", ("000000000000", "us-east-1", "q")),
        ("http://localhost:9324/queue", ("000000000000", "us-east-1", "queue")),
        ("http://localhost:9324/123456789012/queue", ("123456789012", "us-east-1", "queue")),
        ("http://localhost:9324/123456789012/q/", ("123456789012", "us-east-1", "q")),
        ("/123456789012/q", ("123456789012", "us-east-1", "q")),
        ("q", ("000000000000", "us-east-1", "q")),
        ("q.fifo", ("000000000000", "us-east-1", "q.fifo")),
    ],
)
def test_every_shape_of_queue_url_names_its_queue(url: str, expected: tuple[str, str, str]) -> None:
    assert addresses.queue(url, "/", HOME, SETTINGS) == QueueRef(*expected)


def test_the_path_names_the_queue_where_no_url_is_given() -> None:
    assert addresses.queue(None, "/123456789012/q", HOME, SETTINGS) == QueueRef("123456789012", "us-east-1", "q")
    assert addresses.queue("p", "/123456789012/q", HOME, SETTINGS) == QueueRef("000000000000", "us-east-1", "p")


@pytest.mark.parametrize("path", ["", "/"])
@pytest.mark.parametrize("url", [None, ""])
def test_without_url_and_path_there_is_no_queue(url: str | None, path: str) -> None:
    with pytest.raises(SqsError, match="The specified queue does not exist"):
        addresses.queue(url, path, HOME, SETTINGS)


@pytest.mark.parametrize(
    "url", ["http://[", "http://x", "http://x/", "/1/q", "/a/b/c", "a b", "%2e%2e", "q\n", "ü", "x" * 81, ".fifo", "\0"]
)
def test_any_other_text_is_an_invalid_address(url: str) -> None:
    with pytest.raises(SqsError) as caught:
        addresses.queue(url, "/", HOME, SETTINGS)
    assert caught.value.row.code == "InvalidAddress"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, HOME),
        ({"HTTP_AUTHORIZATION": signed("any", "eu-west-1")}, Caller("000000000000", "eu-west-1")),
        ({"HTTP_AUTHORIZATION": signed("123456789012", "eu-west-1")}, Caller("123456789012", "eu-west-1")),
        ({"HTTP_AUTHORIZATION": "Bearer x"}, HOME),
        ({"HTTP_AUTHORIZATION": "AWS4-HMAC-SHA256 Credential=odd"}, HOME),
        ({"HTTP_HOST": "sqs.ap-south-1.localhost:9324"}, Caller("000000000000", "ap-south-1")),
        (
            {"HTTP_HOST": "sqs.ap-south-1.localhost", "HTTP_AUTHORIZATION": signed("any", "eu-west-1")},
            Caller("000000000000", "ap-south-1"),
        ),
        (
            {"QUERY_STRING": "X-Amz-Credential=123456789012%2F20260101%2Feu-west-1%2Fsqs%2Faws4_request&a=b"},
            Caller("123456789012", "eu-west-1"),
        ),
    ],
)
def test_the_caller_is_known_by_host_and_credential(environ: dict[str, Any], expected: Caller) -> None:
    assert addresses.caller_of(environ, SETTINGS) == expected


LONG_REGION = f"us-{'a' * 70}-1"


def test_a_long_text_is_no_region() -> None:
    """Every region is a namespace: caches of a process would have an entry of this length for each."""
    for environ in ({"HTTP_AUTHORIZATION": signed("any", LONG_REGION)}, {"HTTP_HOST": f"sqs.{LONG_REGION}.localhost"}):
        assert addresses.caller_of(environ, SETTINGS).region == SETTINGS.region
    assert addresses.of_arn(f"arn:aws:sqs:{LONG_REGION}:123456789012:q", SETTINGS) is None
    with pytest.raises(SqsError, match="is not valid for this endpoint"):
        addresses.queue(f"http://localhost/queue/{LONG_REGION}/123456789012/q", "/", HOME, SETTINGS)
    url = f"http://sqs.{LONG_REGION}.localhost/123456789012/q"
    assert addresses.queue(url, "/", HOME, SETTINGS).region == HOME.region


def test_regions_may_be_ignored() -> None:
    settings = Settings(regions="ignore")
    environ = {"HTTP_HOST": "sqs.ap-south-1.localhost", "HTTP_AUTHORIZATION": signed("any", "eu-west-1")}
    assert addresses.caller_of(environ, settings).region == settings.region
    url = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
    assert addresses.queue(url, "/", HOME, settings).region == settings.region


def test_an_arn_reads_back() -> None:
    ref = QueueRef("123456789012", "eu-west-1", "q.fifo")
    assert addresses.arn(ref) == "arn:aws:sqs:eu-west-1:123456789012:q.fifo"
    assert addresses.of_arn(addresses.arn(ref), SETTINGS) == ref
    assert addresses.of_arn(addresses.arn(ref), Settings(regions="ignore")) == QueueRef(
        "123456789012", "us-east-1", "q.fifo"
    )


@pytest.mark.parametrize(
    "text", ["", "arn", "arn:aws:sns:eu-west-1:1:q", "arn:aws:sqs::1:q", "arn:aws:sqs:r:1:a b", "arn:aws:sqs:r:1:q:x"]
)
def test_any_other_text_is_not_an_arn_of_a_queue(text: str) -> None:
    assert addresses.of_arn(text, SETTINGS) is None

"""The URLs of queues, and that each URL names its queue when it comes back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from sqs_facade import addresses, queue_urls
from sqs_facade.addresses import Caller
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.names import QueueRef

WEST = QueueRef("000000000000", "eu-west-1", "q")
SETTINGS = Settings()
PROXY = "https://queues.example.org/api"
FORMS = ("dynamic", "off", "standard", "domain", "path")


def url(host: str, ref: QueueRef = WEST, **settings: Any) -> str:
    return queue_urls.of(ref, Settings(**settings), "http", host)


@pytest.mark.parametrize(
    ("form", "host", "expected"),
    [
        ("dynamic", "localhost:9324", "http://localhost:9324/000000000000/q"),
        ("off", "localhost:9324", "http://localhost:9324/000000000000/q"),
        ("standard", "localhost:9324", "http://sqs.eu-west-1.localhost:9324/000000000000/q"),
        ("domain", "localhost:9324", "http://eu-west-1.queue.localhost:9324/000000000000/q"),
        ("path", "localhost:9324", "http://localhost:9324/queue/eu-west-1/000000000000/q"),
        ("standard", "queues", "http://sqs.eu-west-1.queues/000000000000/q"),
    ],
)
def test_each_form_has_the_region_in_its_own_part(form: Any, host: str, expected: str) -> None:
    assert url(host, queue_url_host=form) == expected


@pytest.mark.parametrize("host", ["sqs.eu-west-1.x:1", "sqs.us-east-1.x:1", "us-east-1.queue.x:1", "SQS.EU-WEST-1.x:1"])
@pytest.mark.parametrize(
    ("form", "expected"),
    [("standard", "http://sqs.eu-west-1.x:1/000000000000/q"), ("domain", "http://eu-west-1.queue.x:1/000000000000/q")],
)
def test_a_called_host_that_names_a_region_is_not_wrapped_again(form: Any, host: str, expected: str) -> None:
    assert url(host, queue_url_host=form) == expected


@pytest.mark.parametrize("form", ["dynamic", "path"])
def test_a_called_host_that_names_another_region_names_the_region_of_the_queue(form: Any) -> None:
    path = "/queue/eu-west-1" if form == "path" else ""
    assert url("sqs.us-east-1.x", queue_url_host=form) == f"http://sqs.eu-west-1.x{path}/000000000000/q"
    assert url("us-east-1.queue.x", queue_url_host=form) == f"http://eu-west-1.queue.x{path}/000000000000/q"


@pytest.mark.parametrize("form", ["standard", "domain"])
@pytest.mark.parametrize("host", ["127.0.0.1:9324", "[::1]:9324", "[2001:db8::1]", "192.0.2.1"])
def test_an_ip_address_stays_as_it_is_because_it_has_no_names_below_it(form: Any, host: str) -> None:
    assert url(host, queue_url_host=form) == f"http://{host}/000000000000/q"


@pytest.mark.parametrize("region", ["RegionOne", "elasticmq", "a b", ""])
def test_a_region_that_no_host_can_name_is_only_in_paths(region: str) -> None:
    ref = QueueRef("000000000000", region, "q")
    assert url("localhost", ref, queue_url_host="standard") == "http://localhost/000000000000/q"
    assert url("sqs.us-east-1.localhost", ref, queue_url_host="domain") == "http://localhost/000000000000/q"
    if region:
        found = url("localhost", ref, queue_url_host="path")
        assert addresses.queue(found, "/", Caller("000000000000", "us-east-1"), SETTINGS) == ref


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("dynamic", "https://queues.example.org/api/000000000000/q"),
        ("standard", "https://sqs.eu-west-1.queues.example.org/api/000000000000/q"),
        ("domain", "https://eu-west-1.queue.queues.example.org/api/000000000000/q"),
        ("path", "https://queues.example.org/api/queue/eu-west-1/000000000000/q"),
    ],
)
@pytest.mark.parametrize("host", ["10.0.0.7:9324", "backend", "sqs.eu-west-1.backend"])
def test_the_public_url_stands_for_scheme_and_host_as_called(form: Any, host: str, expected: str) -> None:
    assert url(host, queue_url_host=form, public_url=PROXY) == expected


def test_a_called_name_of_a_region_below_the_public_host_is_kept() -> None:
    found = url("sqs.eu-west-1.queues.example.org", public_url="https://queues.example.org:8443")
    assert found == "https://sqs.eu-west-1.queues.example.org:8443/000000000000/q"


def test_a_region_in_the_public_url_is_that_of_the_queue() -> None:
    settings: dict[str, Any] = {"public_url": "https://sqs.us-east-1.example.org"}
    assert url("backend", **settings) == "https://sqs.eu-west-1.example.org/000000000000/q"
    assert url("backend", queue_url_host="standard", **settings) == "https://sqs.eu-west-1.example.org/000000000000/q"


HOSTS = (
    "localhost",
    "localhost:9324",
    "[::1]:9324",
    "127.0.0.1",
    "sqs.eu-west-1.x",
    "sqs.us-east-1.x:1",
    "eu-west-1.queue.x",
)


@pytest.mark.parametrize("public_url", [None, "https://q.example.org", PROXY, "https://q.example.org/queue"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("regions", ["separate", "ignore"])
def test_a_returned_url_names_its_queue(form: Any, host: str, public_url: str | None, regions: Any) -> None:
    """As QueueUrl and as the path that is called; the proxy takes the base path away, or not."""
    settings = Settings(queue_url_host=form, public_url=public_url, regions=regions)
    home = QueueRef("000000000000", settings.region, "q")
    ref = home if regions == "ignore" else WEST
    given = queue_urls.of(ref, settings, "http", host)
    parts = urlsplit(given)
    # Where the URL names the region, the client may be in any; else it must be in the queue's.
    elsewhere = "us-west-2" if "eu-west-1" in given else ref.region
    who = Caller("111111111111", elsewhere)
    assert addresses.queue(given, "/", who, settings) == ref
    called = addresses.caller_of({"HTTP_HOST": parts.netloc}, settings)
    if "eu-west-1" in given or regions == "ignore":
        assert addresses.queue(None, parts.path, called, settings) == ref


def test_regions_that_are_ignored_leave_a_called_region_as_it_was() -> None:
    home = QueueRef("000000000000", "us-east-1", "q")
    for form in FORMS:
        found = url("sqs.ap-south-1.x", home, queue_url_host=form, regions="ignore")
        assert "ap-south-1" in urlsplit(found).netloc

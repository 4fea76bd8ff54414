"""Queue URLs that contain their region, as clients use them."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.clients.conftest import ACCOUNT
from tests.clients.driver import Client, Process
from tests.conftest import Service, serving


@pytest.fixture(scope="module", params=["standard", "domain", "path"])
def formed(request: pytest.FixtureRequest) -> Iterator[tuple[str, Service]]:
    """A form and a service whose queue URLs have it."""
    with serving(queue_url_host=request.param) as service:
        yield request.param, service


def expected(form: str, endpoint: str, region: str, name: str) -> str:
    """The URL of a queue for a client that calls this endpoint."""
    address = urlsplit(endpoint).netloc
    return {
        "standard": f"http://sqs.{region}.{address}/{ACCOUNT}/{name}",
        "domain": f"http://{region}.queue.{address}/{ACCOUNT}/{name}",
        "path": f"http://{address}/queue/{region}/{ACCOUNT}/{name}",
    }[form]


@pytest.fixture
def far(client_process: tuple[str, Process], formed: tuple[str, Service]) -> Client:
    """A client of eu-west-1 that calls the service as localhost."""
    kind, process = client_process
    endpoint = formed[1].url.replace("127.0.0.1", "localhost")
    return Client(kind, process, endpoint, region="eu-west-1")


def test_two_regions_queues_of_one_name_have_urls_of_their_own(
    far: Client, formed: tuple[str, Service], queue_name: str
) -> None:
    """Each is used by a client of the other region."""
    near = far.to(region="us-east-1")
    urls = {"eu-west-1": far.queue(queue_name), "us-east-1": near.queue(queue_name)}
    assert urls == {region: expected(formed[0], far.endpoint, region, queue_name) for region in urls}
    near.send(urls["eu-west-1"], "x")
    assert (far.counts(urls["us-east-1"]), far.counts(urls["eu-west-1"])) == ((0, 0, 0), (1, 0, 0))
    [found] = near.receive(urls["eu-west-1"])
    far.call("DeleteMessage", QueueUrl=urls["eu-west-1"], ReceiptHandle=found["ReceiptHandle"])


def test_the_url_is_an_endpoint(far: Client, queue_name: str) -> None:
    url = far.queue(queue_name)
    of_queue = far.to(endpoint=url, region="us-east-1")
    of_queue.send(url, "x")
    assert [one["Body"] for one in of_queue.receive(url)] == ["x"]


def test_a_called_host_that_names_a_region_is_not_wrapped_again(
    far: Client, formed: tuple[str, Service], queue_name: str
) -> None:
    called = far.to(endpoint=far.endpoint.replace("localhost", "sqs.eu-west-1.localhost"), region="us-east-1")
    url = called.queue(queue_name)
    assert url == expected(formed[0], called.endpoint if formed[0] == "path" else far.endpoint, "eu-west-1", queue_name)
    assert called.attributes(url, "QueueArn") == {"QueueArn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{queue_name}"}

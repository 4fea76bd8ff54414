"""Settings of queue URLs: the place of the region, and the public URL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.conftest import CALLED_HOSTS, Service, serving
from tests.sqs.wire import HTTP, Sqs, signed

ACCOUNT = "000000000000"
FORMS = {
    "standard": "http://sqs.eu-west-1.queues:9324/000000000000/{}",
    "domain": "http://eu-west-1.queue.queues:9324/000000000000/{}",
    "path": "http://queues:9324/queue/eu-west-1/000000000000/{}",
}
HOST = "queues:9324"
WEST, ELSEWHERE = signed("any", "eu-west-1"), signed("any", "us-west-2")
PUBLIC = "https://queues.example.org/queues-api"


@pytest.fixture(params=[(protocol, lane) for lane in ("fast", "flask") for protocol in ("json", "query")], ids="-".join)
def way(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Protocol and lane."""
    found: tuple[str, str] = request.param
    return found


@pytest.fixture(scope="module", params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def formed_service(form: str, store_settings: dict[str, str]) -> Iterator[Service]:
    """A service whose queue URLs have this form."""
    with serving(queue_url_host=form, allowed_hosts=CALLED_HOSTS, **store_settings) as service:
        yield service


@pytest.fixture
def formed(formed_service: Service, way: tuple[str, str]) -> Sqs:
    return Sqs(formed_service.url, *way)


def test_every_operation_returns_the_same_url(formed: Sqs, form: str, queue_name: str) -> None:
    url = FORMS[form].format(queue_name)
    west = {"host": HOST, "authorization": WEST}
    assert formed.call("CreateQueue", QueueName=queue_name, **west) == {"QueueUrl": url}
    assert formed.call("GetQueueUrl", QueueName=queue_name, **west) == {"QueueUrl": url}
    assert formed.call("ListQueues", QueueNamePrefix=queue_name, **west) == {"QueueUrls": [url]}
    policy = {"deadLetterTargetArn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{queue_name}", "maxReceiveCount": 1}
    formed.call("CreateQueue", QueueName=f"{queue_name}-s", Attributes={"RedrivePolicy": json.dumps(policy)}, **west)
    sources = formed.call("ListDeadLetterSourceQueues", QueueUrl=url, host=HOST, authorization=ELSEWHERE)
    assert sources == {"queueUrls": [FORMS[form].format(f"{queue_name}-s")]}


def test_sources_in_another_region_than_the_called_host_names_have_urls_of_their_region(
    sqs: Sqs, queue_name: str
) -> None:
    there = {"host": "sqs.eu-west-1.queues", "authorization": WEST}
    url = sqs.call("CreateQueue", QueueName=queue_name, **there)["QueueUrl"]
    policy = {"deadLetterTargetArn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{queue_name}", "maxReceiveCount": 1}
    sqs.call("CreateQueue", QueueName=f"{queue_name}-s", Attributes={"RedrivePolicy": json.dumps(policy)}, **there)
    found = sqs.call("ListDeadLetterSourceQueues", QueueUrl=url, host="sqs.us-east-1.queues")
    assert found == {"queueUrls": [f"http://sqs.eu-west-1.queues/{ACCOUNT}/{queue_name}-s"]}


def test_a_returned_url_works_from_another_region(formed: Sqs, queue_name: str) -> None:
    """As QueueUrl, and as the address that is called."""
    url = formed.call("CreateQueue", QueueName=queue_name, host=HOST, authorization=WEST)["QueueUrl"]
    parts = urlsplit(url)
    formed.call("CreateQueue", QueueName=queue_name, host=HOST, authorization=ELSEWHERE)
    formed.send(url, "as QueueUrl", authorization=ELSEWHERE)
    formed.call("SendMessage", path=parts.path, host=parts.netloc, authorization=ELSEWHERE, MessageBody="as address")
    received = formed.receive(url, authorization=ELSEWHERE, MaxNumberOfMessages=10, VisibilityTimeout=0)
    assert {one["Body"] for one in received} == {"as QueueUrl", "as address"}
    looked_at = HTTP.get(
        f"{formed.url}/_aws/sqs/messages", params={"QueueUrl": url}, headers={"Accept": "application/json"}, timeout=10
    )
    assert len(looked_at.json()["ReceiveMessageResponse"]["ReceiveMessageResult"]["Message"]) == 2


def test_terraform_takes_the_forms_that_name_the_region_in_the_host(formed: Sqs, form: str, queue_name: str) -> None:
    """It needs exactly an account and a name in the path; so its users cannot have the form ``path``."""
    url = formed.call("CreateQueue", QueueName=queue_name, host=HOST)["QueueUrl"]
    assert (len(urlsplit(url).path.strip("/").split("/")) == 2) is (form != "path")


@pytest.fixture(scope="module")
def public_service(store_settings: dict[str, str]) -> Iterator[Service]:
    """A service behind a proxy that ends TLS and serves it below a base path."""
    with serving(public_url=PUBLIC, **store_settings) as service:
        yield service


@pytest.fixture
def public(public_service: Service, way: tuple[str, str]) -> Sqs:
    return Sqs(public_service.url, *way)


@pytest.mark.parametrize("root", ["/", "/queues-api", "/queues-api/"])
def test_queue_urls_begin_with_the_public_url(public: Sqs, queue_name: str, root: str) -> None:
    """The proxy may remove the base path or not."""
    url = f"{PUBLIC}/{ACCOUNT}/{queue_name}"
    assert public.call("CreateQueue", path=root, QueueName=queue_name) == {"QueueUrl": url}
    assert public.call("GetQueueUrl", path=root, QueueName=queue_name) == {"QueueUrl": url}
    assert public.call("ListQueues", path=root, QueueNamePrefix=queue_name) == {"QueueUrls": [url]}


@pytest.mark.parametrize("base", ["", "/queues-api"])
def test_a_public_queue_url_names_its_queue(public: Sqs, queue_name: str, base: str) -> None:
    url = public.queue(queue_name)
    public.send(url, "as QueueUrl", path=f"{base}/")
    public.call("SendMessage", path=f"{base}/{ACCOUNT}/{queue_name}", MessageBody="as address")
    public.send(f"http://10.0.0.7:9324/{ACCOUNT}/{queue_name}", "without the base path")
    received = public.receive(url, MaxNumberOfMessages=10)
    assert {one["Body"] for one in received} == {"as QueueUrl", "as address", "without the base path"}


def test_the_rest_of_the_service_is_below_the_base_path_too(public: Sqs, queue_name: str) -> None:
    url = public.queue(queue_name)
    public.send(url, "x")
    base = f"{public.url}/queues-api"
    headers = {"Client-ID": "3381af92-2b9e-11e3-b191-71861300734c", "X-Project-Id": ACCOUNT}
    stats = HTTP.get(f"{base}/v2/queues/{queue_name}/stats", headers=headers, timeout=10)
    assert stats.json()["messages"]["total"] == 1
    looked_at = HTTP.get(f"{base}/_aws/sqs/messages", params={"QueueUrl": url}, timeout=10)
    assert "<Body>x</Body>" in looked_at.text
    assert HTTP.get(f"{base}/health/ready", timeout=10).json() == {"status": "ready"}
    assert HTTP.get(f"{public.url}/queues-apis/v2", headers=headers, timeout=10).status_code == 404

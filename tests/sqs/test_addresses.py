"""Hosts, accounts and paths: the queue of a request, and the URL that is returned."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.sqs.wire import Failure, Sqs, signed

NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"
OTHER = signed("111111111111")


@pytest.mark.parametrize("host", ["sqs.eu-west-1.localhost:9324", "sqs.eu-west-1.amazonaws.com", "eu-west-1.queue.x:1"])
def test_a_called_host_that_contains_a_region_is_kept(sqs: Sqs, queue_name: str, host: str) -> None:
    url = sqs.call("CreateQueue", host=host, QueueName=queue_name)["QueueUrl"]
    assert url == f"http://{host}/000000000000/{queue_name}"
    assert sqs.call("GetQueueUrl", host=host, QueueName=queue_name) == {"QueueUrl": url}
    assert sqs.call("ListQueues", host=host, QueueNamePrefix=queue_name) == {"QueueUrls": [url]}
    arn = sqs.attributes(url, "QueueArn")["QueueArn"]
    assert arn == f"arn:aws:sqs:eu-west-1:000000000000:{queue_name}"


def test_regions_hold_queues_of_one_name_apart(sqs: Sqs, queue: str, queue_name: str) -> None:
    """The URL's region wins, then the called host's, then that of the credential's scope."""
    scope = signed("any", "eu-west-1")
    far = sqs.call("CreateQueue", host="sqs.eu-west-1.localhost", QueueName=queue_name)["QueueUrl"]
    sqs.send(far, "far")
    assert sqs.receive(queue) == []
    [found] = sqs.receive(queue, authorization=scope, VisibilityTimeout=0)
    assert found["Body"] == "far"
    [found] = sqs.receive(queue_name, host="sqs.eu-west-1.localhost", VisibilityTimeout=0)
    assert found["Body"] == "far"
    [found] = sqs.receive(far, authorization=signed("any", "us-east-1"))
    assert found["Body"] == "far"


@pytest.mark.parametrize(
    "shape",
    [
        "{name}",
        "{url}",
        "{url}/",
        "/queue/{name}",
        "http://localhost:4566/queue/{name}",
        "http://localhost:4566/queue/us-east-1/000000000000/{name}",
        "http://localhost:4566/000000000000/{name}",
        "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/{name}",
        "http://us-east-1.queue.localhost.localstack.cloud:4566/000000000000/{name}",
        "https://sqs.us-east-1.amazonaws.com/000000000000/{name}",
        "https://queue.amazonaws.com/000000000000/{name}",
    ],
)
def test_every_shape_of_queue_url_is_accepted(sqs: Sqs, queue: str, queue_name: str, shape: str) -> None:
    sqs.send(shape.format(url=queue, name=queue_name), "found")
    assert [one["Body"] for one in sqs.receive(queue)] == ["found"]


def test_an_access_key_of_twelve_digits_is_the_account(sqs: Sqs, queue_name: str) -> None:
    url = sqs.call("CreateQueue", authorization=OTHER, QueueName=queue_name)["QueueUrl"]
    assert url == f"{sqs.url}/111111111111/{queue_name}"
    assert sqs.error("GetQueueUrl", QueueName=queue_name).code == NO_QUEUE
    assert sqs.call("ListQueues", QueueNamePrefix=queue_name) == {}
    listed = sqs.call("ListQueues", authorization=OTHER, QueueNamePrefix=queue_name)
    assert listed == {"QueueUrls": [url]}


def test_a_queue_of_another_account_can_be_found_and_used(sqs: Sqs, queue_name: str) -> None:
    url = sqs.call("CreateQueue", authorization=OTHER, QueueName=queue_name)["QueueUrl"]
    owner = {"QueueOwnerAWSAccountId": "111111111111"}
    assert sqs.call("GetQueueUrl", QueueName=queue_name, **owner) == {"QueueUrl": url}
    sqs.send(url, "from another account")
    [found] = sqs.receive(url)
    sqs.call("DeleteMessage", QueueUrl=url, ReceiptHandle=found["ReceiptHandle"])
    assert sqs.counts(url) == ("0", "0", "0")


@pytest.mark.parametrize("owner", ["222222222222", "x", "1" * 13, "../111111111111", "\u0661" * 12])
def test_a_queue_is_not_found_under_another_owner(sqs: Sqs, queue: str, queue_name: str, owner: str) -> None:
    error = sqs.error("GetQueueUrl", QueueName=queue_name, QueueOwnerAWSAccountId=owner)
    assert (error.code, error.status) == (NO_QUEUE, 400)


@pytest.mark.parametrize("operation", ["CreateQueue", "ListQueues"])
def test_a_queues_own_path_is_an_endpoint_for_json_only(sqs: Sqs, queue: str, queue_name: str, operation: str) -> None:
    """A JSON client whose endpoint is a queue URL sends everything there; the query protocol refuses, as recorded."""
    path = urlsplit(queue).path
    members = {"CreateQueue": {"QueueName": f"{queue_name}-2"}, "ListQueues": {"QueueNamePrefix": queue_name}}[
        operation
    ]
    if sqs.protocol == "json":
        assert queue_name in str(sqs.call(operation, path=path, **members))
    else:
        assert sqs.error(operation, path=path, **members) == Failure(
            "InvalidAction", 400, f"The action {operation} is not valid for this endpoint."
        )


def test_the_url_of_another_queue_is_found_on_the_path_of_a_queue(sqs: Sqs, queue: str, queue_name: str) -> None:
    other = sqs.queue(f"{queue_name}-2")
    found = sqs.call("GetQueueUrl", path=urlsplit(queue).path, QueueName=f"{queue_name}-2")
    assert found == {"QueueUrl": other}


@pytest.mark.parametrize("members", [{}, {"QueueName": ""}])
def test_get_queue_url_needs_a_name(sqs: Sqs, members: dict[str, str]) -> None:
    assert sqs.error("GetQueueUrl", **members) == Failure(
        "InvalidParameterValue", 400, "Value for parameter QueueName is invalid. Reason: Must specify a queue name."
    )

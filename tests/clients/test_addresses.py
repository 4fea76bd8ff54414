"""Queue URLs, accounts and regions, in every form that clients send."""

from __future__ import annotations

import pytest

from tests.clients.driver import Client

ACCOUNT = "000000000000"
#: Clients that send to the host of each QueueUrl, whatever their endpoint is.
FOLLOWS_QUEUE_URL = ("js2", "js2-query")


def port(client: Client) -> str:
    return client.endpoint.rsplit(":", 1)[1]


@pytest.mark.parametrize(
    "shape",
    [
        "{endpoint}/{account}/{name}",
        "{endpoint}/{account}/{name}/",
        "{endpoint}/queue/{name}",
        "{endpoint}/queue/us-east-1/{account}/{name}",
        "http://sqs.us-east-1.localhost.localstack.cloud:{port}/{account}/{name}",
        "http://us-east-1.queue.localhost.localstack.cloud:{port}/{account}/{name}",
        "http://elsewhere.test:{port}/{account}/{name}",
    ],
)
def test_every_known_shape_names_the_queue(client: Client, queue: str, queue_name: str, shape: str) -> None:
    url = shape.format(endpoint=client.endpoint, port=port(client), account=ACCOUNT, name=queue_name)
    client.send(url, "x")
    [found] = client.receive(url)
    client.call("DeleteMessage", QueueUrl=url, ReceiptHandle=found["ReceiptHandle"])
    assert client.counts(queue) == (0, 0, 0)


@pytest.mark.parametrize("shape", ["{name}", "https://sqs.us-east-1.amazonaws.com/{account}/{name}"])
def test_the_host_of_a_queue_url_does_not_matter(client: Client, queue: str, queue_name: str, shape: str) -> None:
    if client.kind in FOLLOWS_QUEUE_URL:
        pytest.skip("SDK 2 sends to the host of the QueueUrl, not to its endpoint")
    url = shape.format(account=ACCOUNT, name=queue_name)
    client.send(url, "x")
    assert [found["Body"] for found in client.receive(queue)] == ["x"]


def test_a_client_whose_endpoint_is_the_queue_url_sends_and_receives(client: Client, queue: str) -> None:
    of_queue = client.to(endpoint=queue)
    of_queue.send(queue, "x\r")
    [found] = of_queue.receive(queue)
    of_queue.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=found["ReceiptHandle"])
    assert found["Body"] == "x\r"
    assert of_queue.counts(queue) == (0, 0, 0)


def test_a_queue_url_overrides_the_path_of_the_endpoint(client: Client, queue: str, queue_name: str) -> None:
    other = client.queue(f"{queue_name}-other")
    client.to(endpoint=queue).send(other, "x")
    assert (client.counts(queue), client.counts(other)) == ((0, 0, 0), (1, 0, 0))


def test_returned_urls_have_the_called_host(client: Client, queue: str, queue_name: str) -> None:
    for host in ("localhost", "elsewhere.test", "sqs.us-east-1.localhost"):
        called = client.to(endpoint=f"http://{host}:{port(client)}")
        url = f"{called.endpoint}/{ACCOUNT}/{queue_name}"
        assert called.call("GetQueueUrl", QueueName=queue_name) == {"QueueUrl": url}
        assert called.call("ListQueues", QueueNamePrefix=queue_name) == {"QueueUrls": [url]}


def test_the_host_names_the_region(client: Client, queue_name: str) -> None:
    """The region of the host overrides that of the signature."""
    west = client.to(endpoint=f"http://sqs.us-west-2.localhost:{port(client)}")
    url = west.queue(queue_name)
    assert url == f"{west.endpoint}/{ACCOUNT}/{queue_name}"
    assert west.attributes(url, "QueueArn") == {"QueueArn": f"arn:aws:sqs:us-west-2:{ACCOUNT}:{queue_name}"}
    client.must_refuse("QueueDoesNotExist", "GetQueueUrl", QueueName=queue_name)
    assert client.to(region="us-west-2").call("GetQueueUrl", QueueName=queue_name)["QueueUrl"].endswith(queue_name)


def test_the_signature_names_the_region(client: Client, queue: str, queue_name: str) -> None:
    """Two regions hold queues of one name apart."""
    east, ireland = client, client.to(region="eu-west-1")
    ireland.must_refuse("QueueDoesNotExist", "GetQueueUrl", QueueName=queue_name)
    there = ireland.queue(queue_name, DelaySeconds="5")
    assert ireland.attributes(there, "QueueArn", "DelaySeconds") == {
        "QueueArn": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{queue_name}",
        "DelaySeconds": "5",
    }
    assert east.attributes(queue, "DelaySeconds") == {"DelaySeconds": "0"}


def test_a_twelve_digit_access_key_is_an_account(client: Client, queue: str, queue_name: str) -> None:
    other = client.to(key="111122223333")
    other.must_refuse("QueueDoesNotExist", "GetQueueUrl", QueueName=queue_name)
    theirs = other.queue(queue_name)
    assert theirs == f"{client.endpoint}/111122223333/{queue_name}"
    assert other.attributes(theirs, "QueueArn") == {"QueueArn": f"arn:aws:sqs:us-east-1:111122223333:{queue_name}"}
    assert other.call("ListQueues", QueueNamePrefix=queue_name) == {"QueueUrls": [theirs]}
    assert client.call("ListQueues", QueueNamePrefix=queue_name) == {"QueueUrls": [queue]}


def test_another_accounts_queue_is_found_by_its_owner(client: Client, queue: str, queue_name: str) -> None:
    other = client.to(key="111122223333")
    found = other.call("GetQueueUrl", QueueName=queue_name, QueueOwnerAWSAccountId=ACCOUNT)
    assert found == {"QueueUrl": queue}
    other.send(queue, "x")
    [message] = client.receive(queue, AttributeNames=["SenderId"])
    assert message["Attributes"] == {"SenderId": "111122223333"}


def test_an_address_that_names_no_queue_is_refused(client: Client) -> None:
    client.must_refuse("InvalidAddress", "SendMessage", QueueUrl=f"{client.endpoint}/a/b/c/d", MessageBody="x")


@pytest.mark.parametrize("client_process", ["js3"], indirect=True)
def test_without_an_endpoint_sdk_3_follows_the_queue_url(client: Client, queue: str) -> None:
    """Its endpoint is then the host of the QueueUrl."""
    bare = client.to(endpoint="")
    bare.send(queue, "x")
    assert [found["Body"] for found in bare.receive(queue)] == ["x"]

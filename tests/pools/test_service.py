"""The service with pools over HTTP: both dialects, several processes, python-zaqarclient."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from zaqarclient.transport import errors as zaqar_errors

from tests.conftest import Service, serving
from tests.interop.conftest import sqs_of, zaqar_of
from tests.patience import PATIENCE_SECONDS, until
from tests.pools.conftest import Server
from zaqar_core.store.rechecks import RECHECK_SECONDS

pytestmark = pytest.mark.slow

PROJECT = "000000000000"


@pytest.fixture
def two_services(main: Server) -> Iterator[list[Service]]:
    settings = {
        "redis": main.url, "durability": "memory", "pooling": "true", "admin_mode": "true",
        "test_hooks": "true",
    }  # fmt: skip
    with serving(**settings) as one, serving(**settings) as two:
        yield [one, two]


def quick_sqs(service: Service) -> Any:
    """A boto3 client without retries."""
    return sqs_of(service, config=Config(retries={"max_attempts": 0, "mode": "standard"}, read_timeout=20))


@pytest.fixture
def with_pools(two_services: list[Service], servers: list[Server]) -> list[Service]:
    client = zaqar_of(two_services[0])
    for name, server in (("a", servers[1]), ("b", servers[2])):
        client.pool(name, uri=server.url, weight=10)
        client.flavor(f"in-{name}", pool_list=[name])
    client.pool("c", uri=f"{servers[1].url}?db=1", weight=10)
    return two_services


def made_in(service: Service, pool: str, name: str) -> None:
    """A queue in that pool, which both dialects see."""
    request = urllib.request.Request(
        f"{service.url}/v2/queues/{name}",
        json.dumps({"_flavor": f"in-{pool}"}).encode(),
        {"Client-ID": str(uuid.uuid4()), "X-Project-Id": PROJECT, "Content-Type": "application/json"},
        method="PUT",
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201


def test_a_client_of_v2_manages_pools_and_flavors(two_services: list[Service], servers: list[Server]) -> None:
    client = zaqar_of(two_services[0])
    pool = client.pool("one", uri=servers[1].url, weight=10, options={"a": 1})
    assert pool.get()["weight"] == 10
    pool.update({"weight": 20})
    assert pool.get()["weight"] == 20
    flavor = client.flavor("fine", pool_list=["one"])
    assert flavor.get()["pool_list"] == ["one"]
    client.pool("two", uri=servers[2].url, weight=10)
    flavor.update({"pool_list": ["two"]})
    assert [found.name for found in client.flavors()] == ["fine"]
    assert [(found.name, found.weight) for found in client.pools()] == [("one", 20), ("two", 10)]
    flavor.delete()
    pool.delete()
    with pytest.raises(zaqar_errors.ResourceNotFound):
        pool.get()
    with pytest.raises(zaqar_errors.MalformedRequest):
        client.pool("three", uri="redis://127.0.0.1:1", weight=1)


def test_one_dialect_drains_a_queue_of_the_other_through_another_process(
    with_pools: list[Service], servers: list[Server]
) -> None:
    one, two = with_pools
    made_in(one, "b", "jobs")
    sqs = quick_sqs(two)
    url = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    zaqar_of(one).queue("jobs", auto_create=False).post([{"body": "hello", "ttl": 100}])
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert message["Body"] == "hello"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    sqs.send_message(QueueUrl=url, MessageBody="back")
    assert [one.body for one in zaqar_of(one).queue("jobs", auto_create=False).claim(ttl=100, grace=100)] == ["back"]
    assert "jobs" in servers[2].queues()


def test_queues_created_by_sqs_are_spread(with_pools: list[Service], servers: list[Server]) -> None:
    sqs = quick_sqs(with_pools[0])
    for number in range(4):
        sqs.create_queue(QueueName=f"q{number}")
    assert not servers[0].queues()
    with servers[1].client() as client:
        client.select(1)
        assert len(list(client.scan_iter("sf1:{*:0}"))) >= 4
    assert len(sqs.list_queues()["QueueUrls"]) == 4


def test_sqs_moves_dead_letters_between_pools(with_pools: list[Service]) -> None:
    one, two = with_pools
    made_in(one, "a", "work")
    made_in(one, "b", "dead")
    sqs = quick_sqs(one)
    work, dead = (sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("work", "dead"))
    arn = "arn:aws:sqs:us-east-1:000000000000:dead"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=work, Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})
    sqs.send_message(QueueUrl=work, MessageBody="1")
    assert sqs.receive_message(QueueUrl=work)["Messages"]
    assert not sqs.receive_message(QueueUrl=work).get("Messages")
    other = quick_sqs(two)
    assert other.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [work.replace(one.url, two.url)]
    sqs.set_queue_attributes(QueueUrl=work, Attributes={"VisibilityTimeout": "30"})
    other.start_message_move_task(SourceArn=arn)
    until(
        lambda: other.list_message_move_tasks(SourceArn=arn)["Results"][0]["Status"] == "COMPLETED", "the task is done"
    )
    [message] = sqs.receive_message(QueueUrl=work)["Messages"]
    assert message["Body"] == "1"


def test_a_poll_at_one_process_is_woken_by_a_send_at_another(with_pools: list[Service]) -> None:
    one, two = with_pools
    made_in(one, "a", "polled")
    polling, sending = quick_sqs(one), quick_sqs(two)
    url = polling.get_queue_url(QueueName="polled")["QueueUrl"]
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(polling.receive_message, QueueUrl=url, WaitTimeSeconds=15)
        until(lambda: _waiting(two) == 1, "the poll waits")
        sending.send_message(QueueUrl=url, MessageBody="1")
        assert [one["Body"] for one in waiting.result(timeout=RECHECK_SECONDS[0])["Messages"]] == ["1"]


def _waiting(service: Service) -> int:
    with urllib.request.urlopen(f"{service.url}/_test/waiting?account={PROJECT}") as answer:
        return int(json.load(answer)["waiting"])


def test_a_process_finds_a_queue_that_another_created_again_elsewhere(with_pools: list[Service]) -> None:
    one, two = with_pools
    made_in(one, "a", "moved")
    sqs = quick_sqs(two)
    url = sqs.get_queue_url(QueueName="moved")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="old")
    zaqar_of(one).queue("moved", auto_create=False).delete()
    made_in(one, "b", "moved")
    sqs.send_message(QueueUrl=url, MessageBody="new")
    [message] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert message["Body"] == "new"


def test_a_killed_pool_is_an_error_of_each_dialect(with_pools: list[Service], servers: list[Server]) -> None:
    one, two = with_pools
    made_in(one, "a", "fine")
    made_in(one, "b", "lost")
    servers[2].kill()
    sqs = quick_sqs(two)
    with pytest.raises(ClientError) as refused:
        sqs.send_message(QueueUrl=f"{two.url}/{PROJECT}/lost", MessageBody="1")
    assert refused.value.response["Error"]["Code"] == "ServiceUnavailable"
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(
            urllib.request.Request(
                f"{one.url}/v2/queues/lost/stats", headers={"Client-ID": str(uuid.uuid4()), "X-Project-Id": PROJECT}
            )
        )
    assert answer.value.code == 503
    answer.value.close()
    sqs.send_message(QueueUrl=f"{two.url}/{PROJECT}/fine", MessageBody="1")
    assert {url.rsplit("/", 1)[1] for url in sqs.list_queues()["QueueUrls"]} == {"fine", "lost"}


def test_a_reset_by_tests_empties_the_pools(with_pools: list[Service], servers: list[Server]) -> None:
    for pool in ("a", "b"):
        made_in(with_pools[0], pool, f"q-{pool}")
    request = urllib.request.Request(f"{with_pools[1].url}/_test/reset", b"{}", method="POST")
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer) == {"deleted_queues": 2}
    assert not any(server.queues() for server in servers)


def test_a_pool_that_hangs_does_not_block_the_event_loop(with_pools: list[Service], servers: list[Server]) -> None:
    """Twenty requests wait for it in the only worker, which answers the others meanwhile."""
    one, _ = with_pools
    made_in(one, "a", "hanging")
    made_in(one, "b", "healthy")
    sqs = quick_sqs(one)
    urls = {name: sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("hanging", "healthy")}
    sqs.send_message(QueueUrl=urls["hanging"], MessageBody="before")
    process = servers[1].process
    os.kill(process.pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(20) as threads:
            lost = [threads.submit(_fails, one, urls["hanging"]) for _ in range(20)]
            assert sqs.send_message(QueueUrl=urls["healthy"], MessageBody="1")["MessageId"]
            assert not any(one.done() for one in lost)
            assert all(one.result(timeout=PATIENCE_SECONDS) for one in lost)
    finally:
        os.kill(process.pid, signal.SIGCONT)


def _fails(service: Service, url: str) -> bool:
    try:
        quick_sqs(service).send_message(QueueUrl=url, MessageBody="during")
    except ClientError as error:
        return bool(error.response["Error"]["Code"] == "ServiceUnavailable")
    return False


def test_a_new_pool_that_does_not_respond_does_not_block_the_event_loop(two_services: list[Service]) -> None:
    one, _ = two_services
    sqs = quick_sqs(one)
    with socket.create_server(("127.0.0.1", 0)) as deaf, ThreadPoolExecutor(1) as threads:
        uri = f"redis://127.0.0.1:{deaf.getsockname()[1]}"
        putting = threads.submit(zaqar_of(one).pool, "deaf", uri=uri, weight=1)
        deaf.settimeout(PATIENCE_SECONDS)
        connection, _ = deaf.accept()
        with connection:
            assert "QueueUrl" in sqs.create_queue(QueueName="meanwhile")
            assert not putting.done()
        with pytest.raises(zaqar_errors.TransportError):
            putting.result(timeout=PATIENCE_SECONDS)

"""One service on several ports."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
import requests

from tests.patience import PATIENCE_SECONDS
from tests.serving.conftest import Serve

Start = Callable[..., Serve]


def test_every_port_serves_the_same_queues_and_stands_in_its_queue_urls(serve: Start, free_port: int) -> None:
    service = serve("--ephemeral", "--also-port", free_port, "--also-port", 0).wait_ready()
    line = service.output.read_text().splitlines()[0]
    urls = line.removeprefix("sqs-facade is ready: ").split(" and ")
    assert len(set(urls)) == 3
    assert urls[:2] == [service.url, f"http://127.0.0.1:{free_port}"]
    for url in urls:
        client = boto3.client(
            "sqs", endpoint_url=url, region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any"
        )
        assert client.create_queue(QueueName="shared")["QueueUrl"] == f"{url}/000000000000/shared"


def test_a_port_in_use_is_one_line(serve: Start, data: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        line = serve("--data-dir", data, "--also-port", port).refused()
    assert f"cannot listen on 127.0.0.1:{port}: the port is in use" in line
    assert not data.exists()


def test_one_port_twice_is_refused(serve: Start, free_port: int) -> None:
    line = serve("--ephemeral", "--port", free_port, "--also-port", free_port).refused()
    assert "flag --also-port must be different ports, other than port" in line


@pytest.mark.slow
def test_a_killed_service_leaves_no_port_to_the_next(serve: Start, free_port: int) -> None:
    flags = ("--ephemeral", "--also-port", free_port)
    serve(*flags).wait_ready().kill()
    service = serve(*flags).wait_ready()
    answer = requests.get(f"http://127.0.0.1:{free_port}/health", timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200
    service.stop()

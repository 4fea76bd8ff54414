"""Real clients of both dialects on the one service."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from zaqarclient.queues import client as zaqar_client

from tests.conftest import Service

ACCOUNT = "000000000000"


@pytest.fixture
def sqs(service: Service) -> Any:
    """boto3 with nothing but an endpoint and dummy credentials."""
    return boto3.client(
        "sqs",
        endpoint_url=service.url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )


@pytest.fixture
def queue_url(sqs: Any, queue_name: str) -> str:
    return str(sqs.create_queue(QueueName=queue_name)["QueueUrl"])


@pytest.fixture
def zaqar(service: Service) -> Any:
    """python-zaqarclient, project = the default account."""
    conf = {"auth_opts": {"backend": "noauth", "options": {"os_project_id": ACCOUNT}}}
    return zaqar_client.Client(service.url, version=2, conf=conf)


@pytest.fixture
def zaqar_queue(zaqar: Any, queue_name: str) -> Any:
    return zaqar.queue(queue_name)

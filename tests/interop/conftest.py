"""Real clients of both dialects on the one service."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from zaqarclient.queues import client as zaqar_client

from tests.conftest import Service

ACCOUNT = "000000000000"


def sqs_of(service: Service, key_id: str = "any", **more: Any) -> Any:
    """boto3 with nothing but an endpoint and dummy credentials."""
    return boto3.client(
        "sqs",
        endpoint_url=service.url,
        region_name="us-east-1",
        aws_access_key_id=key_id,
        aws_secret_access_key="any",
        **more,
    )


def zaqar_of(service: Service, version: float = 2) -> Any:
    """python-zaqarclient, project = the default account."""
    conf = {"auth_opts": {"backend": "noauth", "options": {"os_project_id": ACCOUNT}}}
    return zaqar_client.Client(service.url, version=version, conf=conf)


@pytest.fixture
def sqs(service: Service) -> Any:
    return sqs_of(service)


@pytest.fixture
def queue_url(sqs: Any, queue_name: str) -> str:
    return str(sqs.create_queue(QueueName=queue_name)["QueueUrl"])


@pytest.fixture
def zaqar(service: Service) -> Any:
    return zaqar_of(service)


@pytest.fixture
def zaqar_queue(zaqar: Any, queue_name: str) -> Any:
    return zaqar.queue(queue_name)

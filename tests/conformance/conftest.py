"""A service for the published tests."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.conftest import serving
from tests.private_valkey import private_valkey


@dataclass(frozen=True)
class Pooled:
    """A service with pools, and the deployment for them: ``pool_url`` without a database."""

    url: str
    pool_url: str


@contextmanager
def pooled_service() -> Iterator[Pooled]:
    """As durable as Zaqar's tests expect, and with as many databases as they register pools."""
    durable = ("--appendonly", "yes", "--appendfsync", "always", "--databases", "2048")
    key = f"one:{b64encode(bytes(32)).decode()}"
    with private_valkey(*durable) as server:
        settings = {"redis": f"{server.url}?db=2047", "encryption_keys": key}
        with serving(pooling="true", admin_mode="true", **settings) as service:
            yield Pooled(service.url, server.url)


@pytest.fixture(scope="module")
def signing_service() -> Iterator[str]:
    """Its URL; it signs URLs."""
    with serving(signed_url_key="secret") as service:
        yield service.url


@pytest.fixture(scope="module")
def signing_sockets() -> Iterator[str]:
    """The URL of one that speaks over WebSocket."""
    with serving("websocket", signed_url_key="secret") as service:
        yield service.url

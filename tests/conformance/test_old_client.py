"""The last python-zaqarclient that speaks v1 and v1.1. The tests of v2 are in tests/zaqar, with today's client."""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path

import pytest

from tests.conformance.conftest import pooled_service
from tests.conformance.environments import FOLDER, python_with
from tests.conftest import Service

TOUR = Path(__file__).with_name("client_tour.py")
POOLS_TOUR = Path(__file__).with_name("pools_tour.py")

pytestmark = [
    pytest.mark.skipif(FOLDER is None, reason="slow: installs an old python-zaqarclient"),
    pytest.mark.timeout(300),
]


@pytest.mark.parametrize(("version", "said"), [("1", "8 left"), ("1.1", "6 left")])
def test_the_old_client_uses_queues_messages_and_claims(
    service: Service, queue_name: str, version: str, said: str
) -> None:
    python = python_with("python-zaqarclient==2.8.0")
    ran = subprocess.run(
        [python, "-W", "ignore", TOUR, service.url, version, uuid.uuid4().hex, queue_name],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout == said + "\n", ran.stderr


def test_the_old_client_uses_pools_and_flavors() -> None:
    python = python_with("python-zaqarclient==2.8.0")
    with pooled_service() as pooled:
        ran = subprocess.run(
            [python, "-W", "ignore", POOLS_TOUR, pooled.url, "1.1", uuid.uuid4().hex, pooled.pool_url],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ran.stdout.splitlines() == ["20", "['tour'] ['touring'] ['tour']", "['x']", "[]"], ran.stderr

"""Verifies signatures as the services do, at one moment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.credentials.signing import SECRET, environ
from zaqar_core.access.refusals import SignatureRefused
from zaqar_core.access.verification import Verified, Verifier

MOMENT = datetime(2026, 1, 1, 0, 0, 0, tzinfo=UTC)
NOW = MOMENT.timestamp()
URL = "http://queues.example.org:9324/123456789012/orders?Action=SendMessage&MessageBody=a%20b%2Fc"
WRONG = "The request signature we calculated does not match the signature you provided."


def verify(
    one: Verifier, method: str, url: str, headers: dict[str, str], body: bytes = b"", scheme: str = "http", **more: Any
) -> Verified | None:
    target = "/" + url.partition("://")[2].partition("/")[2]
    return one.verify(method, environ(target, headers, scheme), body, service="sqs", **more)


def refusal(
    one: Verifier, method: str, url: str, headers: dict[str, str], body: bytes = b"", **more: Any
) -> SignatureRefused:
    with pytest.raises(SignatureRefused) as found:
        verify(one, method, url, headers, body, **more)
    assert SECRET not in found.value.message
    return found.value

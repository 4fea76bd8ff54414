"""A service with test hooks, and a client with an account of its own for every test."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from tests.conftest import Service
from tests.patience import PATIENCE_SECONDS, until
from tests.sqs.wire import Sqs

HALF_A_DAY = 43_200
TWO_WEEKS = 1_209_600


@dataclass
class Hooks:
    """``/_test`` as a test uses it, for one account."""

    url: str
    account: str

    def post(self, hook: str, **members: Any) -> dict[str, Any]:
        answer = requests.post(f"{self.url}/_test/{hook}", json={"account": self.account, **members}, timeout=10)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def advance(self, seconds: float) -> None:
        self.post("clock", advance_seconds=seconds)

    def await_waiting(self, number: int = 1) -> None:
        """So many receives wait on the account's queues."""
        until(lambda: self._get("waiting")["waiting"] >= number, f"{number} wait")

    def events(self, **query: str) -> list[dict[str, Any]]:
        return list(self._get("spy", **query)["events"])

    def _get(self, hook: str, **query: str) -> dict[str, Any]:
        answer = requests.get(f"{self.url}/_test/{hook}", params={**query, "account": self.account}, timeout=10)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
def account() -> str:
    return f"{uuid.uuid4().int % 10**12:012d}"


@pytest.fixture
def hooks(service: Service, account: str) -> Hooks:
    return Hooks(service.url, account)


@pytest.fixture
def sqs(service: Service, account: str) -> Sqs:
    return Sqs(service.url, "json", "fast", account)


@dataclass
class Background:
    """A call in a thread. ``result`` waits for what it returned or raised."""

    call: Callable[[], Any]
    found: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.found.append(self.call())
        except Exception as problem:
            self.found.append(problem)

    def result(self, patience_seconds: float = PATIENCE_SECONDS) -> Any:
        self._thread.join(patience_seconds)
        assert self.found, "the call has not ended"
        return self.found[0]

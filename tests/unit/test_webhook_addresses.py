"""Which addresses of a subscriber's host a webhook tries, and for how long."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.names import QueueRef
from zaqar_core.notifications import targets
from zaqar_core.notifications.notification import NotDelivered, Notification
from zaqar_core.notifications.webhooks import WebhookChannel

SECONDS = 8.0


class Network:
    """A host with many addresses; only the one named ``answers`` accepts connections."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count: int, answers: str = "") -> None:
        self.answers = answers
        #: The tried addresses with the seconds that each got.
        self.tried: list[tuple[str, float]] = []
        found = [(f"10.0.{number // 250}.{number % 250}", 80) for number in range(count)]
        monkeypatch.setattr(targets, "addresses", lambda *_: found)
        monkeypatch.setattr(socket, "create_connection", self._connect)

    def _connect(self, address: tuple[str, int], timeout: float, **_: Any) -> socket.socket:
        self.tried.append((address[0], timeout))
        if address[0] != self.answers:
            raise TimeoutError("timed out")
        with socket.create_server(("127.0.0.1", 0)) as server:
            near = socket.socket()
            near.connect(server.getsockname())
            far, _ = server.accept()
        with far:
            far.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        return near


def deliver() -> None:
    channel = WebhookChannel(Settings(notification_timeout_seconds=SECONDS))
    queue = QueueRef("000000000000", "us-east-1", "q")
    channel.deliver(Notification(queue, "message", "s", "http://many.example/", {}, b"{}", ()))


def test_all_addresses_of_a_host_together_get_the_time_of_one_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that tries hundreds of silent addresses would be lost to other subscribers for an hour."""
    network = Network(monkeypatch, count=500)
    with pytest.raises(NotDelivered, match="the request timed out"):
        deliver()
    assert 1 < len(network.tried) < 10
    # Each is tried for its part of what is left; here they time out at once, so the parts grow.
    assert network.tried[0][1] <= SECONDS / len(network.tried)
    assert all(seconds <= SECONDS for _, seconds in network.tried)


def test_a_later_address_is_tried_when_the_first_ones_do_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(monkeypatch, count=4, answers="10.0.0.3")
    deliver()
    assert [address for address, _ in network.tried] == ["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"]

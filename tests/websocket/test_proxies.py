"""A WebSocket service behind a proxy: it believes only the one that it trusts."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.conftest import Service, serving

#: A host at which a service on loopback may not be called without credentials.
SAID = {"X-Forwarded-Host": "evil.example", "X-Forwarded-For": "192.0.2.1"}


def test_a_trusted_proxy_names_the_host_that_the_client_called(store_url: str) -> None:
    settings = {"redis": store_url, "durability": "memory", "trusted_proxies": "127.0.0.1/32"}
    with serving("websocket", **settings) as service:
        with pytest.raises(InvalidStatus, match="403"), connect(service.url, additional_headers=SAID):
            pass
        with connect(service.url):
            pass


def test_headers_of_others_have_no_effect(sockets: Service) -> None:
    with connect(sockets.url, additional_headers=SAID):
        pass

"""Connections that authenticate with tokens of a real Keystone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.conftest import serving
from tests.keystone.conftest import write_configuration
from tests.keystone.server import Keystone
from tests.websocket.conftest import Client


@pytest.fixture(scope="module")
def guarded_sockets(keystone: Keystone, store_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a WebSocket service whose connections need a token."""
    file: Path = write_configuration(tmp_path_factory.mktemp("service") / "zaqar.conf", keystone.url)
    settings = {"auth_strategy": "keystone", "keystone_config": str(file)}
    with serving("websocket", redis=store_url, durability="memory", **settings) as service:
        yield service.url


@pytest.mark.parametrize("is_binary", [False, True])
def test_a_connection_runs_no_action_before_it_has_authenticated(
    guarded_sockets: str, keystone: Keystone, is_binary: bool
) -> None:
    with connect(guarded_sockets) as connection:
        client = Client(connection, is_binary)
        assert client.call("queue_list")[0] == 403
        assert client.ask("authenticate", **{"X-Auth-Token": "nonsense"})["headers"]["status"] == 401
        token = keystone.token("one", "one")
        assert client.ask("authenticate", **{"X-Auth-Token": token})["headers"]["status"] == 200
        assert client.call("queue_list")[0] == 403  # it names another project
        frame = {"action": "queue_list", "headers": {"Client-ID": client.client_id}}
        client.send(frame)
        assert client.receive()["headers"]["status"] == 200


def test_rules_of_policy_yaml_decide_about_actions(keystone: Keystone, store_url: str, tmp_path: Path) -> None:
    file = write_configuration(tmp_path / "zaqar.conf", keystone.url)
    (tmp_path / "policy.yaml").write_text('"queues:get_all": "role:nobody"\n')
    settings = {"keystone_config": str(file), "policy_file": str(tmp_path / "policy.yaml")}
    with (
        serving("websocket", redis=store_url, durability="memory", auth_strategy="keystone", **settings) as service,
        connect(service.url) as connection,
    ):
        client = Client(connection, is_binary=False)
        client.ask("authenticate", **{"X-Auth-Token": keystone.token("one", "one")})
        frame = {"action": "queue_list", "headers": {"Client-ID": client.client_id}}
        client.send(frame)
        assert client.receive()["headers"]["status"] == 403

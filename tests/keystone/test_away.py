"""A Keystone that is unavailable, does not answer, or refuses the service itself."""

from __future__ import annotations

import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import serving
from tests.keystone.conftest import Caller, write_configuration
from tests.keystone.server import Keystone
from tests.patience import PATIENCE_SECONDS
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.identity import IdentityUnavailable, NotAuthenticated
from zaqar_core.keystone.authentication import Keystone as Authenticator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:'cgi' is deprecated:DeprecationWarning"),  # the middleware's library
]


def test_requests_get_503_while_keystone_is_unavailable(tmp_path: Path, free_port: int) -> None:
    file = write_configuration(tmp_path / "zaqar.conf", f"http://127.0.0.1:{free_port}/v3", http_request_max_retries=0)
    with serving(auth_strategy="keystone", keystone_config=str(file)) as service:
        answer = Caller(service.url, "a-token").call("GET", "/v2/queues")
        assert (answer.status_code, answer.json()["title"]) == (503, "Service temporarily unavailable")
        assert Caller(service.url, None).call("GET", "/v2/queues").status_code == 401
        assert Caller(service.url, None).call("GET", "/").status_code == 300


def test_other_requests_are_answered_while_keystone_does_not_answer(tmp_path: Path) -> None:
    """The one worker's event loop waits for no call to Keystone, nor does the refusal of a body that is too large."""
    with socket.create_server(("127.0.0.1", 0)) as deaf, ThreadPoolExecutor() as threads:
        deaf.settimeout(PATIENCE_SECONDS)
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v3"
        more: dict[str, Any] = {"http_connect_timeout": int(2 * PATIENCE_SECONDS), "http_request_max_retries": 0}
        file = write_configuration(tmp_path / "zaqar.conf", url, **more)
        with serving(auth_strategy="keystone", keystone_config=str(file)) as service:
            caller = Caller(service.url, "a-token")
            waiting = [
                threads.submit(_until_the_service_stops, caller, "GET", "/v2/queues"),
                threads.submit(_until_the_service_stops, caller, "POST", "/v2/queues/q/claims", "x" * 200_000),
            ]
            accepted, _ = deaf.accept()
            form = {"Action": "ListQueues", "Version": "2012-11-05"}
            assert requests.post(service.url, data=form, timeout=PATIENCE_SECONDS).status_code == 200
            assert requests.get(f"{service.url}/health/ready", timeout=PATIENCE_SECONDS).status_code == 200
            assert not any(one.done() for one in waiting)
            accepted.close()


def _until_the_service_stops(caller: Caller, method: str, path: str, document: Any = None) -> None:
    with contextlib.suppress(requests.RequestException):
        caller.call(method, path, document)


def test_a_request_to_a_keystone_that_does_not_answer_times_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/v3"
        more: dict[str, Any] = {"http_connect_timeout": 1, "http_request_max_retries": 0}
        file = write_configuration(tmp_path / "zaqar.conf", url, **more)
        authenticator = Authenticator(Settings(keystone_config=file))
        with pytest.raises(IdentityUnavailable):
            authenticator.authenticate("a-token")


def test_cached_tokens_are_accepted_while_keystone_is_unavailable(
    keystone: Keystone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_configuration(tmp_path / "zaqar.conf", keystone.url, http_request_max_retries=0)
    authenticator = Authenticator(Settings(keystone_config=file))
    known, unknown = keystone.token("one", "one"), keystone.token("two", "two")
    authenticator.authenticate(known)

    def unplugged(*_: object, **__: object) -> None:
        raise requests.ConnectionError("unplugged")

    monkeypatch.setattr(requests.Session, "request", unplugged)
    assert authenticator.authenticate(known).project == keystone.project("one")
    with pytest.raises(IdentityUnavailable):
        authenticator.authenticate(unknown)


def test_no_token_is_accepted_if_keystone_refuses_the_service_itself(keystone: Keystone, tmp_path: Path) -> None:
    file = write_configuration(tmp_path / "zaqar.conf", keystone.url, password="wrong")
    authenticator = Authenticator(Settings(keystone_config=file))
    with pytest.raises((IdentityUnavailable, NotAuthenticated)):
        authenticator.authenticate(keystone.token("one", "one"))


def test_a_token_can_be_verified_outside_of_a_request(keystone: Keystone, tmp_path: Path) -> None:
    """What the WebSocket transport and notifications ask for."""
    authenticator = Authenticator(Settings(keystone_config=write_configuration(tmp_path / "c", keystone.url)))
    found = authenticator.authenticate(keystone.token("one", "one"))
    assert (found.project, found.environ["HTTP_X_PROJECT_ID"]) == (keystone.project("one"), keystone.project("one"))
    assert "member" in found.roles
    assert found.user
    assert found.expires > 1_700_000_000
    with pytest.raises(NotAuthenticated) as refused:
        authenticator.authenticate("nonsense")
    assert refused.value.challenge == f'Keystone uri="{keystone.url}"'

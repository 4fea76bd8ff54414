"""A store that is full, slow, misconfigured or gone shows in every place where an operator looks, and goes from there.

The deadline of five seconds is counted in looks: the product looks at its store every two seconds, and every half
second while something is wrong with it. Each place is looked at every half second, so ten looks are five seconds, or
more on a machine with other load, where the product is late, too.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass

import pytest
import requests
from click.testing import CliRunner

from sqs_facade.cli import main
from tests.faults.proxy import Proxy
from tests.patience import PATIENCE_SECONDS
from tests.private_valkey import PrivateValkey, private_valkey
from tests.serving.conftest import Serve, client_of

pytestmark = pytest.mark.slow

_MOST_LOOKS, _BETWEEN_SECONDS = 10, 0.5


@dataclass
class _Rig:
    """A service, its store, and the proxy between them."""

    service: Serve
    store: PrivateValkey
    proxy: Proxy
    #: Characters of the log that were there before the present fault.
    logged: int = 0

    def log(self) -> str:
        return self.service.errors.read_text()[self.logged :]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Rig]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    durable = ("--port", str(port), "--appendonly", "yes", "--appendfsync", "always")
    with private_valkey(*durable) as store, closing(Proxy(port)) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}"
        service = Serve(tmp_path_factory.mktemp("conditions"), "--redis", url, "--workers", "2")
        try:
            service.wait_ready()
            with client_of(service) as client:
                client.call("CreateQueue", QueueName="q")
                client.call("SendMessage", QueueUrl="q", MessageBody="x")
            yield _Rig(service, store, proxy)
        finally:
            service.kill()


@contextmanager
def _configured(rig: _Rig, name: str, wrong: str, right: str) -> Iterator[None]:
    with rig.store.client() as client:
        client.config_set(name, wrong)
        try:
            yield
        finally:
            client.config_set(name, right)


@contextmanager
def _gone(rig: _Rig) -> Iterator[None]:
    rig.store.kill()
    try:
        yield
    finally:
        rig.store.start()


_FAULTS: dict[str, Callable[[_Rig], AbstractContextManager[None]]] = {
    "full": lambda rig: _configured(rig, "maxmemory", "100kb", "0"),
    "misconfigured": lambda rig: _configured(rig, "appendfsync", "everysec", "always"),
    "slow": lambda rig: rig.proxy.slow(0.3),
    "gone": _gone,
}

# -- The places: whether each shows the condition ----------------------------------------------------------------------


def _readiness(rig: _Rig, state: str) -> bool:
    answer = requests.get(f"{rig.service.url}/health/ready", timeout=PATIENCE_SECONDS)
    found: dict[str, str] = answer.json()
    is_shown = found.get("code") == f"store-{state}"
    assert answer.status_code == 200 or found["remedy"]
    assert not is_shown or answer.status_code == (200 if state == "slow" else 503)
    return is_shown


_BEGINS = {"full": "memory", "misconfigured": "appendfsync", "slow": "answers slowly", "gone": "the store is gone"}
_ENDS = ("the store is mended", "the store is back")


def _begun(rig: _Rig, state: str) -> list[str]:
    """Return the log lines with which the condition begins."""
    lines = rig.log().splitlines()
    return [line for line in lines if _BEGINS[state] in line and not any(end in line for end in _ENDS)]


def _log(rig: _Rig, state: str) -> bool:
    """The last line about the store says what is wrong, or that it is over."""
    lines = [line for line in rig.log().splitlines() if "the store" in line]
    return bool(_begun(rig, state)) and not any(end in lines[-1] for end in _ENDS)


def _metric(rig: _Rig, state: str) -> bool:
    page = requests.get(f"{rig.service.url}/metrics", timeout=PATIENCE_SECONDS).text
    lines = [line for line in page.splitlines() if line.startswith("sqs_facade_store_condition{")]
    return any(f'state="{state}"' in line for line in lines)


def _console(rig: _Rig, state: str) -> bool:
    headers = {"Sec-Fetch-Site": "same-origin"}
    url = f"{rig.service.url}/console/api/service"
    return bool(requests.get(url, headers=headers, timeout=PATIENCE_SECONDS).json()["state"] == state)


def _doctor(rig: _Rig, state: str) -> bool:
    result = CliRunner().invoke(main, ["doctor", rig.service.url, "--json"])
    found = {one["code"]: one for one in json.loads(result.stdout)["findings"]}
    shown = found.get("service-not-ready") or found.get("service-degraded")
    return shown is not None and f"store-{state}" in json.dumps(shown)


_PLACES: dict[str, Callable[[_Rig, str], bool]] = {
    "readiness": _readiness,
    "log": _log,
    "metric": _metric,
    "console": _console,
    "doctor": _doctor,
}


def _looks(rig: _Rig, state: str, *, is_wanted: bool) -> dict[str, int]:
    """Look at every place until it shows the condition, or does not show it; return how many looks each took."""
    looks: dict[str, int] = {}
    for number in range(1, _MOST_LOOKS + 1):
        threading.Event().wait(_BETWEEN_SECONDS)
        for name, shows in _PLACES.items():
            if name not in looks and shows(rig, state) is is_wanted:
                looks[name] = number
        if len(looks) == len(_PLACES):
            return looks
    missing = sorted(_PLACES.keys() - looks.keys())
    pytest.fail(
        f"{state}: {'not shown' if is_wanted else 'still shown'} after {_MOST_LOOKS} looks by {missing}\n{rig.log()}"
    )


@pytest.mark.parametrize("state", _FAULTS)
def test_a_condition_is_seen_in_every_place_and_goes_after_the_repair(rig: _Rig, state: str) -> None:
    rig.logged += len(rig.log())
    with _FAULTS[state](rig):
        seen = _looks(rig, state, is_wanted=True)
        begun = len(_begun(rig, state))
    over = _looks(rig, state, is_wanted=False)
    print(f"{state}: looks until it is seen {seen}, until it is over {over}")  # noqa: T201
    assert 1 <= begun <= 2, "one line of each worker"
    with client_of(rig.service) as client:
        client.call("SendMessage", QueueUrl="q", MessageBody="x")

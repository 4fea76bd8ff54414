"""One Keystone and one service behind it for all tests."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Service, serving
from tests.keystone.server import INSTALL_SECONDS, PASSWORD, VARIABLE, Keystone, installed, prepared

SIGNED_URL_KEY = "a secret"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """All that needs the real Keystone is left out without one; the first of it is skipped, with the reason."""
    needing = [item for item in items if "keystone" in getattr(item, "fixturenames", ())]
    for item in needing:
        item.add_marker(pytest.mark.timeout(INSTALL_SECONDS + 60))
    if not os.environ.get(VARIABLE) and needing[1:]:
        config.hook.pytest_deselected(items=needing[1:])
        left = set(needing[1:])
        items[:] = [item for item in items if item not in left]


@pytest.fixture(scope="session")
def keystone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keystone]:
    """A real Keystone with projects ``one`` and ``two``."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        pytest.skip(f"and all tests with a real Keystone: set {VARIABLE}=1, or to a folder to keep it in")
    folder = tmp_path_factory.mktemp("keystone")
    programs = installed(folder if wanted == "1" else Path(wanted).absolute())
    keystone = prepared(programs, folder)
    with keystone.running() as url:
        keystone.url = url
        keystone.fill()
        yield keystone


def write_configuration(file: Path, url: str, *, password: str = PASSWORD, **more: Any) -> Path:
    """A file as operators have it."""
    options = {
        "www_authenticate_uri": url,
        "auth_url": url,
        "auth_type": "password",
        "username": "admin",
        "password": password,
        "project_name": "admin",
        "user_domain_id": "default",
        "project_domain_id": "default",
        **more,
    }
    lines = [f"{name} = {value}" for name, value in options.items()]
    file.write_text("\n".join(["[DEFAULT]", "debug = false", "[keystone_authtoken]", *lines, ""]))
    return file


@pytest.fixture(scope="session")
def guarded(keystone: Keystone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose Zaqar paths need a token."""
    file = write_configuration(tmp_path_factory.mktemp("service") / "zaqar.conf", keystone.url)
    with serving(auth_strategy="keystone", keystone_config=str(file), signed_url_key=SIGNED_URL_KEY) as service:
        yield service


@dataclass(frozen=True)
class Caller:
    """Calls with a token, through a lane. ``headers`` come on top."""

    url: str
    token: str | None
    lane: str = "fast"
    project: str | None = None

    def call(self, method: str, path: str, document: Any = None, **headers: str) -> requests.Response:
        shown = {
            "Client-ID": str(uuid.UUID(int=7)),
            "X-Auth-Token": self.token,
            "X-Project-Id": self.project,
            "X-SQS-Facade-Lane": self.lane,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        given = {name: value for name, value in shown.items() if value is not None}
        return requests.request(method, self.url + path, json=document, headers=given, timeout=30)

    def claiming(self, project: str) -> Caller:
        """The same, that says it belongs to that project."""
        return replace(self, project=project)


@pytest.fixture
def one(keystone: Keystone, guarded: Service, lane: str) -> Caller:
    """A member of project ``one``."""
    return Caller(guarded.url, keystone.token("one", "one"), lane)


@pytest.fixture
def nobody(guarded: Service, lane: str) -> Caller:
    """Without a token."""
    return Caller(guarded.url, None, lane)

"""Services with the console, in this process: one for this machine, and one whose visitors sign in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from werkzeug.test import Client, TestResponse

from sqs_facade.wsgi import create_app
from tests.conftest import Service, serving
from tests.console.chrome import Chrome, Page, running
from tests.cors.conftest import browser
from tests.credentials.conftest import written
from tests.credentials.signing import ACCOUNT, KEY, SECRET, USER
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core

__all__ = ["browser"]  # a fixture

LOCAL = "http://localhost:9324"
ABROAD = "https://queues.example.org"
#: Users of the account with fewer rights than user one, who has all.
USERS = f"""
[[users]]
name = "reader"
account = "{ACCOUNT}"
policies = ['''{{"Statement": [
  {{"Effect": "Allow", "Action": ["sqs:ListQueues", "sqs:GetQueueAttributes"], "Resource": "*"}},
  {{"Effect": "Deny", "Action": "sqs:*", "Resource": "arn:aws:sqs:*:*:*-hidden"}}]}}''']
access_keys = [{{ id = "AKIDREADER", secret_access_key = "a secret of forty characters for reading" }}]

[[users]]
name = "nobody"
account = "{ACCOUNT}"
access_keys = [{{ id = "AKIDNOBODY", secret_access_key = "a secret of forty characters for nothing" }}]
"""
KEYS = {
    "one": (KEY, SECRET),
    "reader": ("AKIDREADER", "a secret of forty characters for reading"),
    "nobody": ("AKIDNOBODY", "a secret of forty characters for nothing"),
}


@dataclass
class Browser:
    """A page of the console in a browser, as far as the service sees it."""

    http: Client
    url: str
    #: Values of the environ that the server would set.
    seen: dict[str, str] = field(default_factory=dict)
    token: str = ""
    account: str = ""

    def call(self, path: str, document: Any = None, /, **parameters: Any) -> TestResponse:
        """GET, or POST with a document."""
        return self.request("GET" if document is None else "POST", path, document, parameters)

    def request(
        self, method: str, path: str, document: Any = None, parameters: Any = None, **headers: str
    ) -> TestResponse:
        given = {"X-Console-Token": self.token, "Sec-Fetch-Site": "same-origin"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        own = {"account": self.account} if self.account else {}
        return self.http.open(
            f"/console/api/{path}",
            base_url=self.url,
            method=method,
            json=document,
            query_string={**own, **(parameters or {})},
            headers=given,
            environ_overrides=self.seen,
        )

    def done(self, path: str, document: Any = None, /, **parameters: Any) -> Any:
        """Return the document of a call that succeeds."""
        answer = self.call(path, document, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json

    def refused(self, path: str, document: Any = None, /, **parameters: Any) -> tuple[int, str]:
        """Return status and code of a call that fails."""
        answer = self.call(path, document, **parameters)
        assert answer.status_code >= 400, answer.text
        assert answer.json is not None
        return answer.status_code, answer.json["code"]

    def sign_in(self, user: str) -> None:
        key, secret = KEYS[user]
        self.done("sign-in", {"accessKeyId": key, "secretAccessKey": secret})
        self.token = self.done("session")["token"]


@dataclass
class Sited:
    """A service with what tests look at."""

    app: Any
    folder: Path

    @property
    def core(self) -> Core:
        core: Core = self.app.extensions["sqs_facade"]
        return core

    def http(self) -> Client:
        return Client(self.app.wsgi_app, TestResponse)


@pytest.fixture(scope="session")
def open_site(valkey: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sited]:
    """A service whose callers need no credentials."""
    settings = Settings(redis=valkey, durability="memory", allowed_origins=("https://pages.example.org",))
    site = Sited(create_app(settings), tmp_path_factory.mktemp("console"))
    yield site
    site.core.close()


@pytest.fixture(scope="session")
def guarded_site(valkey: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sited]:
    """A service whose callers need credentials."""
    folder = tmp_path_factory.mktemp("console")
    file = written(folder, USER + USERS)
    settings = Settings(redis=valkey, durability="memory", credentials_file=file, audit_log=str(folder / "audit.jsonl"))
    site = Sited(create_app(settings), folder)
    yield site
    site.core.close()


@pytest.fixture
def local(open_site: Sited, queue_name: str) -> Browser:
    """A page on the service's own machine, in an account of its own."""
    seen = {"SERVER_NAME": "127.0.0.1", "REMOTE_ADDR": "127.0.0.1"}
    browser = Browser(open_site.http(), LOCAL, seen)
    browser.token = browser.done("session")["token"]
    browser.account = f"{int(queue_name[2:], 16) % 10**12:012}"
    return browser


@pytest.fixture
def visitor(guarded_site: Sited, queue_name: str) -> Browser:
    """A page on another machine, where nobody has signed in. Each test calls from an address of its own."""
    source = f"2001:db8::{queue_name[2:6]}:{queue_name[6:10]}"
    return Browser(guarded_site.http(), ABROAD, {"SERVER_NAME": "0.0.0.0", "REMOTE_ADDR": source})


@pytest.fixture(scope="session")
def chrome(browser: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with running(browser, tmp_path_factory.mktemp("chrome")) as chrome:
        yield chrome


@pytest.fixture(scope="session")
def served() -> Iterator[Service]:
    with serving() as service:
        yield service


@pytest.fixture
def page(chrome: Chrome, served: Service) -> Iterator[Page]:
    """A tab at the overview of the service."""
    with chrome.page() as page:
        page.open(f"{served.url}/console/")
        page.sees("Queues")
        yield page
        page.assert_clean(served.url)


def sqs(service: Service, operation: str, **asked: Any) -> Any:
    headers = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"}
    answer = requests.post(service.url, data=json.dumps(asked), headers=headers, timeout=10)
    assert answer.ok, answer.text
    return answer.json() if answer.text else None

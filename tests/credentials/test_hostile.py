"""Ways around the credentials of a service that an attacker may try."""

from __future__ import annotations

import http.client
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from sqs_facade.callers import Callers
from tests.credentials.conftest import ROLE, TEXT, Guarded
from tests.credentials.signing import ACCOUNT, KEY, SECRET, credentials, environ, signed, verifier
from tests.sqs.wire import HTTP
from zaqar_core.access.gate import Gate
from zaqar_core.access.session_tokens import SessionTokens
from zaqar_core.configuration.settings import Settings

TOKEN_OF_TWO = "a static token of user two"


@pytest.mark.parametrize(
    "path",
    [
        "/_aws/sqs/messages/../../../",
        "/_aws/sqs/messages/..",
        "/./",
        "/x/..",
        "//",
        "/../_aws/sqs/messages/../../../",
        f"//{ACCOUNT}/q/../../",
    ],
)
def test_a_pre_signed_url_is_not_valid_at_another_path(guarded: Guarded, lane: str, path: str) -> None:
    parameters = urlencode({"Action": "ReceiveMessage", "QueueUrl": f"{guarded.url}/{ACCOUNT}/q"})
    url, _ = signed("GET", f"{guarded.url}/?{parameters}", expires=60)
    assert "NonExistentQueue" in HTTP.get(url).text
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)  # it sends the path as it is
    connection.request("GET", f"{path}?{parts.query}", headers={"X-SQS-Facade-Lane": lane})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status in (403, 404), text
    assert "NonExistentQueue" not in text


def test_the_test_hooks_need_a_user_with_their_right(guarded: Guarded) -> None:
    def status(method: str, hook: str, **options: object) -> int:
        return requests.request(method, f"{guarded.url}/_test/{hook}", timeout=20, **options).status_code  # type: ignore[arg-type]

    for method, hook in (("GET", "clock"), ("POST", "clock"), ("POST", "reset"), ("GET", "spy"), ("POST", "chaos")):
        assert status(method, hook) == 401
        assert status(method, hook, headers={"X-Amz-Target": "AmazonSQS.ListQueues"}) == 401
        assert status(method, hook, auth=(KEY, "another")) == 401
    assert status("GET", "clock", headers={"X-Auth-Token": TOKEN_OF_TWO}) == 200
    assert status("GET", "clock", auth=("AKIDLIMITED", "another secret of forty characters, lim.")) == 403
    own = requests.get(f"{guarded.url}/_test/clock", auth=(KEY, SECRET), timeout=20)
    assert (own.status_code, own.json()["account"]) == (200, ACCOUNT)


def test_a_session_waits_in_the_turn_of_its_account(tmp_path: Path) -> None:
    known = credentials(tmp_path, TEXT.replace('jwks_file = "keys.json"\n', ""))
    sessions = SessionTokens(lambda: bytes(32))
    callers = Callers(Settings(), Gate(known, sessions, verifier(known, 0.0)))
    user = known.directory.keys["AKIDTWO"].user

    def account(key: str, token: str | None = None) -> str:
        _, headers = signed("POST", "http://localhost/", key=key, token=token)
        return callers.account_at_a_glance(environ("/", headers))

    assert (account("AKIDTWO"), account("AKIDUNKNOWN")) == (user.account, "")
    for owner, its_account in ((user.id, user.account), ("AIDANOBODY", "")):
        session, token = sessions.issue(0, owner)
        assert account(session.key_id, token) == its_account
    session, token = sessions.issue(0, ROLE, "AROA", "pod-1")
    assert account(session.key_id, token) == ACCOUNT
    assert account("ASIAFORGED", "AQoDYXdzEJr") == ""


def test_the_front_page_is_shown_at_any_host(guarded: Guarded) -> None:
    headers = {"Host": "sqs.example.org", "Accept": "text/html"}
    assert requests.get(f"{guarded.url}/", headers=headers, timeout=20).status_code == 200

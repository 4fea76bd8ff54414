"""What an operator can mend is logged once, with the setting and what to do."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator

import msgspec
import pytest
from werkzeug.test import Client, TestResponse

from zaqar_core.access import signatures
from zaqar_core.access.refusals import SignatureRefused
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.rate_limits import RateLimits
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import RequestsThrottled
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import REMEDIES, Remedy, note_refusal
from zaqar_core.notifications import targets
from zaqar_core.notifications.targets import TargetRefused
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.store.links import Generation
from zaqar_core.store.wakeups import Waiters
from zaqar_core.web.callers import Callers
from zaqar_core.web.envelope import Refusal, Request
from zaqar_core.web.proxies import ForwardedRequests, TrustedProxies

Logged = pytest.LogCaptureFixture


@pytest.fixture(autouse=True)
def unknown() -> Iterator[None]:
    remedies._subjects.clear()
    yield
    remedies._subjects.clear()


def said(caplog: Logged) -> list[tuple[str, str]]:
    found = [
        (one.__dict__.get("setting", ""), one.getMessage())
        for one in caplog.records
        if one.name == "sqs_facade.refusals" and one.levelno == logging.WARNING
    ]
    caplog.clear()
    return found


@pytest.mark.parametrize("row", REMEDIES, ids=lambda row: row.setting or row.refused)
def test_a_remedy_names_a_setting_that_exists(row: Remedy) -> None:
    assert not row.setting or row.setting in {field.name for field in msgspec.structs.fields(Settings)}
    assert row.refused.count("{}") <= 1
    assert not row.remedy.endswith(".")


def test_a_host_that_is_not_allowed_is_logged_with_its_setting(caplog: Logged) -> None:
    callers = Callers(Settings())
    environ = {"SERVER_NAME": "127.0.0.1", "HTTP_HOST": "queues.example.org"}
    assert callers.refusal(environ, verifies_callers=False) is not None
    [(setting, text)] = said(caplog)
    assert (setting, "queues.example.org" in text, "add it to allowed_hosts" in text) == ("allowed_hosts", True, True)


def test_a_page_of_another_origin_is_logged_with_its_setting(caplog: Logged) -> None:
    environ = {"SERVER_NAME": "127.0.0.1", "HTTP_HOST": "localhost", "HTTP_ORIGIN": "https://page.example.org"}
    assert Callers(Settings()).refusal(environ, verifies_callers=True) is not None
    assert [setting for setting, _ in said(caplog)] == ["allowed_origins"]


def test_headers_of_a_proxy_that_is_not_trusted_are_logged(caplog: Logged) -> None:
    proxies = TrustedProxies(Settings(trusted_proxies=("10.0.0.0/8",)))
    client = Client(ForwardedRequests(lambda environ, start: start("200 OK", []) and [], proxies), TestResponse)
    for address in ("10.0.0.1", "192.0.2.1"):
        client.get("/", headers={"X-Forwarded-For": "198.51.100.7"}, environ_overrides={"REMOTE_ADDR": address})
    [(setting, text)] = said(caplog)
    assert setting == "trusted_proxies"
    assert "192.0.2.1" in text


@pytest.mark.parametrize(
    ("subscriber", "setting"),
    [("http://10.1.2.3/x", "webhook_allowed_networks"), ("ftp://example.org", "subscriber_types")],
)
def test_a_subscriber_that_is_refused_is_logged_with_its_setting(subscriber: str, setting: str, caplog: Logged) -> None:
    with pytest.raises(TargetRefused):
        targets.check(subscriber, Settings())
    assert [found for found, _ in said(caplog)] == [setting]


def test_subjects_beyond_some_share_a_line(caplog: Logged) -> None:
    for number in range(100):
        note_refusal(remedies.HOST, f"host-{number}")
    causes = {one.__dict__["_cause"] for one in caplog.records}
    assert len(causes) == 21
    assert len({one.__dict__["_quiet_seconds"] for one in caplog.records}) == 1


def test_a_clock_that_differs_is_logged_once_for_all_clients(caplog: Logged) -> None:
    for minutes in (20, 30, -20):
        with pytest.raises(SignatureRefused):
            signatures._check_age("20260101T000000Z", 100_000 + 60 * minutes, 100_000.0, None)
    assert len({one.__dict__["_cause"] for one in caplog.records}) == 1
    assert "NTP" in said(caplog)[0][1]


def test_a_rate_is_logged_for_each_account(caplog: Logged, monkeypatch: pytest.MonkeyPatch, session: Session) -> None:
    limits = RateLimits(1, clock=lambda: 1_000_000_000.0)
    account = f"project-{uuid.uuid4().hex}"
    limits.require(session, account)
    with pytest.raises(RequestsThrottled):
        limits.require(session, account)
    [(setting, text)] = said(caplog)
    assert setting == "max_requests_per_second"
    assert account in text


def test_receives_beyond_the_limit_of_waits_are_logged(caplog: Logged, session: Session) -> None:
    waiters = Waiters(Settings(max_waits=1), "redis://localhost", Generation())
    assert waiters.register(b"q") is not None
    assert waiters.register(b"q") is None
    assert [setting for setting, _ in said(caplog)] == ["max_waits"]


@pytest.mark.parametrize(
    ("path", "setting"),
    [
        ("/v2/queues/a/messages", "max_messages_post_size"), ("/v2/queues/a", "max_queue_metadata"),
        ("/v2/queues/a/claims", None), ("/v1/queues/a/messages", "max_messages_post_size"),
    ],
)  # fmt: skip
def test_a_body_beyond_a_setting_is_logged(path: str, setting: str | None, caplog: Logged) -> None:
    ZaqarFace(Settings()).refuse(Request("POST", path, "", b"", {}), Refusal.BODY_TOO_LARGE)
    assert [found for found, _ in said(caplog)] == ([setting] if setting else [])

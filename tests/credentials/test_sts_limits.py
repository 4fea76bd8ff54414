"""What callers without credentials can cost STS: wrong tokens are limited, and a slow issuer delays only its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from sqs_facade.sts import SecurityTokenService
from tests.credentials.conftest import ROLE, TEXT, written
from tests.credentials.issuers import AUDIENCE, SUBJECT, Issuer
from tests.credentials.signing import KEY, signed
from zaqar_core.access import attempts, credentials_file, gate, web_identity
from zaqar_core.access.attempts import MOST_FAILURES, FailedAttempts
from zaqar_core.access.directory import Directory, Role
from zaqar_core.access.web_identity import MOST_WAITING, Reason, WebIdentities, WebIdentityRefused
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.rate_limits import RateLimits
from zaqar_core.core.session import Session
from zaqar_core.web.envelope import Request

ISSUER = Issuer("https://issuer.example.org")


def test_failures_are_counted_by_address_and_second() -> None:
    now = [10.0]
    failed = FailedAttempts(lambda: now[0])
    for _ in range(MOST_FAILURES):
        assert not failed.are_too_many("192.0.2.1")
        failed.add("192.0.2.1")
    assert failed.are_too_many("192.0.2.1")
    assert not failed.are_too_many("192.0.2.2")
    now[0] += 1
    assert not failed.are_too_many("192.0.2.1")


def test_addresses_of_one_network_are_one() -> None:
    failed = FailedAttempts(lambda: 1.0)
    for number in range(MOST_FAILURES):
        failed.add(f"2001:db8:0:1::{number:x}")
    assert failed.are_too_many("2001:db8:0:1:ffff::1")
    assert not failed.are_too_many("2001:db8:0:2::1")
    for number in range(MOST_FAILURES):
        failed.add(f"::ffff:192.0.2.{number}")
    assert not failed.are_too_many("::ffff:192.0.2.0")
    for odd in ("", "fe80::1%eth0", "not:an:address", "::ffff:192.0.2.1"):
        failed.add(odd)
        assert not failed.are_too_many(odd)


def test_any_number_of_addresses_needs_little_memory() -> None:
    failed = FailedAttempts(lambda: 1.0)
    for number in range(attempts._MOST_ADDRESSES + 100):
        failed.add(f"address {number}")
    assert len(failed._failures) == attempts._MOST_ADDRESSES


@pytest.fixture
def opened(tmp_path: Path) -> gate.Gate:
    (tmp_path / "keys.json").write_text(json.dumps(ISSUER.key_set))
    settings = Settings(credentials_file=written(tmp_path, TEXT))
    found = gate.opened(settings, gate.credentials(settings), lambda: bytes(32))
    assert found is not None
    return found


def _assume(sts: SecurityTokenService, session: Session, token: str, address: str = "192.0.2.1") -> tuple[int, str]:
    body = urlencode({
        "Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": ROLE, "RoleSessionName": "pod",
        "WebIdentityToken": token,
    }).encode()  # fmt: skip
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/", "REMOTE_ADDR": address}
    request = Request("POST", "/", "", body, environ)
    return sts.answer(request, "id", session).status, request.note.code


def test_wrong_tokens_of_one_address_are_limited(
    opened: gate.Gate, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    sts = SecurityTokenService(opened)
    now = [1.0]
    sts._failures = FailedAttempts(lambda: now[0])
    forged, good = Issuer(ISSUER.url).token(), ISSUER.token()
    verified: list[object] = []
    verify = sts._identities.verify

    def counting(token: str, role: Role, directory: Directory) -> web_identity.WebIdentity:
        verified.append(role)
        return verify(token, role, directory)

    monkeypatch.setattr(sts._identities, "verify", counting)
    for _ in range(MOST_FAILURES):
        assert _assume(sts, session, forged) == (400, "InvalidIdentityToken")
    assert _assume(sts, session, forged) == (400, "Throttling")
    assert _assume(sts, session, good) == (400, "Throttling")
    assert len(verified) == MOST_FAILURES
    assert _assume(sts, session, good, "192.0.2.2") == (200, "")
    now[0] += 1
    for _ in range(MOST_FAILURES + 1):
        assert _assume(sts, session, good) == (200, "")


def test_users_and_accounts_are_limited_at_sts_too(opened: gate.Gate, session: Session) -> None:
    sts = SecurityTokenService(opened, RateLimits(3, clock=lambda: 1_700_000_000.0))
    assert [_assume(sts, session, ISSUER.token()) for _ in range(3)] == [(200, "")] * 3
    assert _assume(sts, session, ISSUER.token()) == (400, "Throttling")
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    _, headers = signed("POST", "http://h/", body, {"Content-Type": "application/x-www-form-urlencoded"}, service="sts")
    environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    environ |= {"CONTENT_TYPE": headers["Content-Type"], "REQUEST_METHOD": "POST", "PATH_INFO": "/"}
    request = Request("POST", "/", "", body, environ)
    assert KEY in headers["Authorization"]
    assert (sts.answer(request, "id", session).status, request.note.code) == (400, "Throttling")


def _trusting(issuer: Issuer) -> tuple[Role, Directory]:
    directory = credentials_file.parse(
        f'[[issuers]]\nurl = "{issuer.url}"\njwks_url = "{issuer.url}/keys"\n[[roles]]\nname = "worker"\n'
        f'account = "123456789012"\ntrust = [{{ issuer = "{issuer.url}", audiences = ["{AUDIENCE}"], '
        f'subjects = ["{SUBJECT}"] }}]\n'
    )
    return next(iter(directory.roles.values())), directory


class _SlowIssuer:
    """The way to an issuer that responds when it is told to."""

    def __init__(self) -> None:
        self.responds, self.asked = threading.Event(), threading.Semaphore(0)
        self.requests = 0

    def document(self, _: Any) -> bytes:
        self.requests += 1
        self.asked.release()
        assert self.responds.wait(20)
        return json.dumps(ISSUER.key_set).encode()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[_SlowIssuer]:
    found = _SlowIssuer()
    monkeypatch.setattr(web_identity, "_document", found.document)
    yield found
    found.responds.set()


def test_tokens_with_known_keys_do_not_wait_for_an_issuer(slow: _SlowIssuer) -> None:
    """Whoever sends a token with an unknown key makes the service ask the issuer."""
    now = [1_000.0]
    identities, trusting = WebIdentities(lambda: now[0]), _trusting(ISSUER)
    slow.responds.set()
    identities.verify(ISSUER.token(), *trusting)
    slow.responds.clear()
    now[0] += 400  # the keys should be fetched again, and there is an attack
    forged = Issuer(ISSUER.url, "unknown").token()
    with ThreadPoolExecutor(web_identity.VERIFYING_THREADS) as threads:
        waiting = [threads.submit(identities.verify, forged, *trusting) for _ in range(web_identity.VERIFYING_THREADS)]
        for _ in range(2):
            assert slow.asked.acquire(timeout=20)
        assert identities.verify(ISSUER.token(), *trusting).subject == SUBJECT
        refused = [one.exception(20) for one in waiting if one.done()]
        slow.responds.set()
        refused += [one.exception(20) for one in waiting if one.exception(20) not in refused]
    reasons = [problem.reason for problem in refused if isinstance(problem, WebIdentityRefused)]
    assert reasons.count(Reason.INVALID) <= MOST_WAITING
    assert set(reasons) <= {Reason.INVALID, Reason.ISSUER_AWAY}
    assert len(reasons) == web_identity.VERIFYING_THREADS
    assert slow.requests == 2


def test_few_threads_wait_for_an_issuer(slow: _SlowIssuer) -> None:
    identities, trusting = WebIdentities(), _trusting(ISSUER)
    with ThreadPoolExecutor(MOST_WAITING) as threads:
        waiting = [threads.submit(identities.verify, ISSUER.token(), *trusting) for _ in range(MOST_WAITING)]
        assert slow.asked.acquire(timeout=20)
        while identities._waiting._value:
            pass  # until all of them wait
        with pytest.raises(WebIdentityRefused) as refused:
            identities.verify(ISSUER.token(), *trusting)
        assert refused.value.reason is Reason.ISSUER_AWAY
        slow.responds.set()
        assert [one.result(20).subject for one in waiting] == [SUBJECT] * MOST_WAITING
    assert slow.requests == 1

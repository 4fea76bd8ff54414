"""Signatures with a session key, and its token."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.credentials.signing import ACCOUNT, USER, credentials, signed, verifier
from tests.credentials.verifying import MOMENT, NOW, URL, refusal, verify
from zaqar_core.access.refusals import Reason
from zaqar_core.access.reloading import Credentials
from zaqar_core.access.session_tokens import SessionTokens


def session_of(known: Credentials, seconds: int = 900) -> tuple[str, str, str]:
    [user] = known.directory.users
    session, token = SessionTokens(lambda: bytes(32)).issue(int(NOW) + seconds, user)
    return session.key_id, session.secret, token


@pytest.mark.parametrize("expires", [None, 60])
def test_a_session_token_is_that_of_its_user(known: Credentials, expires: int | None) -> None:
    key, secret, token = session_of(known)
    url, headers = signed("GET", URL, key=key, secret=secret, token=token, moment=MOMENT, expires=expires)
    verified = verify(verifier(known, NOW), "GET", url, headers)
    assert verified is not None
    assert verified.is_session
    assert verified.principal.arn == f"arn:aws:iam::{ACCOUNT}:user/one"


def test_an_expired_session_token_is_refused(known: Credentials) -> None:
    key, secret, token = session_of(known, 300)
    url, headers = signed("GET", URL, key=key, secret=secret, token=token, moment=MOMENT)
    refused = refusal(verifier(known, NOW + 300), "GET", url, headers)
    assert (refused.reason, refused.message) == (
        Reason.EXPIRED_TOKEN, "The security token included in the request is expired",
    )  # fmt: skip


def test_a_session_ends_when_its_user_is_disabled(tmp_path: Path) -> None:
    known = credentials(tmp_path)
    key, secret, token = session_of(known)
    url, headers = signed("GET", URL, key=key, secret=secret, token=token, moment=MOMENT)
    (tmp_path / "credentials.toml").write_text(USER.replace('policies = ["admin"]', "enabled = false"))
    assert known.check()
    assert refusal(verifier(known, NOW), "GET", url, headers).reason is Reason.UNKNOWN_KEY


def test_another_service_does_not_accept_a_session_token(known: Credentials) -> None:
    [user] = known.directory.users
    session, token = SessionTokens(lambda: b"\x01" * 32).issue(int(NOW) + 900, user)
    url, headers = signed("GET", URL, key=session.key_id, secret=session.secret, token=token, moment=MOMENT)
    assert refusal(verifier(known, NOW), "GET", url, headers).reason is Reason.UNKNOWN_KEY


def test_a_session_key_needs_its_own_token(known: Credentials) -> None:
    (key, secret, _), (_, _, other) = session_of(known), session_of(known)
    url, headers = signed("GET", URL, key=key, secret=secret, token=other, moment=MOMENT)
    assert refusal(verifier(known, NOW), "GET", url, headers).reason is Reason.UNKNOWN_KEY
    url, headers = signed("GET", URL, key=key, secret=secret, moment=MOMENT)
    assert refusal(verifier(known, NOW), "GET", url, headers).reason is Reason.UNKNOWN_KEY


def test_a_session_token_must_be_signed(known: Credentials) -> None:
    key, secret, token = session_of(known)
    url, headers = signed("POST", URL, key=key, secret=secret, moment=MOMENT)
    headers["X-Amz-Security-Token"] = token
    assert "'X-Amz-Security-Token' must be" in refusal(verifier(known, NOW), "POST", url, headers).message


@given(st.data())
def test_no_changed_token_is_opened(data: st.DataObject) -> None:
    sealer = SessionTokens(lambda: bytes(32))
    _, token = sealer.issue(int(NOW), "AIDAEXAMPLE")
    at = data.draw(st.integers(0, len(token) - 1))
    changed = token[:at] + data.draw(st.text(max_size=2)) + token[at + 1 :]
    if changed != token:
        assert sealer.open(changed) is None
    assert sealer.open(data.draw(st.text(max_size=60))) is None

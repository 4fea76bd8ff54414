"""The keys of OIDC issuers: found by discovery, cached, and fetched again when a token has another key."""

from __future__ import annotations

import logging

import pytest

from tests.credentials.issuers import AUDIENCE, SUBJECT, Issuer, Served, serving_keys
from zaqar_core.access import credentials_file
from zaqar_core.access.directory import Directory, Role
from zaqar_core.access.web_identity import Reason, WebIdentities, WebIdentityRefused

ROLE = "arn:aws:iam::123456789012:role/worker"


def _directory(url: str, where: str = "", subject: str = SUBJECT) -> tuple[Role, Directory]:
    directory = credentials_file.parse(
        f'[[issuers]]\nurl = "{url}"\n{where}\n[[roles]]\nname = "worker"\naccount = "123456789012"\n'
        f'trust = [{{ issuer = "{url}", audiences = ["{AUDIENCE}"], subjects = ["{subject}"] }}]\n'
    )
    return directory.roles[ROLE], directory


def _refused(identities: WebIdentities, served: Served) -> Reason:
    with pytest.raises(WebIdentityRefused) as refused:
        identities.verify(served.issuer.token(), *_directory(served.issuer.url))
    return refused.value.reason


def test_keys_are_found_by_discovery_and_cached() -> None:
    identities = WebIdentities()
    with serving_keys() as served:
        for _ in range(3):
            assert identities.verify(served.issuer.token(), *_directory(served.issuer.url)).subject == SUBJECT
        assert served.requests == ["/.well-known/openid-configuration", "/keys"]


def test_keys_of_a_url_need_no_discovery() -> None:
    with serving_keys() as served:
        known = _directory(served.issuer.url, f'jwks_url = "{served.issuer.url}/keys"')
        assert WebIdentities().verify(served.issuer.token(), *known).audience == AUDIENCE
        assert served.requests == ["/keys"]


def test_an_unknown_key_is_fetched_but_not_at_every_request() -> None:
    now = [1_000.0]
    identities = WebIdentities(lambda: now[0])
    with serving_keys() as served:
        identities.verify(served.issuer.token(), *_directory(served.issuer.url))
        served.issuer = Issuer(served.issuer.url, "two")
        assert _refused(identities, served) is Reason.INVALID
        assert len(served.requests) == 2
        now[0] += 6
        assert identities.verify(served.issuer.token(), *_directory(served.issuer.url)).subject == SUBJECT
        assert len(served.requests) == 4


def test_keys_are_kept_for_a_time_while_the_issuer_is_away(caplog: pytest.LogCaptureFixture) -> None:
    now = [1_000.0]
    identities = WebIdentities(lambda: now[0])
    with serving_keys() as served, caplog.at_level(logging.ERROR):
        identities.verify(served.issuer.token(), *_directory(served.issuer.url))
        served.is_away = True
        now[0] += 3_000
        assert identities.verify(served.issuer.token(), *_directory(served.issuer.url)).subject == SUBJECT
        assert "responds with status 503" in caplog.text
        now[0] += 700
        assert _refused(identities, served) is Reason.ISSUER_AWAY
        served.is_away = False
        now[0] += 6
        assert identities.verify(served.issuer.token(), *_directory(served.issuer.url)).subject == SUBJECT


def test_an_issuer_that_is_away_is_not_asked_at_every_request() -> None:
    identities = WebIdentities()
    with serving_keys() as served:
        served.is_away = True
        assert [_refused(identities, served) for _ in range(3)] == [Reason.ISSUER_AWAY] * 3
        assert len(served.requests) == 1


@pytest.mark.parametrize(
    ("pattern", "is_trusted"),
    [
        (SUBJECT, True), ("*", True), ("system:serviceaccount:shop:order?", True), ("SYSTEM:*", False),
        ("system:serviceaccount:shop:", False), ("system:serviceaccount:shop:[o]rders", False),
    ],
)  # fmt: skip
def test_subjects_may_have_wildcards(pattern: str, is_trusted: bool) -> None:
    identities = WebIdentities()
    with serving_keys() as served:
        known = _directory(served.issuer.url, subject=pattern)
        if is_trusted:
            assert identities.verify(served.issuer.token(), *known).subject == SUBJECT
        else:
            with pytest.raises(WebIdentityRefused, match="Not authorized"):
                identities.verify(served.issuer.token(), *known)

"""The face with an authenticator, without a Keystone: the order of checks, and which headers count."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.zaqar.conftest import Zaqar
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.session import Session
from zaqar_core.domain.identity import Identity, IdentityUnavailable, NotAuthenticated
from zaqar_core.rest import signatures
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.web.envelope import Refusal, Request

KEY = "a secret"
CLAIMS = {"HTTP_X_ROLES": "admin", "HTTP_X_USER_ID": "root", "HTTP_X_IDENTITY_STATUS": "Confirmed"}


class Tokens:
    """A token is a project id, a blank and a role; for ``away`` the identity service is unavailable."""

    def identify(self, environ: Mapping[str, Any]) -> Identity:
        token = environ.get("HTTP_X_AUTH_TOKEN", "")
        if token == "away":
            raise IdentityUnavailable
        if not token:
            raise NotAuthenticated('Keystone uri="http://k"')
        project, _, role = token.partition(" ")
        shown = {"HTTP_X_PROJECT_ID": project, "HTTP_X_ROLES": role}
        return Identity(project, "user", frozenset({role}), 0.0, shown)


@pytest.fixture
def guarded(session: Session) -> Zaqar:
    """A client whose header names a project of its own."""
    return Zaqar(session, ZaqarFace(Settings(signed_url_key=KEY), Tokens()))


def _token(text: str) -> dict[str, str | None]:
    return {"HTTP_X_AUTH_TOKEN": text}


@pytest.mark.parametrize("path", ["/v2", "/v2/queues", "/v2/no/such/path", "/v1/queues", "/v1.1/pools", "/v2/health"])
def test_without_a_token_every_path_of_a_version_is_401(guarded: Zaqar, path: str) -> None:
    answer = guarded.call("GET", path, headers={**CLAIMS, "HTTP_EXTRA_SPEC": "messagecode:1"})
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Keystone uri="http://k"')


def test_the_root_needs_no_token(guarded: Zaqar) -> None:
    assert guarded.call("GET", "/").status == 300


def test_a_missing_token_is_reported_before_a_body_that_is_too_large(guarded: Zaqar) -> None:
    def refused(token: str) -> int:
        environ = {"PATH_INFO": "/v2/queues/q/messages", "REQUEST_METHOD": "POST", "HTTP_X_AUTH_TOKEN": token}
        request = Request("POST", environ["PATH_INFO"], "", b"", environ)
        return guarded.face.refuse(request, Refusal.BODY_TOO_LARGE).status

    assert (refused(""), refused("p member")) == (401, 400)


def test_an_unavailable_identity_service_is_503(guarded: Zaqar) -> None:
    assert guarded.call("GET", "/v2/queues", headers=_token("away")).status == 503


def test_the_project_is_that_of_the_token(guarded: Zaqar) -> None:
    project = uuid.uuid4().hex
    guarded.call("PUT", "/v2/queues/q", headers=_token(project))
    listed = [guarded.call("GET", "/v2/queues", headers=_token(who)).json["queues"] for who in (project, "another")]
    assert [len(one) for one in listed] == [1, 0]


@pytest.mark.parametrize(("role", "status"), [("member", 403), ("admin", 200)])
def test_admin_paths_need_the_role_in_the_token(guarded: Zaqar, role: str, status: int) -> None:
    answer = guarded.call("GET", "/v2/health", headers={**CLAIMS, **_token(f"p {role}")})
    assert answer.status == status


def test_the_roles_of_admins_can_be_chosen(session: Session) -> None:
    face = ZaqarFace(Settings(admin_roles=("operator", "root")), Tokens())
    found = [Zaqar(session, face).call("GET", "/v2/health", headers=_token(f"p {role}")) for role in ("admin", "root")]
    assert [answer.status for answer in found] == [403, 200]


def test_without_an_authenticator_every_caller_is_an_administrator(zaqar: Zaqar) -> None:
    for claimed in (None, "nobody"):
        assert zaqar.call("GET", "/v2/health", headers={"HTTP_X_ROLES": claimed}).status == 200


def _signed(project: str, path: str) -> dict[str, str | None]:
    grant = signatures.Grant([path], ["GET"], project, signatures.expiry_text(datetime.now(UTC) + timedelta(hours=1)))
    return {
        "HTTP_URL_SIGNATURE": grant.signature(KEY),
        "HTTP_URL_PATHS": path,
        "HTTP_URL_METHODS": "GET",
        "HTTP_URL_EXPIRES": grant.expires,
        "HTTP_X_PROJECT_ID": project,
    }


def test_a_signature_replaces_a_token_but_has_no_role(guarded: Zaqar) -> None:
    assert guarded.call("GET", "/v2/queues", headers=_signed("p", "/v2/queues")).status == 200
    assert guarded.call("GET", "/v2/health", headers={**CLAIMS, **_signed("p", "/v2/health")}).status == 403


@pytest.mark.parametrize(
    "wrong", [{"HTTP_X_PROJECT_ID": "other"}, {"HTTP_X_PROJECT_ID": None}, {"HTTP_URL_EXPIRES": ""}]
)
def test_a_wrong_signature_is_refused(guarded: Zaqar, wrong: dict[str, str | None]) -> None:
    answer = guarded.call("GET", "/v2/queues", headers={**_signed("p", "/v2/queues"), **wrong})
    assert answer.status == 404

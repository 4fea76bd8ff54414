"""Permissions of roles: Zaqar's own rules, and a policy file that overrides them."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.zaqar.conftest import Zaqar
from tests.zaqar.test_identity import KEY, Tokens, _signed, _token
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import load
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.rest import policy
from zaqar_core.rest.actions import ACTIONS
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.rest.policy import ADMIN_RULES
from zaqar_core.rest.routes import ROUTES, RULES
from zaqar_core.websocket.conversation import Conversation, Service

#: The names of Zaqar 23.0.1, and of the home document, which has none there.
UPSTREAM = {
    "queues": "get_all create get delete update stats share purge",
    "messages": "get_all create get delete delete_all",
    "claims": "create get delete update",
    "subscription": "get_all create get delete update confirm",
    "topics": "get_all create get delete update stats purge",
    "pools": "get_all create get delete update",
    "flavors": "get_all create get delete update",
    "ping": "get",
    "health": "get",
    "home": "get",
}
READERS = """
# Whoever reads, and whoever writes too.
writer: role:member or role:admin
reader: "role:reader or rule:writer"
"queues:get_all": rule:reader
"queues:get": "rule:reader"
"queues:create": "rule:writer"
"messages:get_all": "rule:reader"
"messages:create": "rule:writer"
"messages:delete_all": "rule:writer"
"claims:create": "rule:writer"
"pools:get_all": "role:reader"
"""


def test_every_operation_has_a_rule_and_every_rule_an_operation() -> None:
    assert {f"{kind}:{name}" for kind, names in UPSTREAM.items() for name in names.split()} == RULES
    assert all(route.rule for route in ROUTES)
    assert all(action.route.rule in RULES for action in ACTIONS.values())
    assert ADMIN_RULES <= RULES


@pytest.mark.parametrize(
    ("action", "rule"),
    [("queue_get", "queues:get"), ("queue_get_stats", "queues:stats"), ("message_get_many", "messages:get_all"),
     ("subscription_create", "subscription:create"), ("message_delete_many", "messages:delete_all")],
)  # fmt: skip
def test_an_action_has_the_rule_of_its_path(action: str, rule: str) -> None:
    assert ACTIONS[action].route.rule == rule


@pytest.fixture
def policy_file(tmp_path: Path) -> Path:
    return tmp_path / "policy.yaml"


@pytest.fixture
def guarded(session: Session, policy_file: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Zaqar]:
    """A client of a face with that policy, whose file is checked at every request."""
    monkeypatch.setattr(policy, "CHECK_SECONDS", 0)

    def make(text: str = "", **settings: Any) -> Zaqar:
        policy_file.write_text(text)
        chosen = Settings(signed_url_key=KEY, policy_file=policy_file, auth_strategy="keystone", **settings)
        return Zaqar(session, ZaqarFace(chosen, Tokens()))

    return make


def _as(client: Zaqar, role: str) -> Callable[..., int]:
    return lambda *asked, **more: client.call(*asked, headers=_token(f"{client.project} {role}"), **more).status


POSTED = {"messages": [{"body": 1}]}


def test_a_reader_reads_and_changes_nothing(guarded: Callable[..., Zaqar]) -> None:
    client = guarded(READERS)
    reader, member, admin = (_as(client, role) for role in ("reader", "member", "ADMIN"))
    assert member("PUT", "/v2/queues/q") == 201
    assert admin("POST", "/v2/queues/q/messages", POSTED) == 201
    for prefix in ("/v2", "/v1.1", "/v1"):
        assert reader("GET", f"{prefix}/queues") == 200
        assert reader("GET", f"{prefix}/queues/q/messages?echo=true") == 200
        assert reader("PUT", f"{prefix}/queues/q2") == 403
        posted = [{"body": 1, "ttl": 60}] if prefix == "/v1" else POSTED
        assert reader("POST", f"{prefix}/queues/q/messages", posted) == 403
        assert reader("DELETE", f"{prefix}/queues/q/messages?ids=1") == 403
        assert reader("POST", f"{prefix}/queues/q/claims", {"ttl": 60, "grace": 60}) == 403
    assert _as(client, "stranger")("GET", "/v2/queues") == 403
    assert _as(client, "stranger")("GET", "/v2/queues/q/stats") == 200  # the file does not say


def test_a_denied_request_is_403_with_the_text_of_zaqar(guarded: Callable[..., Zaqar]) -> None:
    client = guarded('"queues:create": "role:admin"')
    answer = client.call("PUT", "/v2/queues/q", headers=_token("p member"))
    title, description = "Not authorized", "You are not authorized to complete this action."
    assert (answer.status, answer.json) == (403, {"title": title, "description": description})


def test_without_a_file_the_rules_of_zaqar_apply(guarded: Callable[..., Zaqar]) -> None:
    client = guarded()
    assert _as(client, "member")("PUT", "/v2/queues/q") == 201
    assert _as(client, "member")("GET", "/v2/health") == 403
    assert _as(client, "admin")("GET", "/v2/health") == 200


def test_a_rule_of_a_file_overrides_admin_roles(guarded: Callable[..., Zaqar]) -> None:
    client = guarded('"health:get": "role:auditor"', admin_roles=("operator",))
    assert [_as(client, role)("GET", "/v2/health") for role in ("operator", "auditor")] == [403, 200]
    client = guarded('"health:get": "rule:context_is_admin"', admin_roles=("operator",))
    assert [_as(client, role)("GET", "/v2/health") for role in ("operator", "admin")] == [200, 403]


@pytest.mark.parametrize("role", ["cloud admin", "50%"])
def test_a_role_that_no_rule_can_name_is_refused(guarded: Callable[..., Zaqar], role: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"^admin_roles: "):
        guarded(admin_roles=(role,))


def test_owner_is_the_project_of_the_token(guarded: Callable[..., Zaqar]) -> None:
    client = guarded('"queues:create": "rule:admin_or_owner"\n"queues:delete": "is_admin:True"')
    assert _as(client, "member")("PUT", "/v2/queues/q") == 201
    assert [_as(client, role)("DELETE", "/v2/queues/q") for role in ("member", "admin")] == [403, 204]


def test_a_signature_has_no_role(guarded: Callable[..., Zaqar]) -> None:
    client = guarded('"queues:get_all": "role:member"')
    signed = {**_signed("p", "/v2/queues"), "HTTP_X_ROLES": "member"}
    assert client.call("GET", "/v2/queues", headers=signed).status == 403


def test_a_websocket_action_is_allowed_by_the_rule_of_its_path(core: Core, guarded: Callable[..., Zaqar]) -> None:
    face = guarded(READERS).face
    conversation = Conversation(Service(core, face, Tokens()))

    def answered(action: str, **fields: Any) -> str:
        frame = {"action": action, "headers": {"Client-ID": "3381af92-2b9e-11e3-b191-71861300734c"}, "body": fields}
        return str(conversation.answer(_json(frame)))

    shown = {"action": "authenticate", "headers": {"X-Auth-Token": "p reader"}, "body": {}}
    assert '"status":200' in str(conversation.answer(_json(shown)))
    assert '"status":200' in answered("queue_list")
    denied = answered("message_post", queue_name="q", messages=[{"body": 1}])
    assert '"status":403' in denied
    assert "You are not authorized to complete this action." in denied


def _json(document: Any) -> str:
    return json.dumps(document)


def test_a_changed_file_is_reloaded(guarded: Callable[..., Zaqar], policy_file: Path) -> None:
    client = guarded('"queues:get_all": "role:member"')
    reader = _as(client, "reader")
    assert reader("GET", "/v2/queues") == 403
    policy_file.write_text('"queues:get_all": "role:member or role:reader"')
    assert reader("GET", "/v2/queues") == 200
    _replaced(policy_file, '"queues:get_all": "!"')
    assert reader("GET", "/v2/queues") == 403


def _replaced(file: Path, text: str) -> None:
    draft = file.with_name(".draft")
    draft.write_text(text)
    draft.replace(file)


@pytest.mark.parametrize(
    "bad",
    ['"queues:get_all": [', '"queues:get_all": "nonsense"', '"queues:get_all": !role reader', "a: " + "[" * 5000, None],
)
def test_a_file_that_becomes_invalid_keeps_the_previous_rules(
    guarded: Callable[..., Zaqar], policy_file: Path, caplog: pytest.LogCaptureFixture, bad: str | None
) -> None:
    client = guarded('"queues:get_all": "role:member"')
    if bad is None:
        policy_file.unlink()
    else:
        policy_file.write_text(bad)
    with caplog.at_level(logging.ERROR, "sqs_facade.keystone"):
        assert [_as(client, role)("GET", "/v2/queues") for role in ("reader", "member", "member")] == [403, 200, 200]
    assert len(caplog.messages) == 1
    assert str(policy_file) in caplog.messages[0]
    policy_file.write_text('"queues:get_all": "role:reader"')
    assert _as(client, "reader")("GET", "/v2/queues") == 200


def test_files_in_policy_d_override_the_file(guarded: Callable[..., Zaqar], policy_file: Path) -> None:
    more = policy_file.with_name("policy.d")
    more.mkdir()
    (more / "10.yaml").write_text('"queues:get_all": "role:first"')
    client = guarded('"queues:get_all": "role:member"')
    assert _as(client, "first")("GET", "/v2/queues") == 200
    (more / "20.yaml").write_text('"queues:get_all": "role:second"')
    assert [_as(client, role)("GET", "/v2/queues") for role in ("first", "second")] == [403, 200]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('"a": "@"\n"queues:get": [\n', 3, ""),
        ('"a": "@"\n"queues:get": "role:a and nonsense"\n', 2, "cannot be parsed: role:a and nonsense"),
        ('\n\n"queues:get": "role:a role:b"\n', 3, "cannot be parsed"),
        ('"queues:get": "(role:a"\n', 1, "cannot be parsed"),
        ('"queues:get": "not nonsense or !"\n', 1, "cannot be parsed"),
        ('"queues:get": "project_id:%(project_id"\n', 1, "cannot be parsed"),
        ('# all\n"queues:get": "rule:none"\n', 2, "refers to rule none, which does not exist"),
        ('"queues:get": "not rule:none"\n', 1, "refers to rule none, which does not exist"),
        ('"queues:get": "rule:b"\nb: "not rule:c"\nc: "role:d or rule:b"\n', 1, "in a circle"),
        ('"queues:get": 7\n', 1, "must be a string"),
        ('"queues:get":\n', 1, "must be a string"),
        ('"queues:get": {"role": "a"}\n', 1, "must be a string"),
        ("- queues:get\n", 1, "the file must map rule names to checks"),
        ("just text\n", 1, "the file must map rule names to checks"),
        ('"queues:get": [["nonsense"]]\n', 1, "cannot be parsed"),
        ('"a": "@"\n"queues:get": !role reader\n', 2, "could not determine a constructor for the tag '!role'"),
        ('"a": "@"\n"queues:get": &all [*all]\n', 2, "found unconstructable recursive node"),
        ('"a": "@"\n"queues:get": 2026-13-13\n', 2, "must be a string"),
        ('"a": "@"\n? [queues, get]\n: "role:a"\n', 2, "the file must map rule names to checks"),
    ],
)
def test_a_mistake_in_a_file_is_reported_with_its_line(
    guarded: Callable[..., Zaqar], policy_file: Path, text: str, line: int, reason: str
) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        guarded(text)
    assert str(refused.value).startswith(f"{policy_file}, line {line}: ")
    assert reason in str(refused.value)


@pytest.mark.parametrize("check", ["!", "role:a and !", "not !", [["role:a", "role:b"], ["role:c"]], [], "@", ""])
def test_a_check_that_oslo_policy_understands_is_accepted(guarded: Callable[..., Zaqar], check: Any) -> None:
    guarded(json.dumps({"queues:get": check}))


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"policy_file: cannot read .*none.yaml: No such file or directory"):
        ZaqarFace(Settings(auth_strategy="keystone", policy_file=tmp_path / "none.yaml"), Tokens())


def test_a_rule_that_no_operation_uses_is_reported(
    guarded: Callable[..., Zaqar], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "sqs_facade.keystone"):
        guarded('"queue:create": "role:a"\nb: "role:b"\n"queues:get": "rule:b"')
    assert [message.partition(" defines ")[2] for message in caplog.messages] == [
        "rules that no operation uses: queue:create"
    ]


def test_without_keystone_a_policy_is_refused(tmp_path: Path) -> None:
    """There would be no roles: X-Roles of a client is ignored."""
    with pytest.raises(SettingsInvalid, match="policy_file needs auth_strategy keystone"):
        load({"policy_file": tmp_path}, {})


def test_an_http_check_runs_for_each_request(guarded: Callable[..., Zaqar], session: Session) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            answer = b"True" if len(asked) == 1 else b"False"
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = guarded(f'"queues:get_all": "http://127.0.0.1:{server.server_port}/"')
        assert [_as(client, "member")("GET", "/v2/queues") for _ in range(2)] == [200, 403]
        server.shutdown()
    assert asked == ["/", "/"]


def test_a_rule_that_cannot_be_evaluated_denies(guarded: Callable[..., Zaqar], monkeypatch: pytest.MonkeyPatch) -> None:
    client = guarded('"queues:get_all": "role:member"')
    held = client.face._policy
    assert held is not None

    def fail(*_: Any) -> bool:
        raise RecursionError

    monkeypatch.setattr(held, "_loaded", replace(held._loaded, enforcer=type("Bad", (), {"enforce": fail})()))
    assert _as(client, "member")("GET", "/v2/queues") == 403

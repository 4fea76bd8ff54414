"""``sqs-facade policy simulate``: the decision and its explanation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sqs_facade.cli import main
from tests.access.conftest import OTHER, OWNER, policy
from zaqar_core.core import queues
from zaqar_core.core.session import Session
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef

ARN = f"arn:aws:sqs:us-east-1:{OWNER}:jobs"
USER = f"arn:aws:iam::{OTHER}:user/ann"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with the policies of a user and of a queue of another account."""
    allow: dict[str, Any] = {
        "Sid": "send",
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Resource": "arn:aws:sqs:*:*:${aws:username}*",
    }
    allow |= {"Condition": {"StringEquals": {"aws:PrincipalTag/team": ["red", "blue"]}}}
    (tmp_path / "user.json").write_text(json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    sender = {"Sid": "senders", "Principal": {"AWS": OTHER}, "Action": "sqs:SendMessage"}
    inside = {"Sid": "inside", "Effect": "Deny", "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}
    (tmp_path / "queue.json").write_text(policy(sender, inside))
    return tmp_path


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["policy", "simulate", *arguments])


def of(files: Path, *more: str, resource: str = f"{ARN[:-4]}ann-jobs") -> list[str]:
    named = ["--identity-policy", str(files / "user.json"), "--queue-policy", str(files / "queue.json")]
    return ["--principal", USER, "--action", "sqs:SendMessage", "--resource", resource, *named, *more]


def test_an_allowed_request_is_explained_statement_by_statement(files: Path) -> None:
    found = simulate(*of(files, "--tag", "team=red", "--context", "aws:SourceIp=10.1.2.3"))
    width = len(str(files / "user.json"))
    assert found.output.splitlines() == [
        "allowed: an identity-based policy and the resource-based policy allow it (statement senders)",
        "",
        f"{'policy':{width}}  statement  effect  applies  because",
        f"{files / 'user.json'}  send       Allow   yes",
        f"{'queue':{width}}  senders    Allow   yes",
        f"{'queue':{width}}  inside     Deny    no       NotIpAddress aws:SourceIp 10.0.0.0/8 is false: "
        "the request has 10.1.2.3",
    ]
    assert found.exit_code == 0


def test_a_denied_request_has_the_reason_of_the_service(files: Path) -> None:
    found = simulate(*of(files, "--context", "aws:SourceIp=10.1.2.3"))
    assert found.exit_code == 1
    assert found.output.startswith("denied: because no identity-based policy allows the sqs:sendmessage action\n")
    assert "StringEquals aws:PrincipalTag/team red, blue is false: the request lacks the key" in found.output
    found = simulate(*of(files, "--tag", "team=red", "--context", "aws:SourceIp=192.0.2.1"))
    assert found.output.startswith("denied: with an explicit deny in a resource-based policy (statement inside)\n")


def test_the_explanation_is_also_json(files: Path) -> None:
    found = json.loads(simulate(*of(files, "--json", resource=ARN)).output)
    assert (found["allowed"], found["principal"], found["action"]) == (False, USER, "sqs:sendmessage")
    assert [(row["statement"], row["applies"], row["because"]) for row in found["statements"]] == [
        ("send", False, f"it is not about {ARN}"),
        ("senders", True, None),
        ("inside", True, None),
    ]


def test_a_policy_that_names_the_account_leaves_the_decision_to_others(tmp_path: Path) -> None:
    (tmp_path / "queue.json").write_text(policy({"Principal": {"AWS": OWNER}}))
    user = ["--principal", f"arn:aws:iam::{OWNER}:user/ann", "--action", "SendMessage", "--resource", ARN]
    found = simulate(*user, "--queue-policy", str(tmp_path / "queue.json"))
    assert found.exit_code == 1
    assert "it names the account of the owner, so identity-based policies decide" in found.output


@pytest.mark.parametrize(
    ("principal", "is_allowed"),
    [
        (OWNER, True), ("anonymous", False), ("sns.amazonaws.com", True),
        (f"arn:aws:sts::{OTHER}:assumed-role/r/s", False), (f"arn:aws:iam::{OWNER}:root", True),
    ],
)  # fmt: skip
def test_a_principal_is_a_user_a_session_an_account_a_service_or_nobody(
    tmp_path: Path, principal: str, *, is_allowed: bool
) -> None:
    (tmp_path / "queue.json").write_text(policy({"Principal": {"Service": "sns.amazonaws.com"}}))
    named = ["--action", "sqs:SendMessage", "--resource", ARN, "--queue-policy", str(tmp_path / "queue.json")]
    assert simulate("--principal", principal, *named).exit_code == (0 if is_allowed else 1)


def test_a_live_queue_has_the_policy_of_the_store(session: Session, store_url: str, queue_name: str) -> None:
    ref = QueueRef(OWNER, "us-east-1", queue_name)
    settings = QueueSettings(documents={"policy": policy({"Action": "sqs:SendMessage"}).encode()})
    queues.create(session, ref, settings, creator="sqs")
    resource = f"arn:aws:sqs:us-east-1:{OWNER}:{queue_name}"
    store = ["--live", "--redis", store_url, "--principal", "anonymous"]
    assert simulate(*store, "--resource", resource, "--action", "sqs:SendMessage").exit_code == 0
    assert simulate(*store, "--resource", resource, "--action", "sqs:DeleteQueue").exit_code == 1
    found = simulate(*store, "--resource", f"{resource}-none", "--action", "sqs:SendMessage")
    assert (found.exit_code, f"there is no queue {queue_name}-none" in found.output) == (2, True)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--resource", "jobs"], "--resource must be an ARN"),
        (["--principal", "ann"], "--principal must be an ARN"),
        (["--context", "aws:SourceIp"], "write KEY=VALUE: aws:SourceIp"),
        (["--queue-policy", "none.json"], "cannot read none.json: No such file or directory"),
        (["--live"], "use only one of --live and --queue-policy"),
    ],
)
def test_wrong_use_is_one_line(files: Path, changed: list[str], message: str) -> None:
    found = simulate(*of(files, *changed))
    assert (found.exit_code, message in found.output) == (2, True)
    assert len(found.output.splitlines()) == 1


def test_a_policy_that_is_not_valid_is_refused_with_the_reason(files: Path) -> None:
    (files / "queue.json").write_text(policy({"Effect": "Maybe"}))
    found = simulate(*of(files))
    assert "is not a valid policy: Statement 1: Effect must be Allow or Deny." in found.output

"""AddPermission and RemovePermission, and their effect on the Policy attribute."""

from __future__ import annotations

import json
from typing import Any

from ..bench import Bench
from ..scenario import error, missing, scenario

_ONE = "111111111111"
_TWO = "222222222222"


def _policy(bench: Bench, url: str) -> Any:
    found = bench.attributes(url, "Policy")
    return json.loads(found["Policy"]) if "Policy" in found else "no policy"


def _statement(label: str, principal: Any, action: Any) -> dict[str, Any]:
    return {
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": action,
        "Resource": "<arn>:<queue>",
    }


def _whole(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2008-10-17", "Id": "<arn>:<queue>/SQSDefaultPolicy", "Statement": list(statements)}


@scenario("AddPermission", "R48", _whole(_statement("l", f"arn:aws:iam::{_ONE}:root", "SQS:ReceiveMessage")))
def one_account_and_action(sqs: Any, bench: Bench) -> Any:
    """A single account and a single action are strings in the policy."""
    url = bench.queue()
    sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=[_ONE], Actions=["ReceiveMessage"])
    return _policy(bench, url)


@scenario(
    "AddPermission",
    "R48",
    _whole(
        _statement(
            "l",
            [f"arn:aws:iam::{_ONE}:root", f"arn:aws:iam::{_TWO}:root"],
            ["SQS:ReceiveMessage", "SQS:SendMessage"],
        )
    ),
)
def several_accounts_and_actions(sqs: Any, bench: Bench) -> Any:
    """Several accounts and actions are lists in the policy."""
    url = bench.queue()
    actions = ["ReceiveMessage", "SendMessage"]
    sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=[_ONE, _TWO], Actions=actions)
    return _policy(bench, url)


@scenario(
    "AddPermission",
    "R48",
    _whole(
        _statement("a", f"arn:aws:iam::{_ONE}:root", "SQS:ReceiveMessage"),
        _statement("b", f"arn:aws:iam::{_TWO}:root", "SQS:SendMessage"),
    ),
)
def second_statement(sqs: Any, bench: Bench) -> Any:
    """Each call adds one statement."""
    url = bench.queue()
    sqs.add_permission(QueueUrl=url, Label="a", AWSAccountIds=[_ONE], Actions=["ReceiveMessage"])
    sqs.add_permission(QueueUrl=url, Label="b", AWSAccountIds=[_TWO], Actions=["SendMessage"])
    return _policy(bench, url)


@scenario(
    "AddPermission",
    "R49",
    error("InvalidParameterValue", "Value l for parameter Label is invalid. Reason: Already exists."),
)
def label_used_twice(sqs: Any, bench: Bench) -> Any:
    """A label that is in use is refused."""
    url = bench.queue()
    sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=[_ONE], Actions=["SendMessage"])
    return sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=[_ONE], Actions=["SendMessage"])


@scenario(
    "AddPermission",
    "P50",
    error(
        "InvalidParameterValue",
        "Value SQS:RemovePermission for parameter ActionName is invalid. "
        "Reason: Only the queue owner is allowed to invoke this action.",
    ),
)
def action_of_the_owner(sqs: Any, bench: Bench) -> Any:
    """An action that only the owner may use cannot be granted."""
    return sqs.add_permission(QueueUrl=bench.queue(), Label="l", AWSAccountIds=[_ONE], Actions=["RemovePermission"])


@scenario("AddPermission", "P50", missing("Actions"))
def no_actions(sqs: Any, bench: Bench) -> Any:
    """A permission without actions is refused."""
    return sqs.add_permission(QueueUrl=bench.queue(), Label="l", AWSAccountIds=[_ONE], Actions=[])


@scenario(
    "AddPermission",
    "P50",
    error("InvalidParameterValue", "Value [] for parameter PrincipalId is invalid. Reason: Unable to verify."),
)
def no_accounts(sqs: Any, bench: Bench) -> Any:
    """A permission without accounts is refused."""
    return sqs.add_permission(QueueUrl=bench.queue(), Label="l", AWSAccountIds=[], Actions=["SendMessage"])


@scenario("AddPermission", "P50", error("OverLimit", "8 Actions were found, maximum allowed is 7.", 403))
def too_many_actions(sqs: Any, bench: Bench) -> Any:
    """A permission grants at most seven actions."""
    actions = ["SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"] * 2
    return sqs.add_permission(QueueUrl=bench.queue(), Label="l", AWSAccountIds=[_ONE], Actions=actions)


@scenario("RemovePermission", "R49", ["no policy"])
def last_statement_takes_the_policy_along(sqs: Any, bench: Bench) -> Any:
    """Removing the last statement removes the Policy attribute."""
    url = bench.queue()
    sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=[_ONE], Actions=["SendMessage"])
    sqs.remove_permission(QueueUrl=url, Label="l")
    return [_policy(bench, url)]


@scenario("RemovePermission", "R48 R49", _whole(_statement("b", f"arn:aws:iam::{_ONE}:root", "SQS:SendMessage")))
def one_of_two_statements(sqs: Any, bench: Bench) -> Any:
    """Removing one statement keeps the others."""
    url = bench.queue()
    for label in "ab":
        sqs.add_permission(QueueUrl=url, Label=label, AWSAccountIds=[_ONE], Actions=["SendMessage"])
    sqs.remove_permission(QueueUrl=url, Label="a")
    return _policy(bench, url)


@scenario(
    "RemovePermission",
    "R49",
    error("InvalidParameterValue", "Value x for parameter Label is invalid. Reason: can't find label."),
)
def unknown_label(sqs: Any, bench: Bench) -> Any:
    """An unknown label is refused."""
    url = bench.queue()
    sqs.add_permission(QueueUrl=url, Label="l", AWSAccountIds=[_ONE], Actions=["SendMessage"])
    return sqs.remove_permission(QueueUrl=url, Label="x")

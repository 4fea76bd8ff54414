"""What holds for all policies and requests: random ones, made from a few words so that they meet."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from zaqar_core.access.contexts import GivenContext
from zaqar_core.access.evaluation import Question, evaluate
from zaqar_core.access.policies import Policy
from zaqar_core.access.principals import ANONYMOUS, Principal

OWNER, OTHER = "444455556666", "111122223333"
QUEUE = f"arn:aws:sqs:us-east-2:{OWNER}:queue1"
CALLERS = (
    ANONYMOUS,
    Principal(OWNER, f"arn:aws:iam::{OWNER}:root", OWNER),
    Principal(OWNER, f"arn:aws:iam::{OWNER}:user/ann", "AIDAANN", "ann"),
    Principal(OTHER, f"arn:aws:sts::{OTHER}:assumed-role/r/s", "AROAR:s", role_arn=f"arn:aws:iam::{OTHER}:role/r"),
    Principal("", "", "sns.amazonaws.com", service="sns.amazonaws.com"),
)
ACTIONS = ("sqs:sendmessage", "sqs:receivemessage", "sqs:deletequeue")

_principals = st.sampled_from(
    [
        "*",
        {"AWS": OWNER},
        {"AWS": [OTHER, CALLERS[2].arn]},
        {"AWS": CALLERS[3].role_arn},
        {"Service": "sns.amazonaws.com"},
    ]
)
_actions = st.sampled_from(["*", "sqs:*", "SQS:SendMessage", ["sqs:Receive*", "sqs:DeleteQueue"]])
_resources = st.sampled_from(["*", QUEUE, "arn:aws:sqs:*:*:${aws:username}*", "arn:aws:sqs:*:*:other"])
_conditions = st.dictionaries(
    st.sampled_from(["StringEquals", "StringNotLike", "ForAllValues:StringLike", "StringEqualsIfExists", "Null"]),
    st.dictionaries(st.sampled_from(["aws:Referer", "aws:username"]), st.just("true"), max_size=2),
    max_size=2,
)


@st.composite
def _statement(draw: st.DrawFn, *, is_resource: bool, effect: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": effect or draw(st.sampled_from(["Allow", "Deny"]))}
    if is_resource:
        found[draw(st.sampled_from(["Principal", "NotPrincipal"]))] = draw(_principals)
    found[draw(st.sampled_from(["Action", "NotAction"]))] = draw(_actions)
    found[draw(st.sampled_from(["Resource", "NotResource"]))] = draw(_resources)
    if condition := draw(_conditions):
        found["Condition"] = condition
    return found


@st.composite
def _situation(draw: st.DrawFn) -> tuple[Principal, str, dict[str, Any], list[Any], list[Any]]:
    context = draw(st.dictionaries(st.sampled_from(["aws:Referer", "aws:username"]), st.sampled_from(["true", "x"])))
    identity = draw(st.lists(_statement(is_resource=False), max_size=3))
    resource = draw(st.lists(_statement(is_resource=True), max_size=3))
    return draw(st.sampled_from(CALLERS)), draw(st.sampled_from(ACTIONS)), context, identity, resource


def _allows(caller: Principal, action: str, context: dict[str, Any], identity: list[Any], resource: list[Any]) -> bool:
    policies = (Policy.parse({"Version": "2012-10-17", "Statement": identity}),)
    known = Principal(
        caller.account, caller.arn, caller.user_id, caller.user_name, {}, policies, caller.role_arn, caller.service
    )
    policy = Policy.parse(json.dumps({"Version": "2012-10-17", "Statement": resource}), "resource")
    return evaluate(Question(known, action, QUEUE, OWNER, GivenContext(context)), policy).is_allowed


@given(_situation(), _statement(is_resource=True, effect="Deny"), _statement(is_resource=False, effect="Deny"))
def test_adding_a_denial_never_allows(situation: Any, of_queue: Any, of_caller: Any) -> None:
    caller, action, context, identity, resource = situation
    if not _allows(*situation):
        assert not _allows(caller, action, context, identity, [*resource, of_queue])
        assert not _allows(caller, action, context, [of_caller, *identity], resource)


@given(_situation(), _statement(is_resource=True, effect="Allow"), _statement(is_resource=False, effect="Allow"))
def test_adding_a_permission_never_denies(situation: Any, of_queue: Any, of_caller: Any) -> None:
    caller, action, context, identity, resource = situation
    if _allows(*situation):
        assert _allows(caller, action, context, identity, [of_queue, *resource])
        assert _allows(caller, action, context, [*identity, of_caller], resource)


@given(_situation(), st.randoms())
def test_the_order_of_statements_does_not_count(situation: Any, order: Any) -> None:
    caller, action, context, identity, resource = situation
    found = _allows(*situation)
    order.shuffle(identity)
    order.shuffle(resource)
    assert _allows(caller, action, context, identity, resource) is found


@given(_situation())
def test_without_a_permission_nobody_but_the_root_user_is_allowed(situation: Any) -> None:
    caller, action, context, identity, resource = situation
    kept = [[one for one in statements if one["Effect"] == "Deny"] for statements in (identity, resource)]
    if caller is not CALLERS[1]:
        assert not _allows(caller, action, context, *kept)

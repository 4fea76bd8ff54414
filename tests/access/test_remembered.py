"""Permissions that a process remembers decide as an evaluation of the policies does."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaqar_core.access import contexts
from zaqar_core.access.contexts import RequestContext
from zaqar_core.access.evaluation import Question, evaluate
from zaqar_core.access.policies import Policy
from zaqar_core.access.principals import ANONYMOUS, Principal
from zaqar_core.core import authorization
from zaqar_core.core.authorization import Authorizer, _Guard
from zaqar_core.domain.names import QueueRef

OWNER, OTHER = "444455556666", "111122223333"
REF = QueueRef(OWNER, "us-east-2", "queue1")
ARN = f"arn:aws:sqs:us-east-2:{OWNER}:queue1"
USER = Principal(OWNER, f"arn:aws:iam::{OWNER}:user/ann", "AIDAANN", "ann")
ACTIONS = ("sqs:sendmessage", "sqs:receivemessage")
NEAR: dict[str, Any] = {"REMOTE_ADDR": "10.0.0.1", "wsgi.url_scheme": "https", "HTTP_USER_AGENT": "a"}


def _policy(*statements: dict[str, Any], kind: str = "resource") -> str:
    base: dict[str, Any] = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    if kind == "resource":
        base["Principal"] = "*"
    return json.dumps({"Version": "2012-10-17", "Statement": [{**base, **one} for one in statements]})


def _with(*statements: dict[str, Any], **changes: Any) -> Principal:
    policies = (Policy.parse(_policy(*statements, kind="identity")),)
    return dataclasses.replace(USER, policies=policies, **changes)


def _guard(
    authorizer: Authorizer, caller: Principal, environ: dict[str, Any], action: str, *, is_repair: bool = False
) -> _Guard:
    known = authorizer.known(REF)
    return _Guard(authorizer, REF, caller, (action,), environ, is_repair, known, known.key)


def _allows(
    authorizer: Authorizer, caller: Principal, environ: dict[str, Any] = NEAR, action: str = ACTIONS[0]
) -> bool:
    return _guard(authorizer, caller, environ, action).denial() is None


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """The number of evaluations since the last question about it."""
    made: list[Question] = []

    def counting(question: Question, policy: Any) -> Any:
        made.append(question)
        return evaluate(question, policy)

    monkeypatch.setattr(authorization, "evaluate", counting)

    def number() -> int:
        found = len(made)
        made.clear()
        return found

    return number


def test_policies_are_evaluated_once_for_a_caller_an_action_and_a_queue(evaluations: Callable[[], int]) -> None:
    authorizer, caller = Authorizer(), _with({})
    assert [_allows(authorizer, caller) for _ in range(3)] == [True] * 3
    assert evaluations() == 1
    assert _allows(authorizer, caller, action=ACTIONS[1])
    assert evaluations() == 1


def test_a_permission_for_one_address_is_none_for_another(evaluations: Callable[[], int]) -> None:
    authorizer, root = Authorizer(), Principal(OTHER, f"arn:aws:iam::{OTHER}:root", OTHER)
    authorizer.remember(REF, "hash", _policy({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}))
    for _ in range(3):
        assert _allows(authorizer, root)
        assert not _allows(authorizer, root, {**NEAR, "REMOTE_ADDR": "192.0.2.1"})
    assert evaluations() == 1 + 3


def test_a_permission_over_tls_is_none_without_it() -> None:
    authorizer, caller = Authorizer(), _with({})
    denial = {"Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    authorizer.remember(REF, "hash", _policy({}, denial))
    assert _allows(authorizer, caller)
    assert not _allows(authorizer, caller, {**NEAR, "wsgi.url_scheme": "http"})


@pytest.mark.parametrize(
    "key", ["aws:CurrentTime", "aws:EpochTime", "aws:UserAgent", "aws:Referer", "aws:PrincipalTag/a"]
)
def test_a_permission_that_depends_on_more_is_not_remembered(key: str, evaluations: Callable[[], int]) -> None:
    authorizer, caller = Authorizer(), _with({"Condition": {"Null": {key: "false"}}}, tags={"a": "b"})
    environ = {**NEAR, "HTTP_REFERER": "r"}
    assert all(_allows(authorizer, caller, environ) for _ in range(3))
    assert evaluations() == 3


def test_a_variable_in_a_condition_counts_as_its_key(evaluations: Callable[[], int]) -> None:
    authorizer = Authorizer()
    caller = _with({"Condition": {"StringEquals": {"aws:username": "${aws:UserAgent}"}}})
    assert _allows(authorizer, caller, {**NEAR, "HTTP_USER_AGENT": "ann"})
    assert not _allows(authorizer, caller, {**NEAR, "HTTP_USER_AGENT": "bob"})


def test_a_user_whose_policies_have_changed_is_evaluated_again() -> None:
    authorizer = Authorizer()
    assert _allows(authorizer, _with({}))
    assert not _allows(authorizer, _with({"Action": "sqs:ReceiveMessage"}))


def test_a_queue_whose_policy_has_changed_is_evaluated_again() -> None:
    authorizer = Authorizer()
    authorizer.remember(REF, "1", _policy({}))
    assert _allows(authorizer, ANONYMOUS)
    authorizer.remember(REF, "2", _policy({"Action": "sqs:ReceiveMessage"}))
    assert not _allows(authorizer, ANONYMOUS)


def test_memory_is_bounded() -> None:
    authorizer = Authorizer()
    authorizer.remember(REF, "1", _policy({"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}))
    for number in range(300):
        assert _allows(authorizer, ANONYMOUS, {**NEAR, "REMOTE_ADDR": f"10.0.{number // 250}.{number % 250}"})
        assert _allows(authorizer, _with({}, user_id=str(number)))
    permissions = authorizer.known(REF).permissions
    assert len(permissions) <= authorization._MOST_PERMISSIONS
    assert all(len(one.values or ()) <= authorization._MOST_VALUES for one in permissions.values())


def test_every_key_of_a_request_is_constant_or_remembered_or_neither() -> None:
    """A new key that is in neither table is evaluated each time, which is always right."""
    assert contexts._KEYS.keys() >= contexts._CONSTANT
    assert contexts._KEYS.keys() - contexts._CONSTANT >= contexts.REMEMBERED


_conditions = st.sampled_from(
    [
        {},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        {"StringLike": {"aws:UserAgent": "${aws:username}*"}},
        {"Null": {"aws:SourceIp": "true"}},
        {"StringEquals": {"aws:PrincipalTag/team": "a"}, "NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    ]
)
_statements = st.lists(
    st.fixed_dictionaries(
        {
            "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
            "Action": st.sampled_from(["sqs:*", "sqs:SendMessage"]),
            "Resource": st.sampled_from(["*", ARN, "arn:aws:sqs:*:*:${aws:useragent}*"]),
            "Condition": _conditions,
        }
    ),
    max_size=3,
)
_environs = st.fixed_dictionaries(
    {
        "REMOTE_ADDR": st.sampled_from(["10.0.0.1", "192.0.2.1"]),
        "wsgi.url_scheme": st.sampled_from(["http", "https"]),
        "HTTP_USER_AGENT": st.sampled_from(["ann", "queue1"]),
    }
)


def test_the_documents_that_are_remembered_have_a_bound_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """One caller may change the policy of one queue without end, and each version is read by the next request."""
    authorizer = Authorizer()
    documents = [_policy({"Sid": str(number)}) for number in range(5)]
    monkeypatch.setattr(authorization, "_MOST_CHARACTERS", 2 * len(documents[0]))
    refs = [REF.sibling(str(number)) for number in range(5)]
    for ref, document in zip(refs, documents, strict=True):
        authorizer.remember(ref, "hash", document)
    kept = [authorizer.known(ref).policy for ref in refs]
    assert [isinstance(one, Policy) and one.document for one in kept] == [False, False, False, False, documents[4]]
    longest = _policy({"Sid": "x" * len(documents[0])})
    authorizer.remember(REF, "hash", longest)
    assert authorizer.known(REF).policy == Policy.parse(longest, "resource")


@given(
    st.lists(_statements, min_size=1, max_size=2),
    _statements,
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(ACTIONS), _environs, st.booleans()), min_size=2, max_size=12),
)
def test_random_requests_are_decided_as_an_evaluation_does(identity: Any, resource: Any, requests: Any) -> None:
    callers = [_with(*one, tags=tags) for one in identity for tags in ({"team": "a"}, {})]
    authorizer = Authorizer()
    authorizer.remember(REF, "hash", _policy(*resource))
    policy = authorizer.known(REF).policy
    for who, action, environ, is_repair in requests:
        caller = callers[who % len(callers)]
        context = RequestContext(caller, environ, REF.region, OWNER)
        decision = evaluate(Question(caller, action, ARN, OWNER, context, is_repair), policy)
        guard = _guard(authorizer, caller, environ, action, is_repair=is_repair)
        assert (guard.denial() is None) is decision.is_allowed

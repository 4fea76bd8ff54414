"""Policy documents: what is refused, and that no document or pattern does harm."""

from __future__ import annotations

import fnmatch
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaqar_core.access import patterns
from zaqar_core.access.contexts import GivenContext
from zaqar_core.access.errors import PolicyInvalid
from zaqar_core.access.evaluation import Question, evaluate
from zaqar_core.access.patterns import Pattern
from zaqar_core.access.policies import Kind, Policy
from zaqar_core.access.principals import Principal

GOOD = {"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
CALLER = Principal("1" * 12, "arn:aws:iam::111111111111:user/a", "AIDA", "a")
NOTHING = GivenContext({})


def _changed(**members: Any) -> dict[str, Any]:
    return {"Statement": [{name: value for name, value in {**GOOD, **members}.items() if value is not None}]}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("{", "It must be a JSON object."),
        ("[]", "It must be a JSON object."),
        ({"Statement": ["x"]}, "Its statements must be JSON objects."),
        ({"Version": "2020-01-01"}, "Its Version must be one of 2012-10-17, 2008-10-17."),
        (_changed(Effect="allow"), "Statement 1: Effect must be Allow or Deny."),
        (_changed(Effect=None), "Statement 1: Effect must be Allow or Deny."),
        (_changed(Sid="one", Action=None), "Statement one: Action or NotAction is missing."),
        (_changed(NotAction="sqs:*"), "Statement 1: it must not have both Action and NotAction."),
        (_changed(Action=[]), "Statement 1: Action must be a string, or a list of strings."),
        (_changed(Action=5), "Statement 1: Action must be a string, or a list of strings."),
        (_changed(Action="Send"), "Statement 1: the action Send lacks the prefix of its service, such as sqs:."),
        (_changed(Resource="q"), "Statement 1: the resource q is neither an ARN nor *."),
        (_changed(NotResource="*"), "Statement 1: it must not have both Resource and NotResource."),
        (_changed(Principal=None), "Statement 1: it needs Principal or NotPrincipal, and not both."),
        (_changed(NotPrincipal="*"), "Statement 1: it needs Principal or NotPrincipal, and not both."),
        (_changed(Principal="a"), 'Statement 1: Principal must be "*" or an object such as {"AWS": "123456789012"}.'),
        (
            _changed(Principal={"User": "a"}),
            "Statement 1: the principal User must be AWS, Service, Federated or CanonicalUser.",
        ),
        (
            _changed(Principal={"AWS": "arn:aws:iam::123456789012:user/*"}),
            "Statement 1: the principal arn:aws:iam::123456789012:user/* must not have wildcards.",
        ),
        (_changed(Principal={"AWS": []}), "Statement 1: the principal AWS must name a caller."),
        *(
            (
                _changed(NotPrincipal={"AWS": f"arn:aws:iam::{account}:root"}, Principal=None),
                f"Statement 1: the principal arn:aws:iam::{account}:root must not have wildcards.",
            )
            for account in ("*", "12345678901?")
        ),
        (
            _changed(Principal={"AWS": "arn:aws:iam:::root"}),
            "Statement 1: the principal arn:aws:iam:::root has no account.",
        ),
        *(
            (
                {"Version": "2012-10-17", **_changed(**{element: value})},
                f"Statement 1: a variable in {text} must have a name and a closing brace.",
            )
            for text in (
                "arn:aws:sqs:*:*:${aws:username",
                "arn:aws:sqs:*:*:${}",
                "arn:aws:sqs:*:*:${a${b}",
                "arn:aws:sqs:*:*:${a{b}",
            )
            for element, value in (("Resource", text), ("Condition", {"ArnLike": {"aws:PrincipalArn": text}}))
        ),
        (_changed(Conditions={}), "Statement 1: Conditions is not an element of a statement."),
        (_changed(condition={}), "Statement 1: condition is not an element of a statement."),
        ({"Statement": [], "statement": []}, "statement is not an element of a policy."),
        (json.dumps(_changed(Sid="x"))[:-3] + ', "Sid": "y"}]}', "Its member Sid is repeated."),
        (
            json.dumps(_changed(Condition={"Bool": {"a": "true"}}))[:-4] + ', "Bool": {"b": "true"}}}]}',
            "Its member Bool is repeated.",
        ),
        (
            _changed(Condition={"NullIfExists": {"a": "true"}}),
            "Statement 1: NullIfExists is not a condition operator.",
        ),
        (_changed(Condition=[]), "Statement 1: Condition must be an object."),
        (
            _changed(Condition={"Bool": "true"}),
            "Statement 1: the condition Bool must be an object of keys and values.",
        ),
        (_changed(Condition={"Equals": {"a": "b"}}), "Statement 1: Equals is not a condition operator."),
        (
            _changed(Condition={"StringEquals": {"a": {}}}),
            "Statement 1: a value of the condition key a must be a string, a number, true or false.",
        ),
        (
            _changed(Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/99"}}),
            "Statement 1: 10.0.0.0/99 is neither an IP address nor a network in CIDR notation.",
        ),
        (_changed(Condition={"NumericEquals": {"a": "x"}}), "Statement 1: x is not a number."),
        (_changed(Condition={"DateEquals": {"a": "2024-13-01"}}), "Statement 1: 2024-13-01 is not a date."),
        (
            _changed(Condition={"Bool": {"a": "1"}}),
            "Statement 1: the condition Bool must have the value true or false.",
        ),
        (
            _changed(Condition={"Null": {"a": "1"}}),
            "Statement 1: the condition Null must have the value true or false.",
        ),
        (
            _changed(Condition={"BinaryEquals": {"a": "?"}}),
            "Statement 1: a value of the condition BinaryEquals must be base64.",
        ),
    ],
)
def test_a_document_that_cannot_be_evaluated_is_refused_with_the_reason(document: Any, reason: str) -> None:
    with pytest.raises(PolicyInvalid, match=f"^{re.escape(reason)}$"):
        Policy.parse(document, "resource")


def test_an_identity_based_policy_names_no_principal_and_a_resource() -> None:
    with pytest.raises(PolicyInvalid, match="an identity-based policy has no Principal"):
        Policy.parse({"Statement": GOOD})
    with pytest.raises(PolicyInvalid, match="Resource or NotResource is missing"):
        Policy.parse({"Statement": {"Effect": "Allow", "Action": "*"}})


_words = st.sampled_from(
    [
        "Version", "2012-10-17", "Statement", "Effect", "Allow", "Deny", "Principal", "NotPrincipal", "AWS", "Service",
        "Action", "NotAction", "Resource", "NotResource", "Condition", "Null", "true", "sqs:*", "*", "${aws:username}",
        "StringLike", "NumericEquals", "DateLessThan", "IpAddress", "ArnLike", "BinaryEquals", "aws:SourceIp", "${",
        "?", "ForAllValues:StringEquals", "arn:aws:sqs:::", "1" * 12,
    ]
)  # fmt: skip
_texts = _words | st.text(max_size=8)
_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=6),
    max_leaves=30,
)
_nearly = st.fixed_dictionaries(
    {"Statement": st.lists(st.fixed_dictionaries({}, optional={
        "Sid": _documents, "Effect": st.sampled_from(["Allow", "Deny"]), "Principal": st.just("*") | _documents,
        "Action": _texts | _documents, "Resource": st.just("*") | _documents,
        "Condition": st.dictionaries(_texts, st.dictionaries(_texts, _texts | _documents, max_size=2), max_size=2),
    }), max_size=3)},
    optional={"Version": st.just("2012-10-17") | _documents},
)  # fmt: skip


@given(_documents | _nearly | st.text(), st.sampled_from(["identity", "resource"]))
def test_no_document_raises_anything_else(document: Any, kind: Kind) -> None:
    try:
        policy = Policy.parse(document if isinstance(document, str) else json.dumps(document), kind)
    except PolicyInvalid:
        return
    context = GivenContext({"aws:SourceIp": "x", "aws:username": "*?${a}"})
    evaluate(Question(CALLER, "sqs:sendmessage", "arn:aws:sqs:::q", "1" * 12, context), policy)


@given(st.text("ab*?.", max_size=12), st.text("ab.", max_size=12))
def test_wildcards_match_as_those_of_file_names(pattern: str, text: str) -> None:
    found = Pattern(patterns.tokens(pattern, has_variables=True, has_wildcards=True))
    assert found.matches(text, NOTHING) is fnmatch.fnmatchcase(text, pattern)


class _Counted(str):
    """A text that counts how often it is searched."""

    searches = 0

    def find(self, *arguments: Any) -> int:
        _Counted.searches += 1
        return super().find(*arguments)


@pytest.mark.parametrize("number", [10, 100, 1000])
def test_a_pattern_is_searched_once_for_each_of_its_parts(number: int) -> None:
    """Backtracking would take a power of the number of wildcards."""
    pattern = Pattern(patterns.tokens("*a" * number + "*b*", has_variables=False, has_wildcards=True))
    _Counted.searches = 0
    assert not pattern.matches(_Counted("a" * 5000), NOTHING)
    assert _Counted.searches <= number + 1


def test_a_number_of_many_digits_does_no_harm() -> None:
    document = json.dumps(_changed(Condition={"NumericLessThan": {"a": 0}})).replace(": 0}", f": 0.{'9' * 5_000}}}")
    assert "0.999" in document
    Policy.parse(document, "resource")


@pytest.mark.parametrize(("effect", "allowed"), [("Allow", False), ("Deny", False)])
def test_a_statement_about_all_but_an_unknown_resource_allows_nothing(effect: str, allowed: bool) -> None:
    """A role has no aws:username. Nobody knows what its statement leaves out, so it permits nothing, and may deny."""
    everything = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    but = {"Effect": effect, "Action": "sqs:*", "NotResource": "arn:aws:sqs:*:*:${aws:username}"}
    given = [but, everything] if effect == "Deny" else [but]
    role = Principal(
        "1" * 12, "arn:aws:sts::111111111111:assumed-role/r/s", "AROA:s", role_arn="arn:aws:iam::111111111111:role/r",
        policies=(Policy.parse({"Version": "2012-10-17", "Statement": given}),),
    )  # fmt: skip
    question = Question(role, "sqs:sendmessage", "arn:aws:sqs:us-east-1:111111111111:q", "1" * 12, NOTHING)
    assert evaluate(question, None).is_allowed is allowed


@pytest.mark.parametrize(
    ("version", "text", "matched"),
    [("2008-10-17", "${a*}", True), ("2008-10-17", "${axx}", True), ("2012-10-17", "${axx}", False)],
)
def test_wildcards_count_everywhere_in_versions_without_variables(version: str, text: str, matched: bool) -> None:
    policy = Policy.parse({"Version": version, "Statement": {**GOOD, "Resource": "arn:aws:sqs:*:*:${a*}"}}, "resource")
    question = Question(CALLER, "sqs:sendmessage", f"arn:aws:sqs:us-east-1:111111111111:{text}", "1" * 12, NOTHING)
    assert evaluate(question, policy).is_allowed is matched

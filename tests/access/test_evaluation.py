"""AWS's evaluation logic, by tables. Each row of ``evaluations.json`` is one request, its policies and the decision;
each row of ``conditions.json`` an operator, the values of the policy, those of the request, and whether it holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zaqar_core.access.conditions import Condition
from zaqar_core.access.contexts import GivenContext, RequestContext
from zaqar_core.access.errors import PolicyInvalid
from zaqar_core.access.evaluation import Decision, Invalid, Question, by_identity, evaluate
from zaqar_core.access.policies import Kind, Policy
from zaqar_core.access.principals import Principal

HERE = Path(__file__).parent
TABLE = json.loads((HERE / "evaluations.json").read_text())
CONDITIONS = json.loads((HERE / "conditions.json").read_text())
QUEUE = "arn:aws:sqs:us-east-2:444455556666:queue1"


def _policy(case: dict[str, Any], statements: list[Any], kind: Kind) -> Policy:
    document = {"Version": case.get("version", "2012-10-17"), "Statement": statements}
    return Policy.parse(json.dumps(document).replace("<queue>", QUEUE), kind)


def _caller(case: dict[str, Any]) -> Principal:
    policies = (_policy(case, case["identity"], "identity"),) if "identity" in case else ()
    return Principal(**TABLE["callers"][case["caller"]], policies=policies)


def _queue_policy(case: dict[str, Any]) -> Policy | Invalid | None:
    if "queue" not in case:
        return None
    try:
        return _policy(case, case["queue"], "resource")
    except PolicyInvalid as problem:
        return Invalid(str(problem))


def _decide(case: dict[str, Any]) -> Decision:
    caller, resource = _caller(case), case.get("resource", QUEUE)
    owner = case.get("owner", "444455556666")
    context = GivenContext(case.get("context", {}), RequestContext(caller, {}, "us-east-2", owner))
    action = f"sqs:{case.get('action', 'SendMessage').lower()}"
    question = Question(caller, action, resource, owner, context, is_repair=case.get("kind") == "repair")
    return by_identity(question) if case.get("kind") == "identity" else evaluate(question, _queue_policy(case))


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["name"])
def test_a_request_is_decided_as_aws_decides_it(case: dict[str, Any]) -> None:
    found = _decide(case)
    assert found.reason.name == case["decision"]
    assert found.is_allowed is case["decision"].startswith("ALLOWED")


def test_the_table_is_large_and_has_no_name_twice() -> None:
    names = [case["name"] for case in TABLE["cases"]]
    assert len(names) == len(set(names)) >= 150


@pytest.mark.parametrize(("operator", "values", "given", "holds"), CONDITIONS)
def test_a_condition_holds_as_aws_documents_it(operator: str, values: Any, given: Any, *, holds: bool) -> None:
    listed = values if isinstance(values, list) else [values]
    texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in listed]
    condition = Condition(operator, "aws:TheKey", texts, has_variables=True)
    assert condition.holds(GivenContext({"AWS:theKEY": given})) is holds

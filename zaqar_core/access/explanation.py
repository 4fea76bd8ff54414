"""Why the policies decide as they do: each statement, and whether it applies to a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from zaqar_core.access.callers import Match
from zaqar_core.access.evaluation import Question
from zaqar_core.access.policies import Policy, Statement


@dataclass(frozen=True, slots=True)
class Row:
    """One statement of a policy. ``because`` says why it does not apply, or what is special about it; "" if nothing."""

    policy: str
    statement: str
    effect: str
    applies: bool
    because: str


def explain(question: Question, policies: Sequence[tuple[str, Policy]]) -> Iterator[Row]:
    """Explain each statement of the policies, which come with their names."""
    for name, policy in policies:
        for statement in policy.statements:
            effect = "Deny" if statement.denies else "Allow"
            applies, because = _explain(question, statement)
            yield Row(name, statement.label, effect, applies, because)


def _explain(question: Question, statement: Statement) -> tuple[bool, str]:
    by_account = False
    if statement.callers is not None:
        match = statement.callers.match(question.caller, denies=statement.denies)
        if match is Match.NONE:
            return False, "it does not name the caller"
        by_account = match is Match.BY_ACCOUNT and question.caller.account == question.owner
    if not statement.covers_action(question.action):
        return False, f"it is not about {question.action}"
    if not statement.covers_resource(question.resource, question.context):
        return False, f"it is not about {question.resource}"
    for condition in statement.conditions:
        if not condition.holds(question.context):
            values = question.context.get(condition.key)
            has = "lacks the key" if values is None else f"has {', '.join(values)}"
            return False, f"{condition.text} is false: the request {has}"
    if by_account:
        return False, "it names the account of the owner, so identity-based policies decide"
    return True, ""

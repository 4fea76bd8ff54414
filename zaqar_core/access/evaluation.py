"""AWS's evaluation logic: may this caller do this? A pure function of the request and of the policies.

1. A denial in any policy that applies wins.
2. In the owner's account, a permission in an identity-based policy or in the queue's policy is enough. For that, the
   queue's policy must name the caller: by naming the account it leaves the decision to identity-based policies.
3. Across accounts, both must allow. Anonymous callers and AWS services have no identity-based policies: for them the
   queue's policy decides.
4. The root user of an account needs no identity-based policy.

Source: the IAM user guide, "Policy evaluation logic".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from zaqar_core.access.callers import Match, is_root
from zaqar_core.access.patterns import Values
from zaqar_core.access.policies import Policy, Statement
from zaqar_core.access.principals import Principal


class Reason(Enum):
    """Why a request is allowed or denied."""

    ALLOWED_BY_IDENTITY = "an identity-based policy allows it"
    ALLOWED_BY_RESOURCE = "the resource-based policy allows it"
    ALLOWED_BY_BOTH = "an identity-based policy and the resource-based policy allow it"
    #: The owner repairs the policy of a queue: see ``Question.is_repair``.
    ALLOWED_AS_REPAIR = "an identity-based policy allows it, and the resource-based policy cannot deny the repair"
    DENIED_BY_IDENTITY = "with an explicit deny in an identity-based policy"
    DENIED_BY_RESOURCE = "with an explicit deny in a resource-based policy"
    NOT_ALLOWED_BY_IDENTITY = "because no identity-based policy allows the {action} action"
    NOT_ALLOWED_BY_RESOURCE = "because no resource-based policy allows the {action} action"
    #: A stored policy cannot be compiled, so nobody knows whom it denies.
    RESOURCE_POLICY_INVALID = "because the resource-based policy is not valid"


class Decision(NamedTuple):
    """The answer. ``statement`` is the label of the statement that decided, "" where none did."""

    is_allowed: bool
    reason: Reason
    statement: str = ""


@dataclass(slots=True)
class Question:
    """May ``caller`` do ``action`` with ``resource``, an ARN, of the account ``owner``?

    ``action`` is in lower case, with its prefix. ``context`` has the values for conditions and variables.
    ``is_repair``: the action shows, replaces or removes the policy itself. Then the policy cannot deny it to callers of
    the owner's account whose identity-based policies allow it, so that nobody is locked out of his own queue.
    """

    caller: Principal
    action: str
    resource: str
    owner: str
    context: Values
    is_repair: bool = False


_ROOT = Decision(True, Reason.ALLOWED_BY_IDENTITY)
_SILENT = Decision(False, Reason.NOT_ALLOWED_BY_IDENTITY)


class Invalid(NamedTuple):
    """A resource-based policy that cannot be compiled, and why. It allows nothing and denies everything but repair."""

    problem: str


def evaluate(question: Question, policy: Policy | Invalid | None) -> Decision:
    """Decide by the caller's identity-based policies and by the resource's ``policy``."""
    identity = by_identity(question)
    if identity.reason is Reason.DENIED_BY_IDENTITY:
        return identity
    return with_resource(question, identity, policy)


def dependencies(question: Question, policy: Policy | Invalid | None) -> frozenset[str]:
    """Return the keys of the context on which the decision depends, for this caller, action and resource."""
    known = (*question.caller.policies, *((policy,) if isinstance(policy, Policy) else ()))
    return frozenset[str]().union(
        *(one.relevant(question.caller, question.action, question.resource, question.context).keys for one in known)
    )


def by_identity(question: Question) -> Decision:
    """Decide by the identity-based policies alone: for actions without a resource-based policy."""
    caller, action, resource, context = question.caller, question.action, question.resource, question.context
    permission = None
    for policy in caller.policies:
        relevant = policy.relevant(caller, action, resource, context)
        denial = _first(relevant.denials, resource, context)
        if denial is not None:
            return Decision(False, Reason.DENIED_BY_IDENTITY, denial.label)
        if permission is None:
            permission = _first(relevant.permissions, resource, context)
    if permission is not None:
        return Decision(True, Reason.ALLOWED_BY_IDENTITY, permission.label)
    return _ROOT if is_root(caller) else _SILENT


def with_resource(question: Question, identity: Decision, policy: Policy | Invalid | None) -> Decision:
    """Decide by the resource's policy, after ``identity``, which is no denial."""
    caller = question.caller
    is_owner = caller.account == question.owner
    if question.is_repair and is_owner and identity.is_allowed:
        return identity._replace(reason=Reason.ALLOWED_AS_REPAIR)
    if isinstance(policy, Invalid):
        return Decision(False, Reason.RESOURCE_POLICY_INVALID)
    permission = None
    if policy is not None:
        relevant = policy.relevant(caller, question.action, question.resource, question.context)
        denial = _first(relevant.denials, question.resource, question.context)
        if denial is not None:
            return Decision(False, Reason.DENIED_BY_RESOURCE, denial.label)
        if not (is_owner and identity.is_allowed):
            named = relevant.permissions
            if is_owner:
                named = tuple(one for one in named if one[1] is Match.DIRECT)
            permission = _first(named, question.resource, question.context)
    if is_owner:
        if identity.is_allowed:
            return identity
        if permission is not None:
            return Decision(True, Reason.ALLOWED_BY_RESOURCE, permission.label)
        return identity
    if permission is None:
        return Decision(False, Reason.NOT_ALLOWED_BY_RESOURCE)
    if caller.is_anonymous:
        return Decision(True, Reason.ALLOWED_BY_RESOURCE, permission.label)
    if identity.is_allowed:
        return Decision(True, Reason.ALLOWED_BY_BOTH, permission.label)
    return identity


def _first(found: Iterable[tuple[Statement, Match]], resource: str, context: Values) -> Statement | None:
    """Return the first statement whose conditions are true for the request."""
    for statement, _ in found:
        if statement.is_unconditional or statement.applies(resource, context):
            return statement
    return None

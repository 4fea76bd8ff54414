"""What holds for all policies: every set of a few statements that meet in all ways, for every kind of caller.

A table of decisions is made once, so each property is checked for all sets, and none depends on luck.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from zaqar_core.access.contexts import GivenContext
from zaqar_core.access.evaluation import Question, evaluate
from zaqar_core.access.policies import Kind, Policy, Statement
from zaqar_core.access.principals import ANONYMOUS, Principal

OWNER, OTHER = "444455556666", "111122223333"
QUEUE = f"arn:aws:sqs:us-east-2:{OWNER}:queue1"
ROOT = Principal(OWNER, f"arn:aws:iam::{OWNER}:root", OWNER)
USER = Principal(OWNER, f"arn:aws:iam::{OWNER}:user/ann", "AIDAANN", "ann")
ROLE = Principal(OTHER, f"arn:aws:sts::{OTHER}:assumed-role/r/s", "AROAR:s", role_arn=f"arn:aws:iam::{OTHER}:role/r")
SERVICE = Principal("", "", "sns.amazonaws.com", service="sns.amazonaws.com")
CALLERS = (ANONYMOUS, ROOT, USER, ROLE, SERVICE)
CONTEXTS: tuple[dict[str, str], ...] = ({}, {"aws:Referer": "yes"}, {"aws:Referer": "no"})
_YES = {"Condition": {"StringEquals": {"aws:Referer": "yes"}}}
_NOT_YES = {"Condition": {"StringNotEquals": {"aws:Referer": "yes"}}}

#: Parts of statements about the queue, each as a permission and as a denial.
_OF_QUEUE: tuple[dict[str, Any], ...] = (
    {"Principal": "*"},
    {"Principal": "*", **_YES},
    {"Principal": {"AWS": OWNER}},
    {"Principal": {"AWS": [OTHER, USER.arn]}},
    {"Principal": {"AWS": ROLE.role_arn}, **_NOT_YES},
    {"Principal": {"Service": SERVICE.service}},
    {"NotPrincipal": {"AWS": [USER.arn, OWNER]}},
    {"Principal": "*", "NotAction": "sqs:SendMessage"},
    {"Principal": "*", "NotResource": f"{QUEUE}x"},
)
_OF_CALLER: tuple[dict[str, Any], ...] = (
    {},
    _YES,
    {"Action": "sqs:Receive*"},
    {"NotAction": "sqs:Receive*"},
    {"Resource": "arn:aws:sqs:*:*:${aws:Referer}*"},
)


def _compiled(parts: tuple[dict[str, Any], ...], kind: Kind) -> list[Statement]:
    found: list[Statement] = []
    for effect, part in itertools.product(("Allow", "Deny"), parts):
        one: dict[str, Any] = {"Effect": effect, **part}
        one = ({} if "NotAction" in part else {"Action": "sqs:*"}) | one
        one = ({} if "NotResource" in part else {"Resource": "*"}) | one
        found += Policy.parse({"Version": "2012-10-17", "Statement": one}, kind).statements
    return found


OF_QUEUE, OF_CALLER = _compiled(_OF_QUEUE, "resource"), _compiled(_OF_CALLER, "identity")
Chosen = frozenset[int]
NOTHING: Chosen = frozenset()


class Case(NamedTuple):
    """A request, by the numbers of its caller and context, and of the statements of the caller and of the queue."""

    caller: int
    context: int
    identity: Chosen
    queue: Chosen


def _sets(statements: list[Statement], most: int) -> list[Chosen]:
    numbers = range(len(statements))
    return [frozenset(one) for size in range(most + 1) for one in itertools.combinations(numbers, size)]


def _decided(
    identity: list[Statement], queue: list[Statement], number: int, context: int, *more: list[Statement]
) -> bool:
    """Decide by one policy of the caller, or by ``more``, and by the policy of the queue."""
    caller = CALLERS[number]
    policies = tuple(Policy("", statements) for statements in (identity, *more) if statements)
    known = Principal(
        caller.account, caller.arn, caller.user_id, caller.user_name, {}, policies, caller.role_arn, caller.service
    )
    policy = Policy("", queue) if queue else None
    question = Question(known, "sqs:sendmessage", QUEUE, OWNER, GivenContext(CONTEXTS[context]))
    return evaluate(question, policy).is_allowed


class Table(dict[Case, bool]):
    """The decision about each case; ``cases`` iterates over them without the largest sets."""

    def cases(self) -> Iterator[tuple[Case, bool]]:
        return ((case, allowed) for case, allowed in self.items() if len(case.queue) < 2 and len(case.identity) < 2)

    def denies(self, case: Case) -> bool:
        """Return whether a statement of the case denies the request, whatever allows it."""
        return not self[case._replace(identity=case.identity | {0}, queue=case.queue | {0})]


@pytest.fixture(scope="module")
def table() -> Table:
    found = Table()
    for identity, queue in itertools.product(_sets(OF_CALLER, 2), _sets(OF_QUEUE, 2)):
        if len(identity) == 2 and len(queue) == 2 and not (0 in identity and 0 in queue):
            continue
        of_caller, of_queue = [OF_CALLER[one] for one in identity], [OF_QUEUE[one] for one in queue]
        for caller, context in itertools.product(range(len(CALLERS)), range(len(CONTEXTS))):
            found[Case(caller, context, identity, queue)] = _decided(of_caller, of_queue, caller, context)
    return found


def _added(case: Case, *, denies: bool) -> Iterator[Case]:
    for number, one in enumerate(OF_QUEUE):
        if one.denies is denies:
            yield case._replace(queue=case.queue | {number})
    for number, one in enumerate(OF_CALLER):
        if one.denies is denies:
            yield case._replace(identity=case.identity | {number})


def test_the_statements_meet(table: Table) -> None:
    """All properties would hold for a table in which nothing is ever allowed, or denied."""
    for caller in range(len(CALLERS)):
        found = [allowed for case, allowed in table.items() if case.caller == caller]
        assert 0.02 < sum(found) / len(found) < 0.9
        denied = [table.denies(case) for case, _ in table.cases() if case.caller == caller]
        assert 0.1 < sum(denied) / len(denied) < 0.9


def test_adding_a_denial_never_allows(table: Table) -> None:
    for case, allowed in table.cases():
        if not allowed:
            assert not any(table[one] for one in _added(case, denies=True)), case


def test_adding_a_permission_never_denies(table: Table) -> None:
    for case, allowed in table.cases():
        if allowed:
            assert all(table[one] for one in _added(case, denies=False)), case


def test_a_denial_wins_over_every_permission(table: Table) -> None:
    for case, _ in table.cases():
        if table.denies(case):
            assert not table[case], case
            assert not any(table[one] for one in _added(case, denies=False)), case


def test_a_denial_of_everything_denies_everything(table: Table) -> None:
    of_queue, of_caller = len(_OF_QUEUE), len(_OF_CALLER)
    assert OF_QUEUE[of_queue].denies
    assert OF_CALLER[of_caller].denies
    for case, allowed in table.items():
        if of_queue in case.queue or of_caller in case.identity:
            assert not allowed, case


def test_in_the_account_of_the_queue_one_permission_is_enough(table: Table) -> None:
    for case, allowed in table.cases():
        if CALLERS[case.caller].account == OWNER:
            one, other = table[case._replace(identity=NOTHING)], table[case._replace(queue=NOTHING)]
            assert allowed is ((one or other) and not table.denies(case)), case


def test_across_accounts_both_must_allow(table: Table) -> None:
    for case, allowed in table.cases():
        if CALLERS[case.caller] is ROLE and allowed:
            assert not table[case._replace(identity=NOTHING)], case
            assert not table[case._replace(queue=NOTHING)], case


def test_only_the_root_user_needs_no_permission(table: Table) -> None:
    for case, allowed in table.cases():
        permissions = [one for one in case.queue if not OF_QUEUE[one].denies]
        permissions += [one for one in case.identity if not OF_CALLER[one].denies]
        if allowed and not permissions:
            assert CALLERS[case.caller] is ROOT, case


def test_the_order_of_statements_does_not_count() -> None:
    for one, other in itertools.combinations(OF_QUEUE, 2):
        for caller in range(len(CALLERS)):
            assert _decided([], [one, other], caller, 1) is _decided([], [other, one], caller, 1)
    for one, other in itertools.combinations(OF_CALLER, 2):
        assert _decided([one, other], [], 2, 1) is _decided([other, one], [], 2, 1)


def test_the_policies_of_a_caller_count_as_one() -> None:
    """A permission in one does not hide a denial in another, and they may stand in any order."""
    for one, other in itertools.permutations(OF_CALLER, 2):
        for context, queue in itertools.product(range(len(CONTEXTS)), ([], [OF_QUEUE[0]])):
            together = _decided([one, other], queue, 2, context)
            assert _decided([one], queue, 2, context, [other]) is together

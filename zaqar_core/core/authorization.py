"""Authorization of requests: by the caller's identity-based policies, and by the policy of a queue in the store.

A process remembers the policy of each queue. A request is decided by the remembered one, and the store checks at the
request's first call on the queue that this is still the queue's policy: see lua/shared/policy. So an acknowledged
change of a policy counts for every later request at every process, without a round trip of its own. Before a request is
refused, the remembered policy is compared with that of the store.

Permissions are remembered too, beside the policy of the queue, where they depend on nothing of a request but its caller
and a few values.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from zaqar_core.access import arns
from zaqar_core.access.contexts import REMEMBERED, RequestContext, remembered, varying
from zaqar_core.access.errors import PolicyInvalid
from zaqar_core.access.evaluation import Decision, Invalid, Question, Reason, dependencies, evaluate
from zaqar_core.access.policies import Policy
from zaqar_core.access.principals import Principal
from zaqar_core.core import queues
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import AccessDenied, QueueNotFound
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys

_log = logging.getLogger("sqs_facade.access")
#: Queues whose policies a process remembers, and characters of all their documents together. A compiled policy takes
#: up to ten times the memory of its document. The caches are cleared when they are full.
_MOST_REMEMBERED = 16_384
_MOST_CHARACTERS = 8 << 20


#: Permissions that a process remembers for one queue, and the values of requests for each. They are cleared when full.
_MOST_PERMISSIONS = 256
_MOST_VALUES = 64


class _Permission(NamedTuple):
    """That a caller may do something: always, or if the values of the request are among ``values``.

    It keeps ``policies``, the caller's own, alive: they are identified by their address.
    """

    policies: tuple[Policy, ...]
    values: set[tuple[object, object]] | None


class _Remembered(NamedTuple):
    """The policy of a queue. ``key`` is that of ``keys.policy``. ``permissions`` are by caller and action."""

    key: bytes
    policy: Policy | Invalid | None
    permissions: dict[tuple[object, ...], _Permission]


class Authorizer:
    """Decides about requests. One instance serves all threads of a process."""

    def __init__(self) -> None:
        self._remembered: dict[QueueRef, _Remembered] = {}
        #: Compiled policies by document, so that queues with equal policies share one.
        self._compiled: dict[str, Policy | Invalid] = {}
        self._characters = 0

    def require_on_account(
        self,
        caller: Principal,
        actions: Sequence[str],
        resource: str,
        account: str,
        region: str,
        environ: Mapping[str, Any],
    ) -> str:
        """Require actions that no queue's policy concerns, so they are possible in one's own account only.

        ``actions`` are in lower case; ``account`` and ``region`` are those of the resource, an ARN. Return which policy
        allows the last one, "" without actions. Raises AccessDenied.
        """
        context, rule = RequestContext(caller, environ, region, account), ""
        for action in actions:
            question = Question(caller, action, resource, account, context)
            decision = evaluate(question, None)
            if not decision.is_allowed:
                raise denied(question, decision)
            rule = _rule(decision)
        return rule

    def require(
        self,
        session: Session,
        ref: QueueRef,
        caller: Principal,
        actions: Sequence[str],
        environ: Mapping[str, Any],
        is_repair: bool = False,
    ) -> None:
        """Require that all actions on one queue are allowed, and guard the session's calls on it.

        ``actions`` and ``is_repair`` are those of :class:`zaqar_core.access.evaluation.Question`. Raises AccessDenied;
        some calls of the session may raise it too, when the policy has changed.
        """
        # Written out as far as the first remembered permission: this is the way of every request.
        known = self._remembered.get(ref) or self.remember(ref, "", "")
        guard = _Guard(self, ref, caller, actions, environ, is_repair, known, known.key)
        if session.guards is None:
            session.guards = [guard]
        else:
            session.guards.append(guard)
        if len(actions) == 1:
            found = known.permissions.get((caller.arn, caller.user_id, id(caller.policies), actions[0], is_repair))
            if found is not None and (
                found.values is None or (environ.get("REMOTE_ADDR"), environ.get("wsgi.url_scheme")) in found.values
            ):
                return
        denial = guard.denial()
        if denial is None:
            return
        if denial[1].reason is not Reason.DENIED_BY_IDENTITY:
            guard.ask_the_store(session)
            denial = guard.denial()
            if denial is None:
                return
        raise denied(*denial)

    def allows(self, question: Question, ref: QueueRef, document: str) -> bool:
        """Return whether an action on a queue is allowed, by the policy of the queue that was read a moment ago.

        For overviews of many queues, and for parts of one: nothing is remembered, and the store confirms nothing.
        """
        policy: Policy | Invalid | None = None
        if document:
            policy = self._compiled.get(document) or self._compile(ref, document)
        return evaluate(question, policy).is_allowed

    def known(self, ref: QueueRef) -> _Remembered:
        """Return the remembered policy; a queue that is not remembered is taken to have none."""
        return self._remembered.get(ref) or self.remember(ref, "", "")

    def remember(self, ref: QueueRef, policy_hash: str, document: str) -> _Remembered:
        """Remember the policy of a queue, "" if it has none; return it compiled."""
        policy: Policy | Invalid | None = None
        if document:
            policy = self._compiled.get(document)
            if policy is None:
                policy = self._compile(ref, document)
        known = _Remembered(keys.policy(ref, policy_hash), policy, {})
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[ref] = known
        return known

    def _compile(self, ref: QueueRef, document: str) -> Policy | Invalid:
        found: Policy | Invalid
        try:
            found = Policy.parse(document, "resource")
        except PolicyInvalid as problem:
            _log.warning("queue %s: its policy is not valid and denies every request: %s", ref.name, problem)
            found = Invalid(str(problem))
        if len(self._compiled) >= _MOST_REMEMBERED or self._characters + len(document) > _MOST_CHARACTERS:
            self._compiled.clear()
            self._remembered.clear()  # its policies are those of the documents
            self._characters = 0
        self._compiled[document] = found
        self._characters += len(document)
        return found


class _Guard(msgspec.Struct, gc=False):
    """Implements ``core.session.Guard``. A struct of msgspec is created in a third of the time of another class."""

    authorizer: Authorizer
    ref: QueueRef
    caller: Principal
    actions: Sequence[str]
    environ: Mapping[str, Any]
    is_repair: bool
    known: _Remembered
    policy: bytes
    is_confirmed: bool = False

    def denial(self) -> tuple[Question, Decision] | None:
        """Return the first question whose answer is no."""
        caller, permissions = self.caller, self.known.permissions
        for action in self.actions:
            subject = (caller.arn, caller.user_id, id(caller.policies), action, self.is_repair)
            permission = permissions.get(subject)
            if permission is not None and (permission.values is None or remembered(self.environ) in permission.values):
                continue
            question = self._question(action)
            decision = evaluate(question, self.known.policy)
            if not decision.is_allowed:
                return question, decision
            self._remember(subject, question)
        return None

    def _question(self, action: str) -> Question:
        ref = self.ref
        context = RequestContext(self.caller, self.environ, ref.region, ref.project)
        return Question(self.caller, action, arns.of_queue(ref), ref.project, context, self.is_repair)

    def _remember(self, subject: tuple[object, ...], question: Question) -> None:
        """Remember that the answer is yes, unless it depends on too much of the request."""
        varied = varying(dependencies(question, self.known.policy))
        if not varied <= REMEMBERED:
            return
        permissions = self.known.permissions
        if len(permissions) >= _MOST_PERMISSIONS:
            permissions.clear()
        found = permissions.setdefault(subject, _Permission(self.caller.policies, set() if varied else None))
        if found.values is not None:
            if len(found.values) >= _MOST_VALUES:
                found.values.clear()
            found.values.add(remembered(self.environ))

    def decide_again(self, policy_hash: str, document: str) -> None:
        """Decide by the queue's present policy. Raises AccessDenied."""
        self.known = self.authorizer.remember(self.ref, policy_hash, document)
        self.policy = self.known.key
        denial = self.denial()
        if denial is not None:
            raise denied(*denial)

    def decision(self) -> str:
        """Return which policy decided about the first action."""
        return _rule(evaluate(self._question(self.actions[0]), self.known.policy)) if self.actions else ""

    def ask_the_store(self, session: Session) -> None:
        """Read the queue's policy if it is not the known one. Raises AccessDenied."""
        try:
            queues.get(session, self.ref)
        except QueueNotFound:
            self.known = _Remembered(keys.policy(self.ref, ""), None, {})
            self.policy = self.known.key
        self.is_confirmed = False


def _rule(decision: Decision) -> str:
    reason = decision.reason.value
    return f"{reason} (statement {decision.statement})" if decision.statement else reason


def denied(question: Question, decision: Decision) -> AccessDenied:
    """Build the error for a request that was refused."""
    reason = decision.reason.value.format(action=question.action)
    caller = question.caller.arn or question.caller.service or "anonymous"
    return AccessDenied(caller, question.action, question.resource, reason, decision.statement)

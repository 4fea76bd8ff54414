"""Apply a plan: create and change queues until they are as declared. Nothing is ever deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field

import orjson

from sqs_facade.declarations import plan as plans
from sqs_facade.declarations.findings import words
from sqs_facade.declarations.model import Declarations, Declared, Subscriber
from sqs_facade.declarations.plan import Plan, QueuePlan
from sqs_facade.errors import SqsError
from sqs_facade.operations import queue_attributes, tags
from sqs_facade.operations import queues as creation
from zaqar_core.core import queues, subscriptions
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import CoreError, FlavorUnusable, StoreUnavailable
from zaqar_core.domain.model import Queue, SettingsChange
from zaqar_core.pools import administration
from zaqar_core.rest import metadata
from zaqar_core.rest.errors import RestError
from zaqar_core.store import declared

#: Queues that are created or changed at the same time: a store on a disk writes them with one fsync.
_AT_ONCE = 16
#: Plans that are made and applied in turn. The second one is empty unless other callers change the same queues.
_MOST_ROUNDS = 3
_REDRIVE = "RedrivePolicy"


@dataclass(slots=True)
class Outcome:
    """The result. ``first`` is the plan from before; ``problems`` has a line for each queue that is not as declared."""

    first: Plan
    problems: list[str] = field(default_factory=list)


def apply(
    new_session: Callable[[], Session], declarations: Declarations, *, goes_on: Callable[[], bool] = lambda: True
) -> Outcome:
    """Make the store match the declarations. Each thread that takes part creates a session.

    A queue that cannot be as declared does not keep others from it. ``goes_on`` is asked before each step; when it says
    no, StoreUnavailable is raised. Raises StoreUnavailable.
    """
    session = new_session()
    made = plans.make(session, declarations)
    outcome = Outcome(made)
    for _ in range(_MOST_ROUNDS):
        if made.is_done:
            break
        run = _Run(new_session, made, goes_on)
        run.run()
        outcome.problems = run.problems
        if run.problems:
            break
        made = plans.make(session, declarations)
    else:
        left = ", ".join(one.declared.table for one in made.queues if not one.is_done)
        if left:
            outcome.problems = [f"{left}: other callers change it at the same time"]
    declared.remember(session.store, [one.declared.ref for one in made.queues if one.declared.ref not in made.known])
    return outcome


class _Run:
    """One pass over a plan."""

    def __init__(self, new_session: Callable[[], Session], plan: Plan, goes_on: Callable[[], bool]) -> None:
        self._new_session = new_session
        self._plan = plan
        self._goes_on = goes_on
        self._late: list[QueuePlan] = []
        self._is_over = False
        self.problems: list[str] = []

    def run(self) -> None:
        """Make all changes: first what a RedrivePolicy may depend on, then the redrive policies themselves."""
        existing = [one for one in self._plan.queues if one.queue is not None and not one.is_done]
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="declarations") as threads:
            self._each(threads, existing, self._change)
            for free in _dead_letter_queues_first([one for one in self._plan.queues if one.queue is None]):
                self._each(threads, free, self._create)
            self._each(threads, [*existing, *self._late], self._redrive)
            subscribed = [one for one in self._plan.queues if one.new or one.changed]
            self._each(threads, subscribed, self._subscribe)

    def _each(self, threads: Executor, found: Sequence[QueuePlan], act: Callable[[Session, QueuePlan], None]) -> None:
        """Run one kind of step for each of the queues, which do not depend on each other."""
        problems = threads.map(lambda one: self._step(one, act), found)
        self.problems += [problem for problem in problems if problem is not None]

    def _step(self, one: QueuePlan, act: Callable[[Session, QueuePlan], None]) -> str | None:
        if self._is_over or not self._goes_on():
            raise StoreUnavailable("another process has begun to apply declarations")
        try:
            act(self._new_session(), one)
        except StoreUnavailable:
            self._is_over = True
            raise
        except (SqsError, RestError, CoreError) as problem:
            return f"{one.declared.table}: {words(problem)}"
        return None

    def _create(self, session: Session, one: QueuePlan) -> None:
        """Create the queue with all that is declared; one that exists by now is compared in the next round."""
        found = one.declared
        given = dict(found.attributes)
        if _REDRIVE in given and _needs_itself_or_a_later_one(one, session):
            del given[_REDRIVE]
            self._late.append(one)
        split = metadata.split(found.metadata, session.settings)
        metadata.check_encryption(split.fields, has_key=session.keyring.can_seal)
        flavor = found.flavor if session.settings.pooling else None
        if flavor is not None and not administration.has_flavor(session, flavor):
            raise FlavorUnusable(flavor, is_known=False)
        given = {name: value for name, value in given.items() if value}
        creation.create(session, found.ref, given, found.tags, also=split.settings(), flavor=flavor)

    def _change(self, session: Session, one: QueuePlan) -> None:
        found = one.declared
        kinds = {change.kind for change in one.changes}
        given = {name: value for name, value in one.attributes().items() if name != _REDRIVE}
        if given:
            queue_attributes.assign(session, found.ref, given)
        if "tag" in kinds:
            tags.put(session, found.ref, found.tags)
        if "metadata" in kinds:
            queues.revise(session, found.ref, lambda queue: _metadata(session, found, queue))

    def _redrive(self, session: Session, one: QueuePlan) -> None:
        if _REDRIVE in one.attributes():
            queue_attributes.assign(session, one.declared.ref, {_REDRIVE: one.declared.attributes[_REDRIVE]})

    def _subscribe(self, session: Session, one: QueuePlan) -> None:
        ref = one.declared.ref
        for subscriber in one.new:
            created = subscriptions.create(
                session,
                ref,
                subscriber=subscriber.uri,
                options=_options(subscriber) or b"{}",
                ttl_seconds=subscriber.ttl_seconds,
                may_request_confirmation=False,
            )
            # The operator who declares the subscription vouches for the subscriber.
            subscriptions.confirm(session, ref, created.id, is_confirmed=True)
        for subscriber, found in one.changed:
            subscriptions.change(
                session,
                ref,
                found.id,
                options=_options(subscriber),
                ttl_seconds=None if subscriber.ttl_seconds == found.ttl_seconds else subscriber.ttl_seconds,
            )
            subscriptions.confirm(session, ref, found.id, is_confirmed=True)


def _metadata(session: Session, found: Declared, queue: Queue) -> SettingsChange:
    """Return the change that sets the declared entries and keeps all others."""
    before = metadata.joined(queue)
    if session.settings.pooling and found.flavor not in (None, before.get("_flavor")):
        reason = "The flavor of a queue cannot be changed: it decides where the queue is created."
        raise SqsError("InvalidParameterValue", reason)
    split = metadata.split(found.metadata, session.settings)
    metadata.check_encryption(split.fields, has_key=session.keyring.can_seal)
    rest = {name: value for name, value in found.metadata.items() if name not in metadata.FIELDS}
    removed = (metadata.FIELDS[name] for name, value in found.metadata.items() if plans.is_removed(name, value))
    return SettingsChange(
        set=split.fields,
        unset=frozenset(removed),
        documents={metadata.DOCUMENT: metadata.document({**metadata.kept(queue), **rest}, session.settings)},
    )


def _options(subscriber: Subscriber) -> bytes | None:
    return None if subscriber.options is None else orjson.dumps(subscriber.options)


def _dead_letter_queues_first(found: list[QueuePlan]) -> Iterator[list[QueuePlan]]:
    """Iterate over queues that are to be created, each in a later list than its dead-letter queue unless in a cycle."""
    left = {one.declared.ref: one for one in found}
    while left:
        free = [ref for ref, one in left.items() if plans.dead_letter_queue(one.declared) not in left]
        yield [left.pop(ref) for ref in free or [next(iter(left))]]


def _needs_itself_or_a_later_one(one: QueuePlan, session: Session) -> bool:
    """Return whether the dead-letter queue of a queue that is to be created does not exist yet."""
    target = plans.dead_letter_queue(one.declared)
    return target is not None and queues.get_many(session, [target]) == [None]

"""The plan: the differences between declarations and the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import urlsplit

import orjson

from sqs_facade import addresses, attributes
from sqs_facade.declarations.model import ENDLESS_SECONDS, Declarations, Declared, Subscriber
from sqs_facade.operations import tags
from zaqar_core.configuration.setting_values import HIDDEN
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues, subscriptions
from zaqar_core.core.session import Session
from zaqar_core.domain.batches import batched
from zaqar_core.domain.model import Queue, QueueSettings, SettingsChange, Subscription
from zaqar_core.domain.names import QueueRef
from zaqar_core.rest import metadata
from zaqar_core.store import declared

#: Queues, and subscriptions of a queue, that one round trip reads.
_AT_ONCE = 200
#: Attributes whose texts are equal if their JSON is.
_DOCUMENTS = frozenset(("Policy", "RedrivePolicy", "RedriveAllowPolicy"))

Kind = Literal["attribute", "tag", "metadata", "subscription"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``name`` is that of the attribute, tag or entry; None as a value means that it is not set.

    The name of a subscription is its number and the subscriber without secrets, and the values are its ttl.
    """

    kind: Kind
    name: str
    before: str | None
    after: str | None


@dataclass(slots=True)
class QueuePlan:
    """The changes for one declared queue. ``queue`` is None if it does not exist."""

    declared: Declared
    queue: Queue | None
    changes: list[Change] = field(default_factory=list)
    #: The subscribers to create, and those whose subscriptions are to change.
    new: list[Subscriber] = field(default_factory=list)
    changed: list[tuple[Subscriber, Subscription]] = field(default_factory=list)

    @property
    def is_done(self) -> bool:
        """Whether the queue is as declared."""
        return self.queue is not None and not self.changes

    def attributes(self) -> dict[str, str]:
        """Return the declared attributes that the queue has with other values."""
        names = {change.name for change in self.changes if change.kind == "attribute"}
        return {name: value for name, value in self.declared.attributes.items() if name in names}


@dataclass(slots=True)
class Plan:
    """The plans of all declared queues, in the order of the file.

    ``forgotten`` are queues of the same accounts that exist and were declared once but are not any more; they stay as
    they are. ``known`` are all that were ever declared. ``problems`` has a line for each queue whose dead-letter queue
    neither exists nor is declared.
    """

    queues: list[QueuePlan]
    forgotten: list[QueueRef]
    known: set[QueueRef]
    problems: list[str]

    @property
    def is_done(self) -> bool:
        """Whether every queue is as declared."""
        return all(one.is_done for one in self.queues)


def make(session: Session, declarations: Declarations) -> Plan:
    """Compare the declarations with the store: one round trip for some hundreds of queues. Raises StoreUnavailable."""
    plans: list[QueuePlan] = []
    for step in batched(declarations.queues, _AT_ONCE):
        for one, queue in zip(step, queues.get_many(session, [one.ref for one in step]), strict=True):
            plans.append(_queue_plan(session, one, queue))
    known, present = declared.known(session.store), {one.ref for one in declarations.queues}
    # Other files that are applied to the same store may be about other accounts.
    accounts = {session.settings.default_account, *(ref.project for ref in present)}
    forgotten = _existing(session, {ref for ref in known - present if ref.project in accounts})
    return Plan(plans, forgotten, known, _missing(session, plans, present))


def dead_letter_queue(one: Declared) -> QueueRef | None:
    """Return the dead-letter queue that the RedrivePolicy of the declaration names."""
    value = one.attributes.get("RedrivePolicy")
    if not value:
        return None
    # Its form has been checked when the declaration was read.
    return one.ref.sibling(str(orjson.loads(value)["deadLetterTargetArn"]).rpartition(":")[2])


def _missing(session: Session, found: list[QueuePlan], present: set[QueueRef]) -> list[str]:
    targets = {one.declared.table: dead_letter_queue(one.declared) for one in found if not one.is_done}
    others = {target for target in targets.values() if target is not None and target not in present}
    there = set(_existing(session, others))
    return [
        f"{table}: its dead-letter queue {target.name} does not exist and is not declared"
        for table, target in targets.items()
        if target in others - there and target is not None
    ]


def _existing(session: Session, refs: set[QueueRef]) -> list[QueueRef]:
    return [
        ref
        for step in batched(sorted(refs, key=lambda ref: (ref.project, ref.region, ref.name)), _AT_ONCE)
        for ref, queue in zip(step, queues.get_many(session, list(step)), strict=True)
        if queue is not None
    ]


def _queue_plan(session: Session, one: Declared, queue: Queue | None) -> QueuePlan:
    plan = QueuePlan(one, queue)
    present = queue or Queue(one.ref, b"", "sqs", 0, 0, 0, QueueSettings())
    plan.changes += _attributes(one, present, session.settings, is_new=queue is None)
    plan.changes += _entries("tag", one.tags, tags.of_queue(present), str)
    entries = {name: None if is_removed(name, value) else value for name, value in one.metadata.items()}
    plan.changes += _entries("metadata", entries, metadata.joined(present), _json)
    if one.subscribers:
        _subscriptions(session, plan)
    return plan


def _attributes(one: Declared, queue: Queue, settings: Settings, *, is_new: bool) -> list[Change]:
    """Compare attributes as GetQueueAttributes shows them now, and as it would show them afterwards."""
    change = attributes.check(one.attributes, one.ref, settings).change()
    after = attributes.shown(replace(queue, settings=changed(queue.settings, change)), None)
    before = {} if is_new else attributes.shown(queue, None)
    return [
        Change("attribute", name, before.get(name), after.get(name))
        for name in one.attributes
        if not _is_same(name, before.get(name), after.get(name)) and (name != "FifoQueue" or is_new)
    ]


def changed(settings: QueueSettings, change: SettingsChange) -> QueueSettings:
    """Return the settings after a change."""
    documents = {**settings.documents, **change.documents}
    kept = {name: value for name, value in documents.items() if value is not None}
    return replace(settings, **change.set, **dict.fromkeys(change.unset), documents=kept)  # type: ignore[arg-type]


def _is_same(name: str, before: str | None, after: str | None) -> bool:
    if before == after:
        return True
    if name not in _DOCUMENTS or before is None or after is None:
        return False
    try:
        return bool(orjson.loads(before) == orjson.loads(after))
    except orjson.JSONDecodeError:
        return False


def _entries(kind: Kind, wanted: Mapping[str, Any], present: Mapping[str, Any], text: Any) -> list[Change]:
    return [
        Change(kind, name, None if before is None else text(before), None if value is None else text(value))
        for name, value in wanted.items()
        if (before := present.get(name)) != value
    ]


def is_removed(name: str, value: object) -> bool:
    """Return whether an entry of the metadata removes a setting, as 0 and "" do at Zaqar."""
    return name in metadata.FIELDS and not value and value is not False


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


# -- Subscriptions -------------------------------------------------------------------------------------------------


def _subscriptions(session: Session, plan: QueuePlan) -> None:
    present = {} if plan.queue is None else _present(session, plan.declared.ref)
    for number, one in enumerate(plan.declared.subscribers, 1):
        name = f"{number} ({shown_subscriber(one.uri)})"
        found = present.get(one.uri)
        if found is None:
            plan.new.append(one)
            plan.changes.append(Change("subscription", name, None, _about(one.ttl_seconds, is_confirmed=True)))
            continue
        is_kept = one.options is None or orjson.loads(found.options) == one.options
        before = _about(found.ttl_seconds, is_confirmed=found.is_confirmed)
        after = _about(one.ttl_seconds, is_confirmed=True)
        if before != after or not is_kept:
            plan.changed.append((one, found))
            plan.changes.append(Change("subscription", name, before, after if is_kept else f"{after}, other options"))


def _present(session: Session, ref: QueueRef) -> dict[str, Subscription]:
    found: dict[str, Subscription] = {}
    after = ""
    while page := subscriptions.list_page(session, ref, after=after, limit=_AT_ONCE):
        found |= {one.subscriber: one for one in page}
        after = page[-1].id
    return found


def _about(ttl_seconds: int, *, is_confirmed: bool) -> str:
    ttl = "without end" if ttl_seconds >= ENDLESS_SECONDS else f"ttl {ttl_seconds}"
    return ttl if is_confirmed else f"{ttl}, not confirmed"


def shown_subscriber(uri: str) -> str:
    """Return a subscriber without what may be secret: user, path and query of a URL."""
    parts = urlsplit(uri)
    if not parts.netloc:
        return uri.partition("?")[0]
    host = parts.netloc.rpartition("@")[2]
    hides = "@" in parts.netloc or parts.path not in ("", "/") or parts.query
    return f"{parts.scheme}://{host}{f'/{HIDDEN}' if hides else ''}"


def place(ref: QueueRef, settings: Settings) -> str:
    """Return a queue for people: its name, or its ARN if it is in another account or region than usual."""
    is_home = (ref.project, ref.region) == (settings.default_account, settings.region)
    return ref.name if is_home else addresses.arn(ref)

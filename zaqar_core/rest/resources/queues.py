"""Queues and topics: create, get, change, delete, list, count, purge."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

from zaqar_core.core import queues, subscriptions
from zaqar_core.core.later_steps import later_step
from zaqar_core.core.session import Session
from zaqar_core.domain import limits
from zaqar_core.domain.errors import FlavorUnusable, QueueNotFound
from zaqar_core.domain.model import Counts, Queue, SettingsChange, Stats
from zaqar_core.domain.names import QueueRef
from zaqar_core.pools import administration
from zaqar_core.rest import bodies, documents, metadata
from zaqar_core.rest import patch as json_patch
from zaqar_core.rest.call import RestCall
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.web.envelope import Reply

#: Returns the metadata to show for a queue; None stands for a queue that does not exist yet.
Shown = Callable[[RestCall, Queue | None], dict[str, Any]]

_LIST_PARAMETERS = frozenset(("marker", "limit", "detailed", "name", "with_count"))
_PURGEABLE = frozenset(("messages", "subscriptions"))
#: Names that a filtered listing reads at a time. It also reads queues that it does not return.
_SCAN_STEP = 500


def put(call: RestCall) -> Reply:
    """Create the queue or topic and return 201, or 204 when it exists already: its metadata then stays as it is."""
    wanted = bodies.parse_object(call.request.body) if call.request.body and call.dialect.shows_metadata else {}
    split = metadata.split(wanted, call.settings)
    metadata.check_dead_letters(call.ref, split.fields)
    metadata.check_encryption(split.fields, has_key=call.session.keyring.can_seal)
    flavor = _flavor(call, wanted)
    created = queues.create(call.session, call.ref, split.settings(), creator="zaqar", flavor=flavor)
    return documents.empty(201 if created.is_new else 204, call.queue_href)


def get(call: RestCall) -> Reply:
    """Return 200 with the metadata, also for a queue that does not exist yet."""
    try:
        queue = queues.get(call.session, call.ref)
    except QueueNotFound:
        queue = None
    return documents.reply(_metadata(call, queue))


def _flavor(call: RestCall, wanted: Mapping[str, Any]) -> str | None:
    """Return the requested flavor; None without pooling, where it is only kept. Raises FlavorUnusable."""
    flavor: str | None = wanted.get("_flavor") or None
    if flavor is None or not call.settings.pooling:
        return None
    if not administration.has_flavor(call.session, flavor):
        raise FlavorUnusable(flavor, is_known=False)
    return flavor


def exists(call: RestCall) -> Reply:
    """Return 204 when the queue exists, or 404."""
    queues.get(call.session, call.ref)
    return documents.empty()


def get_metadata(call: RestCall) -> Reply:
    """Return 200 with the metadata, or 404."""
    return documents.reply(_metadata(call, queues.get(call.session, call.ref)))


def put_metadata(call: RestCall) -> Reply:
    """Replace the metadata and return 204, or 404. This version neither shows nor changes reserved attributes."""
    wanted = bodies.parse_object(call.request.body)
    if any(name.startswith("_") for name in wanted):
        raise RestError(Fact.RULE_BROKEN, "Names that begin with an underscore are reserved.")

    def edit(queue: Queue) -> SettingsChange:
        kept = {name: value for name, value in metadata.kept(queue).items() if name.startswith("_")}
        return SettingsChange(documents={metadata.DOCUMENT: metadata.document({**kept, **wanted}, call.settings)})

    queues.revise(call.session, call.ref, edit)
    return documents.empty(204, f"{call.queue_href}/metadata")


def _metadata(call: RestCall, queue: Queue | None) -> dict[str, Any]:
    """Return the metadata as the version shows it."""
    if call.dialect.has_attributes:
        return metadata.shown(queue, call.settings, call.collection)
    if queue is None:
        return {}
    if call.dialect.shows_metadata:
        return metadata.joined(queue)
    return {name: value for name, value in metadata.kept(queue).items() if not name.startswith("_")}


def delete(call: RestCall) -> Reply:
    """Delete the queue or topic and return 204, also when it does not exist."""
    try:
        queues.delete(call.session, call.ref)
    except QueueNotFound:
        return documents.empty()
    return documents.empty()


def patch(call: RestCall) -> Reply:
    """Apply all operations to the metadata, or none, and return 200 with the changed metadata."""
    if call.request.header("CONTENT_TYPE") != json_patch.MEDIA_TYPE:
        raise RestError(Fact.PATCH_MEDIA_TYPE, json_patch.MEDIA_TYPE)
    steps = json_patch.parse(call.request.body)

    def edit(queue: Queue) -> SettingsChange:
        before = metadata.joined(queue)
        after = json_patch.apply(steps, before)
        wanted = metadata.split(after, call.settings)
        if after.get("_flavor") != before.get("_flavor"):
            _flavor(call, after)
        metadata.check_dead_letters(call.ref, wanted.fields)
        metadata.check_encryption(wanted.fields, has_key=call.session.keyring.can_seal)
        return SettingsChange(
            set=wanted.fields,
            unset=frozenset(metadata.FIELDS.values()) - wanted.fields.keys(),
            documents={metadata.DOCUMENT: wanted.document},
        )

    return documents.reply(_metadata(call, queues.revise(call.session, call.ref, edit)))


def list_page(call: RestCall, shown: Shown = _metadata) -> Reply:
    """Return 200 with a page of the project's queues, or topics, in the order of their names.

    ``name`` matches a part of the name; in it ``^`` and ``$`` stand for start and end and ``.*`` for any text. Every
    other parameter is a filter: a metadata attribute and the value that it must have.
    """
    query = call.query
    limit = query.integer("limit", limits.DEFAULT_PAGE, most=call.settings.max_queues_per_page)
    detailed, with_count = query.boolean("detailed"), False
    pattern: str | None = None
    filters: dict[str, str] = {}
    if call.dialect.has_attributes:
        with_count, pattern = query.boolean("with_count"), query.text("name")
        filters = query.others(_LIST_PARAMETERS)
    found: list[tuple[str, Queue | None]] = []
    for name, queue in _candidates(call, query.text("marker") or "", limit, reads=detailed or bool(filters)):
        if (pattern is None or name_matches(pattern, name)) and _has_all(queue, filters):
            found.append((name, queue))
            if len(found) == limit:
                break
    if not (found or call.dialect.shows_empty):
        return documents.empty()
    document: dict[str, Any] = {
        call.collection.name: [_row(call, name, shown(call, queue) if detailed else None) for name, queue in found],
        "links": documents.next_links(
            call.collection_href,
            {
                "limit": limit if query.text("limit") else None,
                "detailed": detailed if query.text("detailed") else None,
                "name": pattern,
                "with_count": with_count if query.text("with_count") and call.dialect.has_attributes else None,
                **filters,
            },
            found[-1][0] if found else None,
        ),
    }
    if with_count:
        count = queues.number(call.session, call.project, call.region)
        if count:
            document["count"] = count
    return documents.reply(document)


def _candidates(call: RestCall, after: str, limit: int, *, reads: bool) -> Iterator[tuple[str, Queue | None]]:
    """Names after ``after``, each with its queue where the caller reads them. Rows without a queue are passed over."""
    session, region = call.session, call.region
    step = limit
    while True:
        names = queues.names(session, call.project, region, after=after, limit=step)
        yield from _read(session, call.project, region, names) if reads else ((name, None) for name in names)
        if len(names) < step:
            return
        after, step = names[-1], _SCAN_STEP


def _read(session: Session, project: str, region: str, names: list[str]) -> Iterator[tuple[str, Queue | None]]:
    read = queues.get_many(session, [QueueRef(project, region, name) for name in names]) if names else []
    for name, queue in zip(names, read, strict=True):
        if queue is not None:
            yield name, queue


def name_matches(pattern: str, name: str) -> bool:
    """Return whether ``pattern`` matches a part of the name, in time linear in the name's length for any pattern."""
    begins, ends = pattern.startswith("^"), pattern.endswith("$")
    parts = pattern[begins : len(pattern) - ends].split(".*")
    position = 0
    for number, part in enumerate(parts):
        if number == 0 and begins:
            if not name.startswith(part):
                return False
            position = len(part)
        else:
            position = name.find(part, position)
            if position < 0:
                return False
            position += len(part)
    if not ends or position == len(name):
        return True
    last = parts[-1]
    return not (begins and len(parts) == 1) and name.endswith(last)


def _has_all(queue: Queue | None, filters: Mapping[str, str]) -> bool:
    if queue is None or not filters:
        return True
    found = metadata.joined(queue)
    # True equals 1 in Python, not in JSON.
    return all(
        not isinstance(found.get(name), bool) and found.get(name) in _readings(text) for name, text in filters.items()
    )


def _readings(text: str) -> tuple[str | int, ...]:
    """Return the values that a filter matches: the text, and the integer where the text is one."""
    if text.isascii() and text.lstrip("-").isdigit() and len(text) <= 20:
        return (int(text),) if text.count("-") <= 1 else (text,)
    return (text,)


def _row(call: RestCall, name: str, shown: dict[str, Any] | None) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "href": f"{call.collection_href}/{name}"}
    if shown is not None:
        row["metadata"] = metadata.as_json(shown)
    return row


def stats(call: RestCall) -> Reply:
    """Return 200 with the numbers of messages, and with the oldest and the newest one if there are messages. Delayed
    messages count as free.

    A topic has only ``total``. A missing queue has zeros; in v1 it is 404.
    """
    try:
        found = queues.stats(call.session, call.ref)
    except QueueNotFound:
        if not call.dialect.is_lazy:
            raise
        found = Stats(Counts(0, 0, 0), None, None)
    claimed, free = found.counts.in_flight, found.counts.visible + found.counts.delayed
    shown: dict[str, Any] = {"claimed": claimed, "free": free} if call.collection.is_consumed else {}
    shown["total"] = claimed + free
    if found.oldest is not None and found.newest is not None:
        shown["oldest"] = documents.stats_message(found.oldest, call.queue_href)
        shown["newest"] = documents.stats_message(found.newest, call.queue_href)
    return documents.reply({"messages": shown})


def purge(call: RestCall) -> Reply:
    """Delete all messages that are not claimed, delayed ones too, and all subscriptions, and return 204.
    ``resource_types`` restricts this to messages or to subscriptions."""
    kinds: Any = list(_PURGEABLE)
    if call.request.body:
        kinds = bodies.parse_object(call.request.body).get("resource_types")
    if type(kinds) is not list or not all(type(kind) is str and kind in _PURGEABLE for kind in kinds):
        raise RestError(Fact.BODY_INVALID, '"resource_types" must be an array of "messages" and "subscriptions".')
    if "messages" in kinds:
        queues.purge_free(call.session, call.ref)
    if "subscriptions" in kinds:
        with later_step() if "messages" in kinds else nullcontext():
            subscriptions.delete_all(call.session, call.ref)
    return documents.empty()

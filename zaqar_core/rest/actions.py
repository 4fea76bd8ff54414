"""The table of WebSocket actions. An action is a route of the REST API: the fields of a frame's body stand for the
route's path, query and body, and the route's reply is rewritten as the body of a frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from zaqar_core.core import queues as core_queues
from zaqar_core.core.messages import get_many
from zaqar_core.domain.errors import QueueNotFound
from zaqar_core.domain.model import Queue
from zaqar_core.rest import bodies, documents, frame_bodies, metadata
from zaqar_core.rest.call import RestCall
from zaqar_core.rest.dialect import V2
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.rest.frame_bodies import Fields, FrameBody
from zaqar_core.rest.resources import messages, queues, subscriptions
from zaqar_core.rest.route import Route
from zaqar_core.rest.routes import ROUTES
from zaqar_core.web.envelope import Reply

#: Every field that an action may have, and the JSON types of its value. Null counts as absent.
TYPES: Mapping[str, tuple[type, ...]] = {
    "queue_name": (str,),
    "message_id": (str,),
    "claim_id": (str,),
    "subscription_id": (str,),
    "marker": (str, int),
    "limit": (int,),
    "pop": (int,),
    "name": (str,),
    "detailed": (bool,),
    "with_count": (bool,),
    "echo": (bool,),
    "include_claimed": (bool,),
    "include_delayed": (bool,),
    "message_ids": (list,),
    "claim_ids": (list,),
}
_TYPE_NAMES = {str: "a string", int: "an integer", bool: "true or false", list: "an array of strings"}

#: Fields whose query parameter has another name.
_PARAMETERS = {"message_ids": "ids"}


@dataclass(frozen=True, slots=True)
class Action:
    """One action. ``names`` are the fields of the route's path, in its order; all are required, and so are ``needed``.
    ``query`` are the fields of the query string, ``members`` the fields that are copied into the route's body;
    ``document`` is the field that is the whole body. ``frame_body`` returns the body of the answering frame."""

    route: Route
    frame_body: FrameBody
    names: tuple[str, ...] = ("queue_name",)
    query: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    document: str | None = None
    needed: tuple[str, ...] = ()
    #: Whether the route's body is an object even when no member is given.
    has_body: bool = False
    #: An error status whose frame has another body than the error, and that body.
    refusal: tuple[int, FrameBody] | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that the action reads."""
        return (*self.names, *self.query, *self.members, *((self.document,) if self.document else ()))


@dataclass(slots=True)
class ActionCall:
    """One call of an action, as the route's handler takes it. ``path`` is the path of the equivalent HTTP request."""

    action: Action
    path: str
    names: list[str]
    query: str
    body: bytes


def find(name: str, fields: Fields) -> ActionCall:
    """Find the action and check its fields against the table. Raises RestError."""
    action = ACTIONS.get(name)
    if action is None:
        raise RestError(Fact.ACTION_UNKNOWN, name[:64])
    given = {field: fields[field] for field in action.fields if fields.get(field) is not None}
    for field, value in given.items():
        _check(field, value)
    for field in (*action.names, *action.needed):
        if not given.get(field):
            raise RestError(Fact.BODY_INVALID, f'"{field}" is required.')
    names = [given[field] for field in action.names]
    if any("/" in one for one in names[1:]):
        raise RestError(Fact.RULE_BROKEN, "An id must not contain a slash.")
    query = {_PARAMETERS.get(field, field): _text(given[field]) for field in action.query if field in given}
    return ActionCall(action, _path(action.route, names), names, urlencode(query), _body(action, given))


def _check(field: str, value: Any) -> None:
    kinds = TYPES.get(field)
    if kinds is None:  # the operation checks it
        return
    is_right = type(value) in kinds
    if kinds == (list,):
        is_right = is_right and all(type(one) is str for one in value)
    if not is_right:
        raise RestError(Fact.BODY_INVALID, f'"{field}" must be {_TYPE_NAMES[kinds[0]]}.')


def _text(value: Any) -> str:
    if type(value) is bool:
        return "true" if value else "false"
    return ",".join(value) if type(value) is list else str(value)


def _path(route: Route, names: list[str]) -> str:
    rest = iter(names)
    parts = [next(rest) if part.startswith("{") else part for part in route.path.split("/")]
    return f"{V2.prefix}/{'/'.join(parts)}"


def _body(action: Action, given: Fields) -> bytes:
    if action.document is not None:
        return bodies.compact(given[action.document]) if action.document in given else b""
    members = {field: given[field] for field in action.members if field in given}
    return bodies.compact(members) if members or action.has_body else b""


# -- actions whose reply differs from the reply of their path ----------------------------------------------------------


def _as_set(_: RestCall, queue: Queue | None) -> dict[str, Any]:
    """Return the metadata without defaults; a queue that does not exist yet has none."""
    return {} if queue is None else metadata.joined(queue)


def _metadata(call: RestCall) -> Reply:
    try:
        return documents.reply(_as_set(call, core_queues.get(call.session, call.ref)))
    except QueueNotFound:
        return documents.reply({})


def _queues(call: RestCall) -> Reply:
    return queues.list_page(call, _as_set)


def _stats(call: RestCall) -> Reply:
    """Return 200 with the numbers of messages, or 404."""
    core_queues.get(call.session, call.ref)
    return queues.stats(call)


def _get_many(call: RestCall) -> Reply:
    """Return 200 with the messages that exist, perhaps none."""
    ids = call.query.items("ids", call.settings.max_messages_per_page)
    found = get_many(call.session, call.ref, ids)
    return documents.reply({"messages": messages.shown(call, found, attributes=False)})


def _subscribe(call: RestCall) -> Reply:
    """Create a subscription; without ``subscriber`` the connection itself is the subscriber."""
    document = bodies.parse_object(call.request.body)
    return subscriptions.create(call) if "subscriber" in document else subscriptions.create_for_caller(call)


def _route(relation: str, method: str) -> Route:
    [found] = [
        route for route in ROUTES if (route.relation, route.method) == (relation, method) and V2 in route.versions
    ]
    return found


def _with_handler(route: Route, run: Callable[[RestCall], Reply]) -> Route:
    """Return a route of the same path and method with another handler."""
    return replace(route, run=run, versions=(V2,))


#: The actions that bind a subscription to its connection and delete it.
SUBSCRIBE, UNSUBSCRIBE = "subscription_create", "subscription_delete"

_PAGE = ("marker", "limit")
_TERMS = ("ttl", "grace")

ACTIONS: Mapping[str, Action] = {
    "queue_create": Action(
        _route("queue", "PUT"), frame_bodies.sentence("Queue {queue_name} created."), document="metadata"
    ),
    "queue_list": Action(
        _with_handler(_route("queues", "GET"), _queues),
        frame_bodies.page_of_queues,
        (),
        query=(*_PAGE, "detailed", "name", "with_count"),
    ),
    "queue_get": Action(_with_handler(_route("queue", "GET"), _metadata), frame_bodies.unchanged),
    "queue_delete": Action(_route("queue", "DELETE"), frame_bodies.sentence("Queue {queue_name} removed.")),
    "queue_get_stats": Action(
        _with_handler(_route("queue_stats", "GET"), _stats), frame_bodies.stats, refusal=(404, frame_bodies.empty_stats)
    ),
    "queue_purge": Action(_route("queue_purge", "POST"), frame_bodies.empty, members=("resource_types",)),
    "message_post": Action(_route("post_messages", "POST"), frame_bodies.posted, members=("messages",)),
    "message_list": Action(
        _route("messages", "GET"), frame_bodies.messages, query=(*_PAGE, "echo", "include_claimed", "include_delayed")
    ),
    "message_get": Action(_route("message_get", "GET"), frame_bodies.message, ("queue_name", "message_id")),
    "message_get_many": Action(
        _with_handler(_route("messages", "GET"), _get_many),
        frame_bodies.messages,
        query=("message_ids",),
        needed=("message_ids",),
    ),
    "message_delete": Action(
        _route("message_delete", "DELETE"), frame_bodies.empty, ("queue_name", "message_id"), query=("claim_id",)
    ),
    "message_delete_many": Action(
        _route("messages_delete", "DELETE"), frame_bodies.unchanged, query=("message_ids", "claim_ids", "pop")
    ),
    "claim_create": Action(_route("post_claim", "POST"), frame_bodies.claim, query=("limit",), members=_TERMS),
    "claim_get": Action(_route("claim", "GET"), frame_bodies.held, ("queue_name", "claim_id")),
    "claim_update": Action(
        _route("patch_claim", "PATCH"),
        frame_bodies.sentence("Claim {claim_id} updated."),
        ("queue_name", "claim_id"),
        members=_TERMS,
        has_body=True,
    ),
    "claim_delete": Action(
        _route("delete_claim", "DELETE"), frame_bodies.sentence("Claim {claim_id} deleted."), ("queue_name", "claim_id")
    ),
    SUBSCRIBE: Action(
        _with_handler(_route("subscriptions_post", "POST"), _subscribe),
        frame_bodies.subscribed,
        members=("subscriber", "ttl", "options"),
        has_body=True,
        refusal=(409, frame_bodies.sentence("Subscription {queue_name} not created.")),
    ),
    "subscription_list": Action(_route("subscriptions_get", "GET"), frame_bodies.page, query=_PAGE),
    "subscription_get": Action(
        _route("subscription", "GET"), frame_bodies.unchanged, ("queue_name", "subscription_id")
    ),
    UNSUBSCRIBE: Action(
        _route("subscription_delete", "DELETE"),
        frame_bodies.sentence("Subscription {subscription_id} removed."),
        ("queue_name", "subscription_id"),
    ),
}

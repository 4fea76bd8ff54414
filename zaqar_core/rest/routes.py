"""The route table: the path, method and versions of each operation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from zaqar_core.configuration.settings import Settings
from zaqar_core.rest.call import RestCall
from zaqar_core.rest.collection import QUEUES, TOPICS
from zaqar_core.rest.dialect import DIALECTS, V1, V1_1, V2, Dialect
from zaqar_core.rest.resources import claims, flavors, health, home, messages, pools, queues, shares, subscriptions
from zaqar_core.rest.route import NEWER, Route
from zaqar_core.web.envelope import Reply

_QUEUE = QUEUES.item
_MESSAGES = _QUEUE + "/messages"
_CLAIMS = _QUEUE + "/claims"
_TOPIC = TOPICS.item
_PUBLISHED = _TOPIC + "/messages"
_SUBSCRIPTIONS = _QUEUE + "/subscriptions"
_SUBSCRIPTION = _SUBSCRIPTIONS + "/{subscription_id}"
_SUBSCRIBERS = _TOPIC + "/subscriptions"
_SUBSCRIBER = _SUBSCRIBERS + "/{subscription_id}"
_POOL = "pools/{pool_name}"
_FLAVOR = "flavors/{flavor_name}"

_ALL = (V1, V1_1, V2)


def _home(call: RestCall) -> Reply:
    """Return 200 with the paths and methods of the version as JSON Home. Clients may cache it for a day."""
    settings = call.settings
    routes = ROUTES if has_pools(settings) else tuple(route for route in ROUTES if not route.pooling)
    return home.reply(call.dialect, routes)


def has_pools(settings: Settings) -> bool:
    """Return whether the routes of pools and flavors are served."""
    return settings.admin_mode and settings.pooling


_JSON = ("application/json",)
_PATCH = ("application/openstack-messaging-v2.0-json-patch",)
_PAGE = "marker,limit,detailed"
_DELETE_CLAIMED = "ids,claim_ids,pop"

ROUTES = (
    Route("home", "GET", "", "home:get", _home, _ALL),
    Route("queues", "GET", "queues", "queues:get_all", queues.list_page, _ALL, "marker,limit,detailed",
          "name,with_count"),
    Route("queue", "PUT", _QUEUE, "queues:create", queues.put, _ALL, bodies=_JSON),
    Route("queue", "GET", _QUEUE, "queues:get", queues.get, NEWER),
    Route("queue", "GET", _QUEUE, "queues:get", queues.exists, (V1,)),
    Route("queue", "HEAD", _QUEUE, "queues:get", queues.exists, (V1,)),
    Route("queue", "PATCH", _QUEUE, "queues:update", queues.patch, (V2,), bodies=_PATCH),
    Route("queue", "DELETE", _QUEUE, "queues:delete", queues.delete, _ALL),
    Route("queue_metadata", "GET", _QUEUE + "/metadata", "queues:get", queues.get_metadata, (V1,)),
    Route("queue_metadata", "PUT", _QUEUE + "/metadata", "queues:update", queues.put_metadata, (V1,), bodies=_JSON),
    Route("queue_stats", "GET", _QUEUE + "/stats", "queues:stats", queues.stats, _ALL),
    Route("queue_share", "POST", _QUEUE + "/share", "queues:share", shares.create, (V2,), bodies=_JSON),
    Route("queue_purge", "POST", _QUEUE + "/purge", "queues:purge", queues.purge, (V2,), bodies=_JSON),
    Route("messages", "GET", _MESSAGES, "messages:get_all", messages.get, _ALL,
          "marker,limit,echo,include_claimed,ids", "include_delayed"),
    Route("post_messages", "POST", _MESSAGES, "messages:create", messages.post, _ALL, bodies=_JSON),
    Route("messages_delete", "DELETE", _MESSAGES, "messages:delete_all", messages.delete_many, NEWER, _DELETE_CLAIMED),
    Route("messages_delete", "DELETE", _MESSAGES, "messages:delete_all", messages.delete_by_ids, (V1,),
          "ids,claim_ids"),
    Route("message_get", "GET", _MESSAGES + "/{message_id}", "messages:get", messages.get_one, _ALL),
    Route("message_delete", "DELETE", _MESSAGES + "/{message_id}", "messages:delete", messages.delete_one, _ALL,
          "claim_id"),
    Route("post_claim", "POST", _CLAIMS, "claims:create", claims.create, _ALL, "limit", bodies=_JSON),
    Route("claim", "GET", _CLAIMS + "/{claim_id}", "claims:get", claims.get, _ALL),
    Route("patch_claim", "PATCH", _CLAIMS + "/{claim_id}", "claims:update", claims.update, _ALL, bodies=_JSON),
    Route("delete_claim", "DELETE", _CLAIMS + "/{claim_id}", "claims:delete", claims.release, _ALL),
    Route("topics", "GET", "topics", "topics:get_all", queues.list_page, (V2,), "marker,limit,detailed",
          "name,with_count", collection=TOPICS),
    Route("topic", "PUT", _TOPIC, "topics:create", queues.put, (V2,), bodies=_JSON, collection=TOPICS),
    Route("topic", "GET", _TOPIC, "topics:get", queues.get, (V2,), collection=TOPICS),
    Route("topic", "PATCH", _TOPIC, "topics:update", queues.patch, (V2,), bodies=_PATCH, collection=TOPICS),
    Route("topic", "DELETE", _TOPIC, "topics:delete", queues.delete, (V2,), collection=TOPICS),
    Route("topic_stats", "GET", _TOPIC + "/stats", "topics:stats", queues.stats, (V2,), collection=TOPICS),
    Route("topic_purge", "POST", _TOPIC + "/purge", "topics:purge", queues.purge, (V2,), bodies=_JSON,
          collection=TOPICS),
    Route("topic_messages", "GET", _PUBLISHED, "messages:get_all", messages.get, (V2,), "marker,limit,echo,ids",
          "include_delayed", collection=TOPICS),
    Route("topic_messages", "POST", _PUBLISHED, "messages:create", messages.post, (V2,), bodies=_JSON,
          collection=TOPICS),
    Route("topic_messages", "DELETE", _PUBLISHED, "messages:delete_all", messages.delete_by_ids, (V2,), "ids",
          collection=TOPICS),
    Route("topic_message", "GET", _PUBLISHED + "/{message_id}", "messages:get", messages.get_one, (V2,),
          collection=TOPICS),
    Route("topic_message", "DELETE", _PUBLISHED + "/{message_id}", "messages:delete", messages.delete_one, (V2,),
          collection=TOPICS),
    Route("subscriptions_get", "GET", _SUBSCRIPTIONS, "subscription:get_all", subscriptions.list_page, (V2,),
          "marker,limit"),
    Route("subscriptions_post", "POST", _SUBSCRIPTIONS, "subscription:create", subscriptions.create, (V2,),
          bodies=_JSON),
    Route("subscription", "GET", _SUBSCRIPTION, "subscription:get", subscriptions.get, (V2,)),
    Route("subscription_patch", "PATCH", _SUBSCRIPTION, "subscription:update", subscriptions.update, (V2,),
          bodies=_JSON),
    Route("subscription_delete", "DELETE", _SUBSCRIPTION, "subscription:delete", subscriptions.delete, (V2,)),
    Route("subscription_confirm", "PUT", _SUBSCRIPTION + "/confirm", "subscription:confirm", subscriptions.confirm,
          (V2,), bodies=_JSON),
    Route("undelivered", "GET", _QUEUE + "/undelivered", "subscription:get_all", subscriptions.undelivered, (V2,),
          "marker,limit"),
    Route("topic_subscriptions", "GET", _SUBSCRIBERS, "subscription:get_all", subscriptions.list_page, (V2,),
          "marker,limit", collection=TOPICS),
    Route("topic_subscriptions", "POST", _SUBSCRIBERS, "subscription:create", subscriptions.create, (V2,),
          bodies=_JSON, collection=TOPICS),
    Route("topic_subscription", "GET", _SUBSCRIBER, "subscription:get", subscriptions.get, (V2,), collection=TOPICS),
    Route("topic_subscription", "PATCH", _SUBSCRIBER, "subscription:update", subscriptions.update, (V2,),
          bodies=_JSON, collection=TOPICS),
    Route("topic_subscription", "DELETE", _SUBSCRIBER, "subscription:delete", subscriptions.delete, (V2,),
          collection=TOPICS),
    Route("topic_subscription_confirm", "PUT", _SUBSCRIBER + "/confirm", "subscription:confirm",
          subscriptions.confirm, (V2,), bodies=_JSON, collection=TOPICS),
    Route("topic_undelivered", "GET", _TOPIC + "/undelivered", "subscription:get_all", subscriptions.undelivered,
          (V2,), "marker,limit", collection=TOPICS),
    Route("ping", "GET", "ping", "ping:get", health.ping, NEWER),
    Route("ping", "HEAD", "ping", "ping:get", health.head, NEWER),
    Route("health", "GET", "health", "health:get", health.report, NEWER),
    Route("health", "GET", "health", "ping:get", health.ping, (V1,)),
    Route("health", "HEAD", "health", "ping:get", health.head, (V1,)),
    Route("pools", "GET", "pools", "pools:get_all", pools.list_page, _ALL, _PAGE, pooling=True),
    Route("pool", "PUT", _POOL, "pools:create", pools.put, _ALL, bodies=_JSON, pooling=True),
    Route("pool", "GET", _POOL, "pools:get", pools.get, _ALL, "detailed", pooling=True),
    Route("pool", "PATCH", _POOL, "pools:update", pools.patch, _ALL, bodies=_JSON, pooling=True),
    Route("pool", "DELETE", _POOL, "pools:delete", pools.delete, _ALL, pooling=True),
    Route("flavors", "GET", "flavors", "flavors:get_all", flavors.list_page, NEWER, _PAGE, pooling=True),
    Route("flavor", "PUT", _FLAVOR, "flavors:create", flavors.put, NEWER, bodies=_JSON, pooling=True),
    Route("flavor", "GET", _FLAVOR, "flavors:get", flavors.get, NEWER, pooling=True),
    Route("flavor", "PATCH", _FLAVOR, "flavors:update", flavors.patch, NEWER, bodies=_JSON, pooling=True),
    Route("flavor", "DELETE", _FLAVOR, "flavors:delete", flavors.delete, NEWER, pooling=True),
)  # fmt: skip

#: The policy rules of all operations.
RULES = frozenset(route.rule for route in ROUTES)

Methods = Mapping[str, Route]


@dataclass(slots=True)
class _Node:
    fixed: dict[str, _Node] = field(default_factory=dict)
    variable: _Node | None = None
    methods: dict[str, Route] = field(default_factory=dict)


def _tree(routes: Iterable[Route]) -> _Node:
    root = _Node()
    for route in routes:
        node = root
        for part in route.path.split("/") if route.path else ():
            if not part.startswith("{"):
                node = node.fixed.setdefault(part, _Node())
                continue
            if node.variable is None:
                node.variable = _Node()
            node = node.variable
        node.methods[route.method] = route
    return root


def _roots(*, pooling: bool) -> dict[str, _Node]:
    return {
        dialect.id: _tree(route for route in ROUTES if dialect in route.versions and route.pooling == pooling)
        for dialect in DIALECTS
    }


_ROOTS, _POOL_ROOTS = _roots(pooling=False), _roots(pooling=True)


def find(dialect: Dialect, below: str) -> tuple[Methods, list[str]] | None:
    """Return the methods of a path and its variable parts, None for an unknown path.

    ``below`` is the path after the version's prefix; one slash at its end is ignored.
    """
    return _find(_ROOTS[dialect.id], below)


def find_with_pools(dialect: Dialect, below: str) -> tuple[Methods, list[str]] | None:
    """Do the same as :func:`find` among the routes of pools and flavors."""
    return _find(_POOL_ROOTS[dialect.id], below)


def _find(node: _Node, below: str) -> tuple[Methods, list[str]] | None:
    values = []
    if below.endswith("/"):
        below = below[:-1]
    for part in below.split("/")[1:]:
        next_node = node.fixed.get(part)
        if next_node is None:
            next_node = node.variable
            if next_node is None:
                return None
            values.append(part)
        node = next_node
    return (node.methods, values) if node.methods else None


def allow(methods: Methods) -> str:
    """Return the value of the Allow header."""
    return ", ".join(sorted({*methods, "OPTIONS"}))

"""Pools: register, get, change, remove, list. For administrators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from zaqar_core.domain import limits
from zaqar_core.domain.errors import PoolInUse, PoolNotFound, PoolTaken, PoolUnfit
from zaqar_core.pools import administration
from zaqar_core.pools.administration import Pool, PoolChange
from zaqar_core.rest import bodies, documents
from zaqar_core.rest.call import RestCall
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.rest.parameters import QUEUE_NAME, bounded
from zaqar_core.web.envelope import Reply

_FIELDS = ("uri", "weight", "flavor", "options")


def put(call: RestCall) -> Reply:
    """Register or change a pool and return 201. 400 with the reason when the deployment cannot be a pool; 409 when it
    is another pool already; 403 when the pool holds queues and ``uri`` is another deployment than the one they are
    in."""
    document = bodies.parse_object(call.request.body)
    wanted = _change(call, document)
    if not document.keys() <= {*_FIELDS, *_old_names(call)}:
        raise RestError(Fact.BODY_INVALID, f"Only {', '.join(_FIELDS)} are allowed.")
    if wanted.uri is None or wanted.weight is None:
        raise RestError(Fact.BODY_INVALID, '"uri" and "weight" are required.')
    _put(call, wanted, must_exist=False)
    return documents.empty(201, _href(call, _name(call)))


def patch(call: RestCall) -> Reply:
    """Change the given fields of a pool and return 200. Errors are those of PUT, and 404."""
    document = bodies.parse_object(call.request.body)
    if document.keys().isdisjoint({*_FIELDS, *_old_names(call)}):
        raise RestError(Fact.BODY_INVALID, f"One of {', '.join(_FIELDS)} is required.")
    changed = _put(call, _change(call, document), must_exist=True)
    return documents.reply(_shown(call, changed, detailed=False)) if call.dialect.has_attributes else _nothing()


def get(call: RestCall) -> Reply:
    """Return 200 with the pool, with ``detailed`` also its options, or 404."""
    detailed = call.query.boolean("detailed")
    return documents.reply(_shown(call, administration.get(call.session, _name(call)), detailed))


def delete(call: RestCall) -> Reply:
    """Remove the pool, if it is registered, and return 204. 403 while it holds queues, or when it is the only pool of
    a flavor."""
    name = _name(call)
    try:
        administration.remove(call.session, name)
    except PoolInUse as use:
        raise RestError(
            Fact.POOL_IN_USE,
            f"it is the only pool of flavor {use.flavor}" if use.flavor else f"it holds {use.queues} queues",
        ) from None
    return documents.empty()


def list_page(call: RestCall) -> Reply:
    """Return 200 with a page of pools in the order of their names."""
    return named_page(call, "pools", administration.page, _shown, most=call.settings.max_pools_per_page)


class _Named(Protocol):
    name: str


Named = TypeVar("Named", bound=_Named)


def named_page(
    call: RestCall,
    collection: str,
    find: Callable[..., list[Named]],
    show: Callable[[RestCall, Named, bool], dict[str, Any]],
    *,
    most: int,
) -> Reply:
    """Return a page of ``collection``, pools or flavors, with the link to the next one. ``find`` takes the session,
    ``after`` and ``limit``."""
    query = call.query
    limit = query.integer("limit", limits.DEFAULT_PAGE, most=most)
    detailed = query.boolean("detailed")
    found = find(call.session, after=query.text("marker") or "", limit=limit)
    given = {
        "limit": limit if query.text("limit") else None,
        "detailed": detailed if query.text("detailed") else None,
    }
    links = documents.next_links(f"{call.dialect.prefix}/{collection}", given, found[-1].name if found else None)
    return documents.reply({collection: [show(call, one, detailed) for one in found], "links": links})


def checked_name(text: str) -> str:
    """Return the name of a pool or flavor, checked. Raises RestError."""
    if not QUEUE_NAME.match(text):
        raise RestError(
            Fact.RULE_BROKEN,
            f"A name must have 1 to {limits.ZAQAR_NAME_CHARACTERS} characters: A-Z, a-z, 0-9, '_', '-' and '.'.",
        )
    return text


def _name(call: RestCall) -> str:
    return checked_name(call.values[0])


def _old_names(call: RestCall) -> tuple[str, ...]:
    """Return the older names of fields: v1.1 and v1 call a flavor a group."""
    return () if call.dialect.has_attributes else ("group",)


def _change(call: RestCall, document: dict[str, Any]) -> PoolChange:
    """Return the given fields, each checked; null counts as not given. Raises RestError."""
    flavor = document.get("flavor")
    for name in _old_names(call):
        flavor = document.get(name) if flavor is None else flavor
    uri, weight, options = document.get("uri"), document.get("weight"), document.get("options")
    if uri is not None and (
        type(uri) is not str or not 0 < len(uri) <= limits.POOL_TEXT_CHARACTERS or "://" not in uri
    ):
        raise RestError(Fact.BODY_INVALID, f'"uri" must be a URL of at most {limits.POOL_TEXT_CHARACTERS} characters.')
    if flavor is not None and (type(flavor) is not str or len(flavor) > limits.POOL_TEXT_CHARACTERS):
        raise RestError(
            Fact.BODY_INVALID, f'"flavor" must be a string of at most {limits.POOL_TEXT_CHARACTERS} characters.'
        )
    if options is not None and type(options) is not dict:
        raise RestError(Fact.BODY_INVALID, '"options" must be an object.')
    if weight is not None:
        weight = bounded("weight", weight, least=limits.POOL_WEIGHT.least, most=limits.POOL_WEIGHT.most)
    return PoolChange(uri, weight, flavor, options)


def _put(call: RestCall, wanted: PoolChange, *, must_exist: bool) -> Pool:
    name = _name(call)
    try:
        return administration.put(call.session, name, wanted, must_exist=must_exist)
    except PoolUnfit as unfit:
        raise RestError(Fact.POOL_UNFIT, unfit.reason) from None
    except PoolTaken as taken:
        raise RestError(Fact.POOL_TAKEN, taken.pool) from None
    except PoolInUse:
        raise RestError(Fact.POOL_ELSEWHERE) from None
    except PoolNotFound:
        raise RestError(Fact.POOL_NOT_FOUND) from None


def _nothing() -> Reply:
    """Return 200 without a body."""
    return documents.empty(200)


def _href(call: RestCall, name: str) -> str:
    return f"{call.dialect.prefix}/pools/{name}"


def _shown(call: RestCall, pool: Pool, detailed: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "href": _href(call, pool.name),
        "name": pool.name,
        "uri": pool.uri,
        "weight": pool.weight,
        "flavor": pool.flavor or None,
    }
    if detailed:
        document["options"] = pool.options
    return document

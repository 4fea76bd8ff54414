"""Pools: register, show, change, remove, list. For administrators."""

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
    """201: the pool is registered, or changed. 400 with the reason where its deployment cannot be one, 409 where it is
    another pool, 403 where the pool has queues and the deployment is not the one that has them."""
    document = bodies.parse_object(call.request.body)
    wanted = _change(call, document)
    if not document.keys() <= {*_FIELDS, *_old_names(call)}:
        raise RestError(Fact.BODY_INVALID, f"Only {', '.join(_FIELDS)} can be given.")
    if wanted.uri is None or wanted.weight is None:
        raise RestError(Fact.BODY_INVALID, '"uri" and "weight" are required.')
    _put(call, wanted, must_exist=False)
    return documents.empty(201, _href(call, _name(call)))


def patch(call: RestCall) -> Reply:
    """200: what is given is changed. Errors as for PUT, and 404."""
    document = bodies.parse_object(call.request.body)
    if document.keys().isdisjoint({*_FIELDS, *_old_names(call)}):
        raise RestError(Fact.BODY_INVALID, f"One of {', '.join(_FIELDS)} is required.")
    changed = _put(call, _change(call, document), must_exist=True)
    return documents.reply(_shown(call, changed, detailed=False)) if call.dialect.has_attributes else _nothing()


def get(call: RestCall) -> Reply:
    """200 with the pool, its options with ``detailed``; or 404."""
    detailed = call.query.boolean("detailed")
    return documents.reply(_shown(call, administration.get(call.session, _name(call)), detailed))


def delete(call: RestCall) -> Reply:
    """204: the pool is not registered. 403 while queues are in it, or where a flavor would have no pool left."""
    name = _name(call)
    try:
        administration.remove(call.session, name)
    except PoolInUse as use:
        raise RestError(
            Fact.POOL_IN_USE,
            f"flavor {use.flavor} has no other pool" if use.flavor else f"{use.queues} queues are in it",
        ) from None
    return documents.empty()


def list_page(call: RestCall) -> Reply:
    """200 with a page in the order of names."""
    return named_page(call, "pools", administration.page, _shown, most=call.settings.max_pools_per_page)


class _Named(Protocol):
    name: str


Named = TypeVar("Named", bound=_Named)


def named_page(
    call: RestCall,
    what: str,
    find: Callable[..., list[Named]],
    show: Callable[[RestCall, Named, bool], dict[str, Any]],
    *,
    most: int,
) -> Reply:
    """A page of pools or flavors, and where the next one is. ``find`` takes the session, ``after`` and ``limit``."""
    query = call.query
    limit = query.integer("limit", limits.DEFAULT_PAGE, most=most)
    detailed = query.boolean("detailed")
    found = find(call.session, after=query.text("marker") or "", limit=limit)
    given = {
        "limit": limit if query.text("limit") else None,
        "detailed": detailed if query.text("detailed") else None,
    }
    links = documents.next_links(f"{call.dialect.prefix}/{what}", given, found[-1].name if found else None)
    return documents.reply({what: [show(call, one, detailed) for one in found], "links": links})


def checked_name(text: str) -> str:
    """A pool's or flavor's name. Raises RestError."""
    if not QUEUE_NAME.match(text):
        raise RestError(
            Fact.RULE_BROKEN,
            f"A name has 1 to {limits.ZAQAR_NAME_CHARACTERS} characters out of A-Z a-z 0-9 _ - and the dot.",
        )
    return text


def _name(call: RestCall) -> str:
    return checked_name(call.values[0])


def _old_names(call: RestCall) -> tuple[str, ...]:
    """In v1.1 and v1 a flavor was a group."""
    return () if call.dialect.has_attributes else ("group",)


def _change(call: RestCall, document: dict[str, Any]) -> PoolChange:
    """The fields given, each checked; null is not given. Raises RestError."""
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
    """200 without a body."""
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

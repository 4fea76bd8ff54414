"""Flavors: named sets of pools, which a queue selects by ``_flavor``. For administrators."""

from __future__ import annotations

from typing import Any

from zaqar_core.domain import limits
from zaqar_core.domain.errors import PoolUnknown
from zaqar_core.pools import administration
from zaqar_core.pools.administration import Flavor
from zaqar_core.rest import bodies, documents
from zaqar_core.rest.call import RestCall
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.rest.resources.pools import checked_name, named_page
from zaqar_core.web.envelope import Reply


def put(call: RestCall) -> Reply:
    """Create or change a flavor and return 201, or 400. In v1.1 ``pool_list`` may be missing: the flavor then has
    the pools whose group is the flavor's name."""
    document = bodies.parse_object(call.request.body)
    if not document.keys() <= {"pool_list", "capabilities"}:
        raise RestError(Fact.BODY_INVALID, 'Only "pool_list" and "capabilities" are allowed.')
    members = _members(call, document)
    name = _name(call)
    if members is None and not any(pool.flavor == name for pool in administration.all_pools(call.session)):
        raise RestError(Fact.FLAVOR_NOT_CREATED, f"{name} could not be created, error:No pool has that group")
    _put(call, name, members, must_exist=False)
    return documents.empty(201, _href(call, name))


def patch(call: RestCall) -> Reply:
    """Change the pools of a flavor and return 200, or 400 or 404."""
    document = bodies.parse_object(call.request.body)
    if not call.dialect.has_attributes and document.keys().isdisjoint({"pool_list", "capabilities"}):
        raise RestError(Fact.BODY_INVALID, '"capabilities" or "pool_list" is required.')
    changed = _put(call, _name(call), _members(call, document), must_exist=True)
    return (
        documents.reply(_shown(call, changed, detailed=True)) if call.dialect.has_attributes else documents.empty(200)
    )


def get(call: RestCall) -> Reply:
    """Return 200 with the flavor, or 404."""
    return documents.reply(_shown(call, administration.flavor(call.session, _name(call)), detailed=True))


def delete(call: RestCall) -> Reply:
    """Delete the flavor, if it exists, and return 204. Queues that were created in it stay where they are."""
    administration.remove_flavor(call.session, _name(call))
    return documents.empty()


def list_page(call: RestCall) -> Reply:
    """Return 200 with a page of flavors in the order of their names."""
    return named_page(call, "flavors", administration.flavors, _shown, most=call.settings.max_flavors_per_page)


def _members(call: RestCall, document: dict[str, Any]) -> list[str] | None:
    """Return the names in ``pool_list``; None if a request of v1.1 has none. Raises RestError."""
    found: Any = document.get("pool_list")
    if not call.dialect.has_attributes:
        if type(document.get("capabilities", {})) is not dict:
            raise RestError(Fact.BODY_INVALID, '"capabilities" must be an object.')
        if found is None:
            return None
    if type(found) is not list or not found or not all(type(name) is str for name in found):
        raise RestError(Fact.BODY_INVALID, '"pool_list" must be an array of at least one pool name.')
    if len(found) > limits.FLAVOR_POOLS:
        raise RestError(Fact.RULE_BROKEN, f'"pool_list" must have at most {limits.FLAVOR_POOLS} pools.')
    return found


def _put(call: RestCall, name: str, members: list[str] | None, *, must_exist: bool) -> Flavor:
    try:
        return administration.put_flavor(call.session, name, members, must_exist=must_exist)
    except PoolUnknown as unknown:
        detail = f"{name} could not be created, error:Pool {unknown.pool} does not exist"
        raise RestError(Fact.FLAVOR_NOT_CREATED, detail) from None


def _name(call: RestCall) -> str:
    return checked_name(call.values[0])


def _href(call: RestCall, name: str) -> str:
    return f"{call.dialect.prefix}/flavors/{name}"


def _shown(call: RestCall, flavor: Flavor, detailed: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "href": _href(call, flavor.name),
        "name": flavor.name,
        "pool_list": flavor.pools,
    }
    if detailed:
        document["capabilities"] = flavor.capabilities
    return document

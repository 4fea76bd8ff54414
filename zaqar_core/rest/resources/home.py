"""The home document of a version: its paths and methods as JSON Home, written from the route table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from zaqar_core.rest import documents
from zaqar_core.rest.dialect import Dialect
from zaqar_core.rest.route import Route
from zaqar_core.web.envelope import Reply

_VARIABLE = re.compile(r"{\??([^}]*)}")


def reply(dialect: Dialect, routes: Iterable[Route]) -> Reply:
    """Return 200 with the document as ``application/json-home``; clients may cache it for a day."""
    answer = documents.reply({"resources": _resources(dialect, tuple(routes))})
    answer.headers = [("Content-Type", "application/json-home"), ("Cache-Control", "max-age=86400")]
    return answer


@cache
def _resources(dialect: Dialect, routes: tuple[Route, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for route in routes:
        if dialect not in route.versions or not route.path:
            continue
        template = f"{dialect.prefix}/{route.path}{parameters(route, dialect)}"
        row = found.setdefault(
            f"rel/{route.relation.replace('_', dialect.relation_hyphen)}",
            {"href-template": template, "href-vars": {}, "hints": {"allow": [], "formats": {"application/json": {}}}},
        )
        row["href-vars"] |= {name: f"param/{name}" for part in _VARIABLE.findall(template) for name in part.split(",")}
        row["hints"]["allow"].append(route.method)
        if route.bodies:
            row["hints"][f"accept-{route.method.lower()}"] = list(route.bodies)
    return found


def parameters(route: Route, dialect: Dialect) -> str:
    """Return the parameters of the query string as a URI template."""
    names = [part for part in (route.parameters, route.newer if dialect.has_attributes else "") if part]
    return "{?" + ",".join(names) + "}" if names else ""

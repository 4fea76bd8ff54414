"""The reference of the Zaqar face, written from its tables: ``python -m zaqar_core.rest.reference > docs/zaqar.md``."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import msgspec

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain import limits
from zaqar_core.markdown import code, table
from zaqar_core.rest import errors, metadata, rights
from zaqar_core.rest.actions import ACTIONS
from zaqar_core.rest.dialect import DIALECTS, Dialect
from zaqar_core.rest.reference_texts import (
    ANSWERS,
    DEFECTS,
    DIFFERENCES,
    LIMITS,
    RESERVED,
    TOPICS,
    VERSION_DIFFERENCES,
    WEBSOCKET,
)
from zaqar_core.rest.resources import shares
from zaqar_core.rest.route import Route
from zaqar_core.rest.routes import ROUTES

_HEAD = """# OpenStack Zaqar, endpoint by endpoint

Generated from the route table by `python -m zaqar_core.rest.reference > docs/zaqar.md`; do not edit.

Versions 2, 1.1 and 1 are served under `/v2`, `/v1.1` and `/v1`, on the same queues and messages.
`enable_deprecated_api_versions` (default `1,1.1`; empty for none) names the old versions to serve. `GET /` lists the
versions that are served; a client that prefers HTML to JSON, such as a browser, gets a page about the service instead.

A request is checked in this order, and the first failure ends it: path (404), method (405), pre-signed URL (404),
form content (400), `Accept` (406), `Client-ID` (400), `X-Project-Id` (400), the queue's name (400), query and body.
Errors are `{"title", "description"}`. Every response has `x-openstack-request-id`. Hrefs are paths that begin with the
version. The paths below follow the version's prefix. Pools and flavors are served only with `admin_mode` and
`pooling`; `docs/operations.md` explains pools. With Keystone, the rule in the table decides who may run an operation:
see "Roles and policy.yaml" in `docs/security.md`. Where policies are enforced, the rights in the table are the actions
of SQS that they must allow: see "Policies" there.
"""


def text() -> str:
    """Return the whole document."""
    parts = [_HEAD, "# Endpoints\n"]
    parts += [_path(path, list(routes)) for path, routes in groupby(ROUTES, key=lambda route: route.path)]
    parts += [
        _limits(),
        _reserved(),
        f"# Topics (2)\n\n{TOPICS}",
        _websocket(),
        _versions(),
        _errors(),
        _listed("Differences from Zaqar", DIFFERENCES),
        _defects(),
    ]
    return "\n".join(parts)


def _listed(title: str, items: Iterable[str]) -> str:
    return f"# {title}\n\n" + "\n".join(f"- {item}" for item in items) + "\n"


def _path(path: str, routes: list[Route]) -> str:
    rows = [
        (route.method, _in(route.versions), _parameters(route), code(route.rule), _rights(route), _summary(route))
        for route in routes
    ]
    return f"## /{path}\n\n" + table(("method", "versions", "parameters", "rule", "rights", "effect"), rows)


def _rights(route: Route) -> str:
    return ", ".join(map(code, rights.of(route)))


def _in(versions: Iterable[Dialect]) -> str:
    return ", ".join(dialect.id for dialect in reversed(list(versions)))


def _parameters(route: Route) -> str:
    shown = [code(name) for name in route.parameters.split(",") if name]
    shown += [f"{code(name)} (2)" for name in route.newer.split(",") if name]
    return ", ".join(shown)


def _summary(route: Route) -> str:
    return " ".join((route.run.__doc__ or "").split()).replace("``", "`")


def _limits() -> str:
    defaults = {field.name: field.default for field in msgspec.structs.fields(Settings)}
    rows = [(what, bounds.format_map(defaults), ", ".join(map(code, settings))) for what, bounds, settings in LIMITS]
    pages = (
        f"Without `limit` a page has {limits.DEFAULT_PAGE} queues, {limits.DEFAULT_PAGE} messages or "
        f"{limits.DEFAULT_PAGE} subscriptions."
    )
    share = f"The paths that can be shared are {', '.join(map(code, shares.PATHS))}."
    return f"# Limits\n\n{pages} {share}\n\n" + table(("what", "bounds", "settings"), rows)


def _reserved() -> str:
    rows = [(code(name), *RESERVED[name]) for name in sorted(metadata.RESERVED)]
    return (
        "# Reserved attributes of queues (2)\n\nPATCH with `remove` resets an attribute to its default. Null counts as "
        "unset.\n\n" + table(("attribute", "values", "meaning"), rows)
    )


def _websocket() -> str:
    rows = [
        (
            code(name),
            f"{action.route.method} /{action.route.path}",
            ", ".join(map(code, action.fields)),
            ANSWERS[name],
        )
        for name, action in ACTIONS.items()
    ]
    head = ("action", "same as", "fields of `body`", "body of the reply")
    return f"# WebSocket (2)\n\n{WEBSOCKET}\n" + table(head, rows)


def _versions() -> str:
    rows = [
        (what, *("yes" if getattr(dialect, name) else "no" for dialect in reversed(DIALECTS)))
        for name, what in VERSION_DIFFERENCES.items()
    ]
    head = ("", *(dialect.id for dialect in reversed(DIALECTS)))
    return "# Differences between the versions\n\n" + table(head, rows)


def _errors() -> str:
    rows = sorted({(str(words.status), words.title) for words in errors.WORDS.values()})
    return "# Errors\n\n" + table(("status", "title"), rows)


def _defects() -> str:
    return (
        "# Defects of Zaqar's Redis driver that this service does not have\n\nEach has a test with its number in "
        "`tests/zaqar/test_upstream_defects.py`.\n\n"
        + "\n".join(f"{number}. {defect}" for number, defect in enumerate(DEFECTS, 1))
        + "\n"
    )


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 # the document goes to standard output

"""Which path and method is which operation: one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zaqar_core.rest.call import Handler
from zaqar_core.rest.resources import claims, home, messages, ping, queues

#: Below a version's prefix: path pattern -> methods. ``*`` stands for one variable part.
_TABLE: Mapping[str, Mapping[str, Handler]] = {
    "": {"GET": home.get},
    "ping": {"GET": ping.get, "HEAD": ping.head},
    "health": {"GET": ping.health},
    "queues": {"GET": queues.list_page},
    "queues/*": {"GET": queues.get, "PUT": queues.put, "PATCH": queues.patch, "DELETE": queues.delete},
    "queues/*/stats": {"GET": queues.stats},
    "queues/*/purge": {"POST": queues.purge},
    "queues/*/messages": {"GET": messages.get, "POST": messages.post, "DELETE": messages.delete_many},
    "queues/*/messages/*": {"GET": messages.get_one, "DELETE": messages.delete_one},
    "queues/*/claims": {"POST": claims.create},
    "queues/*/claims/*": {"GET": claims.get, "PATCH": claims.update, "DELETE": claims.release},
}


@dataclass(slots=True)
class _Node:
    fixed: dict[str, _Node] = field(default_factory=dict)
    variable: _Node | None = None
    methods: Mapping[str, Handler] | None = None


def _tree(table: Mapping[str, Mapping[str, Handler]]) -> _Node:
    root = _Node()
    for pattern, methods in table.items():
        node = root
        for part in pattern.split("/") if pattern else ():
            if part != "*":
                node = node.fixed.setdefault(part, _Node())
                continue
            if node.variable is None:
                node.variable = _Node()
            node = node.variable
        node.methods = methods
    return root


_ROOT = _tree(_TABLE)


def find(below: str) -> tuple[Mapping[str, Handler], tuple[str, ...]] | None:
    """The methods of a path and its variable parts. ``below`` follows the prefix; a trailing slash is nothing."""
    node, values = _ROOT, []
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
    return None if node.methods is None else (node.methods, tuple(values))


def allow(methods: Mapping[str, Handler]) -> str:
    """The value of the Allow header."""
    return ", ".join(sorted({*methods, "OPTIONS"}))

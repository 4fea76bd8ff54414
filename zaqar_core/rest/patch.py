"""The JSON patch of a queue's metadata: a subset of RFC 6902."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from zaqar_core.rest import bodies
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.rest.metadata import RESERVED

MEDIA_TYPE = "application/openstack-messaging-v2.0-json-patch"

_OPERATIONS = ("add", "replace", "remove")
_STRAY_TILDE = re.compile(r"~(?![01])")


@dataclass(slots=True)
class Step:
    """One operation on one key of the metadata. ``value`` is None for remove."""

    operation: str
    key: str
    value: Any


def parse(body: bytes) -> list[Step]:
    """Parse the operations of a patch. Raises RestError."""
    document = bodies.parse(body)
    if not isinstance(document, list):
        raise RestError(Fact.BODY_INVALID, "The body must be an array of operations.")
    return [_step(item) for item in document]


def _step(item: Any) -> Step:
    if type(item) is not dict:
        raise RestError(Fact.BODY_INVALID, "Each operation must be an object.")
    operation = item.get("op")
    if type(operation) is not str or operation not in _OPERATIONS:
        raise RestError(Fact.BODY_INVALID, f'"op" must be one of {", ".join(_OPERATIONS)}.')
    if operation != "remove" and "value" not in item:
        raise RestError(Fact.BODY_INVALID, f'Operation "{operation}" needs a "value".')
    return Step(operation, _key(item.get("path")), item.get("value"))


def _key(path: Any) -> str:
    if type(path) is not str or not path.startswith("/") or _STRAY_TILDE.search(path):
        raise RestError(Fact.BODY_INVALID, '"path" must be a JSON pointer.')
    parts = path[1:].split("/")
    if len(parts) != 2 or parts[0].lower() != "metadata" or not parts[1]:
        raise RestError(Fact.BODY_INVALID, '"path" must be /metadata/<key>.')
    return parts[1].replace("~1", "/").replace("~0", "~")


def apply(steps: list[Step], metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the patched metadata. Raises RestError for remove or replace of a key that is neither set nor reserved."""
    changed = dict(metadata)
    for step in steps:
        if step.operation != "add" and step.key not in changed and step.key not in RESERVED:
            raise RestError(Fact.PATCH_CONFLICT, f"Cannot {step.operation} a key that is not set.")
        if step.operation == "remove":
            changed.pop(step.key, None)
        else:
            changed[step.key] = step.value
    return changed

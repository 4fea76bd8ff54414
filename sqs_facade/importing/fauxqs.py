"""Read the init file of fauxqs, in JSON. Keys: its documentation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqs_facade.importing.document import Imported, ImportRefused, one_line, redrive
from zaqar_core.domain.digits import whole_number

_HANDLED = frozenset(("region", "queues", "topics", "subscriptions", "buckets"))
_QUEUE = frozenset(("name", "attributes", "tags", "region"))


def read(file: Path, _: str | None = None) -> Imported:
    """Read the file. Raises ImportRefused, OSError."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as problem:
        raise ImportRefused(f"{file}:{problem.lineno}: {one_line(problem.msg)}") from None
    if not isinstance(document, dict):
        raise ImportRefused(f"{file} must be a JSON object")
    imported = Imported()
    if document.get("region"):
        imported.settings["region"] = str(document["region"])
    for queue in document.get("queues") or []:
        _queue(imported, queue, document.get("region"))
    for topic in document.get("topics") or []:
        imported.leave_out(f"topics.{_name(topic)}", "the service has no SNS")
    for one in document.get("subscriptions") or []:
        why = f"the service has no SNS: queue {one.get('queue')} is not subscribed"
        imported.leave_out(f"subscriptions.{one.get('topic')}", why)
    for bucket in document.get("buckets") or []:
        imported.leave_out(f"buckets.{_name(bucket)}", "the service has no S3")
    imported.leave_out_unknown(document, _HANDLED, "")
    return imported


def _name(one: Any) -> str:
    return str(one.get("name", "")) if isinstance(one, dict) else str(one)


def _queue(imported: Imported, given: dict[str, Any], home: str | None) -> None:
    name = str(given.get("name", ""))
    region = given.get("region")
    found: dict[str, Any] = {}
    key = name
    if region and region != home:
        found["region"] = region
        if name in imported.queues:
            key, found["name"] = f"{name}-{region}", name
    for attribute, value in (given.get("attributes") or {}).items():
        if attribute == "RedrivePolicy":
            try:
                found |= redrive(imported, json.loads(value), f"queues.{name}.RedrivePolicy")
            except (json.JSONDecodeError, TypeError):
                imported.leave_out(f"queues.{name}.RedrivePolicy", "it is not JSON")
        elif attribute != "FifoQueue":  # the name says so
            found[attribute] = _value(value)
    if given.get("tags"):
        found["tags"] = {tag: str(value) for tag, value in given["tags"].items()}
    imported.leave_out_unknown(given, _QUEUE, f"queues.{name}.")
    imported.queues[key] = found


def _value(value: Any) -> Any:
    """Return an attribute as one writes it in TOML."""
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    number = whole_number(value, most=11) if isinstance(value, str) else None
    return value if number is None else number

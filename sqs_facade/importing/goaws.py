"""Read a ``goaws.yaml``. Keys: the documentation and the published examples of GoAWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from sqs_facade.importing.document import Imported, ImportRefused, one_line, redrive

_DEFAULT_ENVIRONMENT = "Local"
_ATTRIBUTES = (
    "VisibilityTimeout",
    "ReceiveMessageWaitTimeSeconds",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "DelaySeconds",
)
_QUEUE = frozenset(("Name", "RedrivePolicy", "IsFIFO", *_ATTRIBUTES))
_LEFT_OUT = {
    "Host": "queue URLs begin with the called host; the setting public_url fixes another",
    "SnsPort": "the service has no SNS",
    "EnableDuplicates": "FIFO queues always deduplicate",
    "RandomLatency": "the test hook /_test/chaos slows requests down",
    "LogMessages": "messages are not logged",
    "LogFile": "messages are not logged",
    "LogToFile": "messages are not logged",
}
_HANDLED = frozenset(("Port", "SqsPort", "Region", "AccountId", "QueueAttributeDefaults", "Queues", "Topics"))


def read(file: Path, environment: str | None = None) -> Imported:
    """Read one environment of the file. Raises ImportRefused, OSError."""
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as problem:
        raise ImportRefused(f"{file}: {one_line(problem)}") from None
    if not isinstance(document, dict) or not all(isinstance(one, dict) for one in document.values()):
        raise ImportRefused(f"{file} has no environments such as {_DEFAULT_ENVIRONMENT}")
    names = [str(name) for name in document]
    wanted = environment or (names[0] if len(names) == 1 else _DEFAULT_ENVIRONMENT)
    if wanted not in document:
        raise ImportRefused(f"{file} has no environment {wanted}: choose one of {', '.join(names)} with --environment")
    imported = Imported()
    _environment(imported, document[wanted])
    for name in names:
        if name != wanted:
            imported.leave_out(name, f"another environment: --environment {name} imports it")
    return imported


def _environment(imported: Imported, given: dict[str, Any]) -> None:
    settings = imported.settings
    port = given.get("Port") or given.get("SqsPort")
    if port:
        settings["port"] = int(port)
    if given.get("Region"):
        settings["region"] = str(given["Region"])
    if given.get("AccountId"):
        imported.account(given["AccountId"], "AccountId")
    imported.defaults = _attributes(given.get("QueueAttributeDefaults") or {})
    imported.leave_out_unknown(
        given.get("QueueAttributeDefaults") or {}, frozenset(_ATTRIBUTES), "QueueAttributeDefaults."
    )
    for queue in given.get("Queues") or []:
        _queue(imported, queue)
    for topic in given.get("Topics") or []:
        _topic(imported, topic)
    for name in given:
        if name in _LEFT_OUT:
            imported.leave_out(name, _LEFT_OUT[name])
        elif name not in _HANDLED:
            imported.leave_out(name, "no such entry is known")


def _attributes(given: dict[str, Any]) -> dict[str, Any]:
    # 0 as the size means the default.
    return {
        name: given[name] for name in _ATTRIBUTES if name in given and (given[name] or name != "MaximumMessageSize")
    }


def _queue(imported: Imported, given: dict[str, Any]) -> None:
    name = str(given.get("Name", ""))
    found = _attributes(given)
    if policy := given.get("RedrivePolicy"):
        try:
            found |= redrive(imported, json.loads(policy), f"Queues.{name}.RedrivePolicy")
        except (json.JSONDecodeError, TypeError):
            imported.leave_out(f"Queues.{name}.RedrivePolicy", "it is not JSON")
    imported.leave_out_unknown(given, _QUEUE, f"Queues.{name}.")
    imported.queues[name] = found


def _topic(imported: Imported, given: dict[str, Any]) -> None:
    name = given.get("Name", "")
    imported.leave_out(f"Topics.{name}", "the service has no SNS")
    for one in given.get("Subscriptions") or []:
        queue = one.get("QueueName")
        if queue:
            imported.queues.setdefault(str(queue), {})
        to = f"queue {queue}" if queue else str(one.get("Protocol", "another endpoint"))
        imported.leave_out(f"Topics.{name}.Subscriptions", f"the service has no SNS: {to} is not subscribed")

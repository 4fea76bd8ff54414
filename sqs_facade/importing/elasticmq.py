"""Read an ``elasticmq.conf``, in HOCON. Keys and units: the documentation of ElasticMQ 1.7."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hocon import Config, ConfigError, ParseError, ResolveError, parse_string

from sqs_facade.importing.document import Imported, ImportRefused, one_line, whole_seconds

#: Defaults of ElasticMQ itself, which are in its program and not beside the file.
_CLASSPATH = re.compile(r"^\s*include\s+(?:required\()?\s*classpath\(.*$", re.MULTILINE)
_TIMES = {
    "defaultVisibilityTimeout": "VisibilityTimeout",
    "delay": "DelaySeconds",
    "receiveMessageWait": "ReceiveMessageWaitTimeSeconds",
}
_COPIES = {"copyTo": "messages are not copied to other queues", "moveTo": "messages are not moved to other queues"}
_QUEUE = frozenset((*_TIMES, *_COPIES, "deadLettersQueue", "fifo", "contentBasedDeduplication", "tags"))
_LEFT_OUT = {
    "node-address": "queue URLs begin with the called host; the setting public_url fixes another",
    "generate-node-address": "queue URLs begin with the called host",
    "rest-stats": "the console is part of the service and has the same port",
    "messages-storage": "messages are on disk unless the service runs with --ephemeral",
    "queues-storage": "queues are on disk unless the service runs with --ephemeral",
    "persistence": "queues and messages are on disk unless the service runs with --ephemeral",
}
_HANDLED = frozenset(("queues", "rest-sqs", "aws", "auto-create-queues"))
#: Sections of the libraries that ElasticMQ is built with.
_OF_LIBRARIES = frozenset(("akka", "pekko", "kamon", "logback"))


def read(file: Path, _: str | None = None) -> Imported:
    """Read the file. Raises ImportRefused, OSError."""
    text = _CLASSPATH.sub("", file.read_text(encoding="utf-8"))
    try:
        config = parse_string(text, base_dir=str(file.parent), origin_description=str(file))
        return _Reading(config).imported
    except (ParseError, ResolveError, ConfigError) as problem:
        line = getattr(problem, "line", None)
        raise ImportRefused(f"{file}{f':{line}' if line else ''}: {one_line(problem)}") from None


class _Reading:
    def __init__(self, config: Config) -> None:
        self.imported = Imported()
        self._config = config
        document: dict[str, Any] = config.to_object()
        queues = document.get("queues") or {}
        self._names = {name: _fifo_name(name, table) for name, table in queues.items()}
        for name, table in queues.items():
            self._queue(name, table or {})
        self._server(document)
        for name in document:
            if name in _LEFT_OUT:
                self.imported.leave_out(name, _LEFT_OUT[name])
            elif name not in _HANDLED | _OF_LIBRARIES:
                # Variables of the file itself are used in the queues already.
                self.imported.leave_out(name, "no such entry is known")

    def _queue(self, name: str, table: dict[str, Any]) -> None:
        where = f"queues.{name}"
        renamed = self._names[name]
        if renamed != name:
            self.imported.adapt(where, f"a FIFO queue has a name that ends in .fifo: it became {renamed}")
        found = self._attributes(where, f'queues."{name}"', table)
        dead = table.get("deadLettersQueue")
        if isinstance(dead, dict) and dead:
            target = str(dead.get("name", ""))
            found["dead_letter_queue"] = self._names.get(target, target)
            found["max_receive_count"] = dead.get("maxReceiveCount", 0)
        self.imported.queues[renamed] = found

    def _attributes(self, where: str, path: str, table: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, attribute in _TIMES.items():
            if key in table:
                milliseconds = self._config.get_duration(f"{path}.{key}")
                found[attribute] = whole_seconds(self.imported, milliseconds, f"{where}.{key}")
        if table.get("contentBasedDeduplication") is True:
            found["ContentBasedDeduplication"] = True
        if tags := table.get("tags"):
            found["tags"] = {key: value if isinstance(value, str) else _plain(value) for key, value in tags.items()}
        for key, why in _COPIES.items():
            if key in table:
                self.imported.leave_out(f"{where}.{key}", why)
        self.imported.leave_out_unknown(table, _QUEUE, f"{where}.")
        return found

    def _server(self, document: dict[str, Any]) -> None:
        settings = self.imported.settings
        for key, value in (document.get("rest-sqs") or {}).items():
            if key == "bind-port":
                settings["port"] = value
            elif key == "bind-hostname":
                self.imported.leave_out(f"rest-sqs.{key}", f"the service listens on 127.0.0.1 unless host is {value}")
            elif key == "sqs-limits" and value != "strict":
                self.imported.leave_out(f"rest-sqs.{key}", "the limits of SQS hold always")
            elif key not in ("enabled", "sqs-limits"):
                self.imported.leave_out(f"rest-sqs.{key}", "no such entry is known")
        aws = document.get("aws") or {}
        if "region" in aws:
            settings["region"] = str(aws["region"])
        if "accountId" in aws:
            self.imported.account(aws["accountId"], "aws.accountId")
        self.imported.leave_out_unknown(aws, frozenset(("region", "accountId")), "aws.")
        automatic = document.get("auto-create-queues") or {}
        if automatic.get("enabled") is True:
            settings["auto_create_queues"] = ["*"]
            where = "auto-create-queues.template"
            template = automatic.get("template") or {}
            if "deadLettersQueue" in template:
                self.imported.leave_out(f"{where}.deadLettersQueue", "defaults have no dead-letter queue")
            self.imported.defaults = self._attributes(where, where, template)


def _fifo_name(name: str, table: Any) -> str:
    is_fifo = isinstance(table, dict) and table.get("fifo") is True
    return f"{name}.fifo" if is_fifo and not name.endswith(".fifo") else name


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

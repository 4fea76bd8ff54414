"""Declarations, as they are read from a file and passed to the processes that apply them."""

from __future__ import annotations

from typing import Any

import msgspec

from sqs_facade.attributes import ONLY_FIFO
from zaqar_core.domain.names import QueueRef

#: A declared subscription without a ttl stays for a century: Zaqar has no subscriptions without an end.
ENDLESS_SECONDS = 3_153_600_000


class Subscriber(msgspec.Struct, frozen=True):
    """A declared subscription of a queue. ``options`` are those of Zaqar, None where the table names none."""

    uri: str
    ttl_seconds: int = ENDLESS_SECONDS
    options: dict[str, Any] | None = None


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """One declared queue.

    ``table`` is its table in the file. ``attributes`` are those of SQS, as CreateQueue takes them; an empty value
    removes an attribute. In ``metadata`` of Zaqar, 0 or "" removes a reserved entry. Everything else is left as it is.
    """

    ref: QueueRef
    table: str
    attributes: dict[str, str] = {}
    tags: dict[str, str] = {}
    metadata: dict[str, Any] = {}
    flavor: str | None = None
    subscribers: tuple[Subscriber, ...] = ()


class Defaults(msgspec.Struct, frozen=True):
    """The attributes and tags of ``[queue_defaults]``."""

    attributes: dict[str, str] = {}
    tags: dict[str, str] = {}

    def attributes_of(self, ref: QueueRef) -> dict[str, str]:
        """Return the attributes for a new queue: those of FIFO queues only if it is one."""
        if ref.is_fifo:
            return {"FifoQueue": "true", **self.attributes}
        return {name: value for name, value in self.attributes.items() if name not in ONLY_FIFO}


class Declarations(msgspec.Struct, frozen=True):
    """All declarations of a file."""

    queues: tuple[Declared, ...] = ()
    defaults: Defaults = Defaults()

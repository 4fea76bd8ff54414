"""A queue's metadata as Zaqar shows it: reserved attributes are settings of the queue, all others form one document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain import limits
from zaqar_core.domain.model import Queue, QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.rest import bodies, retries
from zaqar_core.rest.collection import QUEUES, Collection
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.rest.parameters import bounded

#: Name of the document with all attributes that have no field of their own: one JSON object.
DOCUMENT = "metadata"

#: Reserved attributes and their fields in QueueSettings.
FIELDS: Mapping[str, str] = {
    "_default_message_ttl": "retention_seconds",
    "_default_message_delay": "delay_seconds",
    "_dead_letter_queue": "dead_letter_queue",
    "_max_claim_count": "max_receive_count",
    "_dead_letter_queue_messages_ttl": "dead_letter_ttl_seconds",
    "_max_messages_post_size": "max_post_bytes",
    "_enable_encrypt_messages": "encrypt_messages",
}
#: Reserved attributes that are stored in the document.
KEPT = frozenset(("_flavor", "_retry_policy"))
RESERVED = frozenset(FIELDS) | KEPT

_QUEUE_NAME = re.compile(rf"[A-Za-z0-9_.-]{{1,{limits.QUEUE_NAME_CHARACTERS}}}\Z")
_SIGNED_64 = 1 << 63


@dataclass(slots=True)
class Split:
    """Metadata in two parts: the fields of QueueSettings that are set, and the document, None when it is empty."""

    fields: dict[str, int | str]
    document: bytes | None

    def settings(self) -> QueueSettings:
        """Return the settings of a new queue."""
        documents = {} if self.document is None else {DOCUMENT: self.document}
        return QueueSettings(**self.fields, documents=documents)  # type: ignore[arg-type] # checked by FIELDS


def split(metadata: Mapping[str, Any], settings: Settings) -> Split:
    """Split metadata and check reserved attributes. Null means unset. Raises RestError for a wrong type or value."""
    fields: dict[str, int | str] = {}
    rest: dict[str, Any] = {}
    for name, value in metadata.items():
        if name in RESERVED and value is None:
            continue
        if name in FIELDS:
            checked = _check_field(name, value, settings)
            if checked or name == "_enable_encrypt_messages":
                fields[FIELDS[name]] = checked
        else:
            _check_kept(name, value)
            rest[name] = value
    return Split(fields, document(rest, settings))


def document(rest: Mapping[str, Any], settings: Settings) -> bytes | None:
    """Return the document with these attributes; None when there are none. Raises RestError when it is too long."""
    text = bodies.compact(rest) if rest else None
    if text is not None and len(text) > settings.max_queue_metadata:
        raise RestError(Fact.RULE_BROKEN, f"Metadata must be at most {settings.max_queue_metadata} bytes long.")
    return text


def check_encryption(fields: Mapping[str, int | str], *, has_key: bool) -> None:
    """Check that encryption is switched on only where the service has a key. Raises RestError."""
    if fields.get("encrypt_messages") and not has_key:
        raise RestError(
            Fact.RULE_BROKEN,
            '"_enable_encrypt_messages" cannot be true: the setting encryption_keys contains no key.',
        )


def check_dead_letters(ref: QueueRef, fields: Mapping[str, int | str]) -> None:
    """Check that a queue and its dead-letter queue are both FIFO queues, or both not. Raises RestError."""
    dead = fields.get("dead_letter_queue")
    if type(dead) is str and ref.sibling(dead).is_fifo != ref.is_fifo:
        raise RestError(Fact.FIFO_MIXED)


def _check_field(name: str, value: Any, settings: Settings) -> int | str:
    if name == "_enable_encrypt_messages":
        if type(value) is not bool:
            raise RestError(Fact.BODY_INVALID, '"_enable_encrypt_messages" must be true or false.')
        return int(value)
    if name == "_dead_letter_queue":
        return _check_dead_letter_queue(value)
    if name in ("_default_message_ttl", "_dead_letter_queue_messages_ttl"):
        return bounded(name, value, least=limits.LEAST_TTL_SECONDS, most=settings.max_message_ttl)
    if name == "_default_message_delay":
        return bounded(name, value, least=0, most=settings.max_message_delay)
    if name == "_max_messages_post_size":
        return bounded(name, value, least=1, most=settings.max_messages_post_size)
    # Zaqar checks no range; a value below 0 would move every message before its first claim.
    return bounded(name, value, least=0, most=_SIGNED_64 - 1)


def _check_dead_letter_queue(value: Any) -> str:
    """Check the name of a dead-letter queue. The queue need not exist, but its name must be valid: no client could
    reach messages in a queue of another name. Raises RestError."""
    if type(value) is not str:
        raise RestError(Fact.BODY_INVALID, '"_dead_letter_queue" must be a string.')
    if value and not _QUEUE_NAME.match(value):
        raise RestError(Fact.RULE_BROKEN, '"_dead_letter_queue" must be a valid queue name.')
    return value


def _check_kept(name: str, value: Any) -> None:
    if name == "_flavor" and type(value) is not str:
        raise RestError(Fact.BODY_INVALID, '"_flavor" must be a string.')
    if name == "_retry_policy":
        retries.check(value)


def kept(queue: Queue) -> dict[str, Any]:
    """Return the attributes in the queue's document."""
    text = queue.settings.documents.get(DOCUMENT)
    found: dict[str, Any] = orjson.loads(text) if text else {}
    return found


def joined(queue: Queue) -> dict[str, Any]:
    """Return all attributes that are set on the queue, by SQS or Zaqar."""
    metadata = kept(queue)
    for name, field in FIELDS.items():
        value = getattr(queue.settings, field)
        if value is not None:
            metadata[name] = bool(value) if name == "_enable_encrypt_messages" else value
    return metadata


def shown(queue: Queue | None, settings: Settings, collection: Collection = QUEUES) -> dict[str, Any]:
    """Return the attributes of :func:`joined` and the defaults of reserved ones. None stands for a missing queue."""
    metadata = {} if queue is None else joined(queue)
    defaults: dict[str, Any] = {
        "_max_messages_post_size": settings.max_messages_post_size,
        "_default_message_ttl": settings.default_message_ttl if queue is None else queue.default_retention_seconds,
        "_default_message_delay": 0,
        "_dead_letter_queue": None,
        "_dead_letter_queue_messages_ttl": None,
        "_max_claim_count": None,
        "_enable_encrypt_messages": False,
    }
    for name in collection.defaults:
        if not metadata.get(name):
            metadata[name] = defaults[name]
    return metadata


def as_json(metadata: dict[str, Any]) -> orjson.Fragment:
    """Return metadata as JSON text for a larger document, since it may be nested as deeply as JSON can be written."""
    return orjson.Fragment(bodies.compact(metadata))

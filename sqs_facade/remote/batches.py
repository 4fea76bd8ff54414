"""Send many messages in batches, in their order, with an outcome for each.

A message that the endpoint did not store is sent again, unless a later one of its group was stored; one whose outcome
is unknown is not. A request that is refused because of its content is divided, until the message at fault is alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqs_facade.remote import records
from sqs_facade.remote.errors import NoResponse, Refused, RemoteError
from sqs_facade.remote.service import Service
from zaqar_core.domain import limits

MOST_ENTRIES = limits.BATCH_ENTRIES
#: Most bytes of a batch. Endpoints with a smaller limit get halves of a batch that they refuse.
MOST_BYTES = limits.MESSAGE_BYTES
_ATTEMPTS = 5
_FIRST_PAUSE_SECONDS = 0.1
_GROUP, _NO_RESPONSE = "MessageGroupId", "NoResponse"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send. ``place`` is its number in the input, from 1; ``parameters`` are those of SendMessage."""

    place: int
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message. ``code`` is None if it was stored.

    With ``is_unknown`` it may have been stored: no response came. With ``may_repeat`` it was not stored, through no
    fault of the message. ``stop`` is an error that no other message would escape: it was not stored, nor was any that
    follows it in the batch.
    """

    message: Outgoing
    message_id: str = ""
    sequence_number: str | None = None
    code: str | None = None
    text: str = ""
    is_unknown: bool = False
    may_repeat: bool = False
    stop: RemoteError | None = None


def grouped(messages: Iterable[Outgoing | None]) -> Iterator[list[Outgoing]]:
    """Group messages into batches that an endpoint accepts. A None ends a batch: no further message is there yet."""
    batch: list[Outgoing] = []
    total = 0
    for one in messages:
        size = 0 if one is None else records.size(one.parameters)
        if batch and (one is None or len(batch) == MOST_ENTRIES or total + size > MOST_BYTES):
            yield batch
            batch, total = [], 0
        if one is not None:
            batch.append(one)
            total += size
    if batch:
        yield batch


def send(service: Service, queue_url: str, batch: Sequence[Outgoing]) -> list[Outcome]:
    """Send one batch; return the outcomes in its order."""
    found: dict[int, Outcome] = {}
    left = list(batch)
    for attempt in range(_ATTEMPTS):
        found.update((one.message.place, one) for one in _send_once(service, queue_url, left))
        left = [one for one in left if found[one.place].may_repeat and _keeps_order(one, found)]
        if not left or attempt == _ATTEMPTS - 1:
            break
        time.sleep(_FIRST_PAUSE_SECONDS * 2**attempt)
    return [found[one.place] for one in batch]


def _keeps_order(message: Outgoing, found: Mapping[int, Outcome]) -> bool:
    """Return whether the order of the message's group stays if it is sent again. Only FIFO queues have an order."""
    group = message.parameters.get(_GROUP)
    return group is None or not any(
        place > message.place and one.sequence_number is not None and one.message.parameters.get(_GROUP) == group
        for place, one in found.items()
    )


def _send_once(service: Service, queue_url: str, batch: Sequence[Outgoing]) -> list[Outcome]:
    entries = [{"Id": str(at), **one.parameters} for at, one in enumerate(batch)]
    try:
        result = service.call("SendMessageBatch", QueueUrl=queue_url, Entries=entries)
    except Refused as problem:
        if problem.concerns_content and len(batch) > 1:
            return _send_halves(service, queue_url, batch)
        is_unknown = problem.outcome_is_unknown
        stop = None if problem.concerns_content or is_unknown else problem
        return [
            Outcome(one, code=problem.code, text=problem.message, is_unknown=is_unknown, stop=stop) for one in batch
        ]
    except NoResponse as problem:
        return [Outcome(one, code=_NO_RESPONSE, text=f"{problem}", is_unknown=True) for one in batch]
    except RemoteError as problem:
        return [Outcome(one, code="NotSent", text=f"{problem}", stop=problem) for one in batch]
    rows = {row["Id"]: row for row in (*result.get("Successful", []), *result.get("Failed", []))}
    return [_outcome(one, rows.get(str(at))) for at, one in enumerate(batch)]


def _send_halves(service: Service, queue_url: str, batch: Sequence[Outgoing]) -> list[Outcome]:
    half = len(batch) // 2
    first = _send_once(service, queue_url, batch[:half])
    if first[-1].stop is not None:
        return [*first, *(replace(first[-1], message=one) for one in batch[half:])]
    return [*first, *_send_once(service, queue_url, batch[half:])]


def _outcome(message: Outgoing, row: Mapping[str, Any] | None) -> Outcome:
    """Read an entry of the result; None if the result has none."""
    if row is None:
        return Outcome(message, code=_NO_RESPONSE, text="the endpoint returned no result for it", is_unknown=True)
    if "Code" not in row:
        return Outcome(message, row["MessageId"], row.get("SequenceNumber"))
    return Outcome(message, code=row["Code"], text=row.get("Message", ""), may_repeat=not row.get("SenderFault", True))

"""Shared code of the batch operations: checks of the whole batch, and the failure of one entry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Protocol

from sqs_facade import bounds
from sqs_facade.errors import SqsError
from sqs_facade.registry import Shape
from zaqar_core.domain import limits

_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{limits.BATCH_ID_CHARACTERS}}}")

#: Errors that fail a batch as a whole.
WHOLE_BATCH = (
    "EmptyBatchRequest", "TooManyEntriesInBatchRequest", "InvalidBatchEntryId", "BatchEntryIdsNotDistinct",
)  # fmt: skip

BatchId = Annotated[str, bounds.BATCH_ID]


class Entry(Protocol):
    """An entry of any batch operation."""

    id: str | None


class Failed(Shape, kw_only=True):
    """BatchResultErrorEntry of the API."""

    id: str
    sender_fault: bool
    code: str
    message: str


def check_ids(entries: Sequence[Entry], what: str) -> list[str]:
    """Check and return the ids of the entries, in order. Raises SqsError, one of WHOLE_BATCH.

    ``what`` is the name of the entry's type in the error text.
    """
    if not entries:
        raise SqsError("EmptyBatchRequest", f"There should be at least one {what} in the request.")
    if len(entries) > limits.BATCH_ENTRIES:
        raise SqsError(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {limits.BATCH_ENTRIES}. You have sent {len(entries)}.",
        )
    ids = [entry.id or "" for entry in entries]
    if not all(map(_ID.fullmatch, ids)):
        raise SqsError(
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            f"It can be at most {limits.BATCH_ID_CHARACTERS} letters long.",
        )
    if len(set(ids)) < len(ids):
        repeated = next(name for at, name in enumerate(ids) if name in ids[:at])
        raise SqsError("BatchEntryIdsNotDistinct", f"Id {repeated} repeated.")
    return ids


def in_order(failures: list[Failed], ids: Sequence[str]) -> list[Failed]:
    """Sort the failures by the order of their entries in the request."""
    return sorted(failures, key=lambda one: ids.index(one.id)) if len(failures) > 1 else failures


def failed(name: str, error: SqsError) -> Failed:
    """Build the failure of one entry. Both protocols use the code of the query protocol here."""
    return Failed(id=name, sender_fault=error.row.is_sender, code=error.row.code, message=error.entry_message)

"""The name by which users of each client catch an error.

boto3: the class below ``client.exceptions``; SDK 3: ``error.name``, the shape; SDK 2: ``error.code``, the query code.
"""

from __future__ import annotations

_SIMPLE = "AWS.SimpleQueueService."
#: Shapes whose query code is another name.
_CODES = {
    "QueueDoesNotExist": _SIMPLE + "NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    **{
        shape: _SIMPLE + shape
        for shape in (
            *("BatchEntryIdsNotDistinct", "BatchRequestTooLong", "EmptyBatchRequest", "InvalidBatchEntryId"),
            *("PurgeQueueInProgress", "QueueDeletedRecently", "TooManyEntriesInBatchRequest", "UnsupportedOperation"),
        )
    },
}
#: Errors without a shape: boto3 raises its general class, and every client tells the query code.
_NO_SHAPE = {"InvalidParameterValue", "MissingParameter"}
#: Shapes that the model of 2023 did not have.
_NEW_SHAPES = {"InvalidAddress", "InvalidAttributeValue", "InvalidSecurity", "RequestThrottled"}


def code(shape: str) -> str:
    """Return the code of the query protocol, which every client shows."""
    return _CODES.get(shape, shape)


def name(kind: str, shape: str) -> str:
    """Return the name that code with this kind of client catches."""
    if kind in ("js2", "js2-query"):
        return code(shape)
    if kind == "js3":
        return shape
    is_class = shape not in _NO_SHAPE and (kind == "boto3" or shape not in _NEW_SHAPES)
    return shape if is_class else "ClientError"

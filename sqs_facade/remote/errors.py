"""What can go wrong at an endpoint. The text of each error is one line for the person at the terminal."""

from __future__ import annotations


class RemoteError(Exception):
    """A command could not do its work at the endpoint."""


class NotConfigured(RemoteError):
    """The configuration of AWS's tools lacks something or is wrong. No request was sent."""


class NotReachable(RemoteError):
    """No connection to the endpoint was possible. No request was sent."""


class NoResponse(RemoteError):
    """The connection ended before a response came. The request may have been carried out."""


class Refused(RemoteError):
    """The endpoint answered with an error. ``code`` and ``message`` are its own words."""

    def __init__(self, code: str, message: str, status: int, advice: str = "") -> None:
        self.code, self.message, self.status = code, message, status
        super().__init__(f"{code}: {message}{f' ({advice})' if advice else ''}")

    @property
    def was_not_run(self) -> bool:
        """Whether the endpoint says that it did not begin with the request, so that it can be sent again."""
        return self.status in _NOT_RUN or self.code.rpartition(".")[2] in _THROTTLED

    @property
    def is_missing_queue(self) -> bool:
        """Whether there is no such queue."""
        return self.code.rpartition(".")[2] in _NO_QUEUE

    @property
    def concerns_content(self) -> bool:
        """Whether the content of a request is the reason, and not its queue, its caller or the endpoint."""
        return self.code.rpartition(".")[2].removesuffix("Exception") in _CONTENT

    @property
    def outcome_is_unknown(self) -> bool:
        """Whether the request may have been carried out nevertheless."""
        return self.status in _UNKNOWN


#: Too many requests, and not available: for SQS, nothing was stored.
_NOT_RUN = (429, 503)
_THROTTLED = frozenset(
    {"OverLimit", "RequestThrottled", "ThrottlingException", "Throttling", "TooManyRequestsException"}
)
_NO_QUEUE = frozenset({"QueueDoesNotExist", "NonExistentQueue"})
#: An error inside the endpoint, and a proxy that got no response.
_UNKNOWN = (500, 502, 504)
_CONTENT = frozenset(
    {
        "BatchRequestTooLong", "EmptyValue", "InvalidAttributeValue", "InvalidBatchEntryId", "InvalidMessageContents",
        "InvalidParameterValue", "MissingParameter", "Serialization", "UnsupportedOperation", "Validation",
        "ValidationError",
    }
)  # fmt: skip

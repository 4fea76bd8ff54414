"""Errors of CloudWatch: codes, shapes and statuses, and the words for what the core reports."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from zaqar_core.access.refusals import Reason, SignatureRefused
from zaqar_core.domain import errors as facts
from zaqar_core.web.envelope import Refusal


class Row(NamedTuple):
    """An error on the wire: its code in the query protocol, its shape in the others, and the status."""

    code: str
    shape: str
    status: int = 400


class Kind(Enum):
    """The kinds of errors. The first six are those of the service's model."""

    INVALID_VALUE = Row("InvalidParameterValue", "InvalidParameterValueException")
    INVALID_COMBINATION = Row("InvalidParameterCombination", "InvalidParameterCombinationException")
    MISSING = Row("MissingParameter", "MissingRequiredParameterException")
    INVALID_TOKEN = Row("InvalidNextToken", "InvalidNextToken")
    INTERNAL = Row("InternalServiceError", "InternalServiceFault", 500)
    #: Of GetMetricData; not in the model.
    VALIDATION = Row("ValidationError", "ValidationError")
    UNKNOWN_OPERATION = Row("InvalidAction", "UnknownOperationException")
    UNREADABLE = Row("MalformedInput", "SerializationException")
    ACCESS_DENIED = Row("AccessDenied", "AccessDeniedException", 403)
    NO_CREDENTIALS = Row("MissingAuthenticationToken", "MissingAuthenticationTokenException", 403)
    INCOMPLETE_SIGNATURE = Row("IncompleteSignature", "IncompleteSignatureException")
    WRONG_SIGNATURE = Row("SignatureDoesNotMatch", "InvalidSignatureException", 403)
    UNKNOWN_KEY = Row("InvalidClientTokenId", "UnrecognizedClientException", 403)
    EXPIRED_TOKEN = Row("ExpiredToken", "ExpiredTokenException", 403)
    THROTTLED = Row("Throttling", "ThrottlingException")
    UNAVAILABLE = Row("ServiceUnavailable", "ServiceUnavailableException", 503)
    TOO_LARGE = Row("RequestEntityTooLarge", "RequestEntityTooLargeException", 413)
    TIMEOUT = Row("RequestTimeout", "RequestTimeoutException", 408)


class CloudWatchError(Exception):
    """An error response."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message


_SIGNATURES = {
    Reason.INCOMPLETE: Kind.INCOMPLETE_SIGNATURE,
    Reason.MISMATCH: Kind.WRONG_SIGNATURE,
    Reason.UNKNOWN_KEY: Kind.UNKNOWN_KEY,
    Reason.EXPIRED_TOKEN: Kind.EXPIRED_TOKEN,
}
_REFUSALS = {
    Refusal.BODY_TOO_LARGE: Kind.TOO_LARGE,
    Refusal.BODY_TOO_SLOW: Kind.TIMEOUT,
    Refusal.OVERLOADED: Kind.THROTTLED,
    Refusal.CROSS_SITE: Kind.ACCESS_DENIED,
    Refusal.HOST_NOT_ALLOWED: Kind.ACCESS_DENIED,
}


def of_signature(refused: SignatureRefused) -> CloudWatchError:
    """Convert the refusal of a signature."""
    return CloudWatchError(_SIGNATURES[refused.reason], refused.message)


def of_refusal(why: Refusal) -> CloudWatchError:
    """Build the error for a request that was not run."""
    return CloudWatchError(_REFUSALS.get(why, Kind.UNREADABLE), f"The request was refused: {why.value}.")


def of_fact(fact: facts.AccessDenied | facts.RequestsThrottled | facts.StoreUnavailable) -> CloudWatchError:
    """Convert a fact that the core raised."""
    match fact:
        case facts.AccessDenied(caller, action, _, reason):
            return CloudWatchError(
                Kind.ACCESS_DENIED, f"User: {caller} is not authorized to perform: {action} {reason}"
            )
        case facts.RequestsThrottled():
            return CloudWatchError(Kind.THROTTLED, "Rate exceeded")
        case facts.StoreUnavailable():
            return CloudWatchError(Kind.UNAVAILABLE, "The message store does not respond.")


def missing(parameter: str) -> CloudWatchError:
    """Build the error for a required parameter that is absent or empty."""
    return CloudWatchError(Kind.MISSING, f"The parameter {parameter} is required.")


def internal() -> CloudWatchError:
    """Build the error for an unexpected exception, without details."""
    return CloudWatchError(Kind.INTERNAL, "An internal error occurred.")

"""The error table of SQS: shape, code and status of every error, and the wording of the facts that the core raises.

The shape is in JSON's ``__type``; the code belongs to the query protocol, and JSON repeats it in the header
``x-amzn-query-error``. Sources: the service model, and responses recorded from AWS.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from zaqar_core.access.refusals import Reason, SignatureRefused
from zaqar_core.domain import errors as facts
from zaqar_core.domain import limits

_SIMPLE = "AWS.SimpleQueueService."

#: The namespaces of JSON's ``__type``: shapes of the service model, and errors that AWS's framework returns for every
#: service. Recorded for common errors of both namespaces.
MODELLED: Final = "com.amazonaws.sqs"
UNMODELLED: Final = "com.amazon.coral.service"


class ErrorRow(NamedTuple):
    """One error: its names in JSON and in the query protocol, its HTTP status, and whose fault it is."""

    namespace: str
    shape: str
    code: str
    status: int = 400
    is_sender: bool = True

    @property
    def type(self) -> str:
        """JSON's ``__type``."""
        return f"{self.namespace}#{self.shape}"


def _prefixed(*shapes: str) -> dict[str, ErrorRow]:
    return {shape: ErrorRow(MODELLED, shape, _SIMPLE + shape) for shape in shapes}


def _same(*shapes: str) -> dict[str, ErrorRow]:
    return {shape: ErrorRow(MODELLED, shape, shape) for shape in shapes}


ERROR_TABLE: dict[str, ErrorRow] = {
    **_prefixed(
        "QueueDeletedRecently", "EmptyBatchRequest", "TooManyEntriesInBatchRequest", "BatchEntryIdsNotDistinct",
        "BatchRequestTooLong", "InvalidBatchEntryId", "UnsupportedOperation", "MessageNotInflight",
    ),
    **_same("InvalidMessageContents", "InvalidAttributeName", "InvalidAttributeValue", "InvalidIdFormat"),
    "QueueDoesNotExist": ErrorRow(MODELLED, "QueueDoesNotExist", _SIMPLE + "NonExistentQueue"),
    "QueueNameExists": ErrorRow(MODELLED, "QueueNameExists", "QueueAlreadyExists"),
    "PurgeQueueInProgress": ErrorRow(MODELLED, "PurgeQueueInProgress", _SIMPLE + "PurgeQueueInProgress", 403),
    # 404 was recorded for JSON; clients report it for query (PyQS issue 24, amazon-sqs-java-extended-client-lib 16).
    "ReceiptHandleIsInvalid": ErrorRow(MODELLED, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404),
    "OverLimit": ErrorRow(MODELLED, "OverLimit", "OverLimit", 403),
    "RequestThrottled": ErrorRow(MODELLED, "RequestThrottled", "RequestThrottled", 403),
    "InvalidSecurity": ErrorRow(MODELLED, "InvalidSecurity", "InvalidSecurity", 403),
    # Clients of AWS report 404 (aws-sdk-net issue 437).
    "InvalidAddress": ErrorRow(MODELLED, "InvalidAddress", "InvalidAddress", 404),
    "ResourceNotFoundException": ErrorRow(MODELLED, "ResourceNotFoundException", "ResourceNotFoundException", 404),
    "KmsInvalidState": ErrorRow(MODELLED, "KmsInvalidState", "KMS.InvalidStateException"),
    "KmsNotFound": ErrorRow(MODELLED, "KmsNotFound", "KMS.NotFoundException"),
    # From here on: errors outside the service model. Of these two only the JSON form has the suffix "Exception".
    "InvalidParameterValue": ErrorRow(UNMODELLED, "InvalidParameterValueException", "InvalidParameterValue"),
    "MissingParameter": ErrorRow(UNMODELLED, "MissingRequiredParameterException", "MissingParameter"),
    # Input that cannot be read, and an operation that does not exist: recorded with these codes.
    "SerializationException": ErrorRow(UNMODELLED, "SerializationException", "MalformedInput"),
    "InvalidAction": ErrorRow(UNMODELLED, "UnknownOperationException", "InvalidAction"),
    "RequestEntityTooLarge": ErrorRow(UNMODELLED, "RequestEntityTooLargeException", "RequestEntityTooLarge", 413),
    # Only in an entry of a batch, as recorded from AWS.
    "EmptyValue": ErrorRow(UNMODELLED, "EmptyValue", "EmptyValue"),
    "AccessDenied": ErrorRow(UNMODELLED, "AccessDeniedException", "AccessDenied", 403),
    # Of a service with credentials, as recorded from AWS.
    "UnrecognizedClient": ErrorRow(UNMODELLED, "UnrecognizedClientException", "InvalidClientTokenId", 403),
    "InvalidSignature": ErrorRow(UNMODELLED, "InvalidSignatureException", "SignatureDoesNotMatch", 403),
    "IncompleteSignature": ErrorRow(UNMODELLED, "IncompleteSignatureException", "IncompleteSignature"),
    "ExpiredToken": ErrorRow(UNMODELLED, "ExpiredTokenException", "ExpiredToken", 403),
    "RequestTimeout": ErrorRow(UNMODELLED, "RequestTimeout", "RequestTimeout", 408),
    "LengthRequired": ErrorRow(UNMODELLED, "LengthRequired", "LengthRequired", 411),
    "IncompleteBody": ErrorRow(UNMODELLED, "IncompleteBody", "IncompleteBody"),
    "InvalidRequest": ErrorRow(UNMODELLED, "InvalidRequest", "InvalidRequest"),
    "ServiceUnavailable": ErrorRow(UNMODELLED, "ServiceUnavailable", "ServiceUnavailable", 503, is_sender=False),
    "InternalFailure": ErrorRow(UNMODELLED, "InternalFailure", "InternalFailure", 500, is_sender=False),
}  # fmt: skip

#: Errors that the service model declares and no operation here returns, with the reason.
NEVER_RETURNED: dict[str, str] = {
    "InvalidSecurity": "wrong signatures have errors of their own, as on AWS",
    "MessageNotInflight": "ChangeMessageVisibility returns InvalidParameterValue, as on AWS",
    "InvalidIdFormat": "an unknown receipt handle is ReceiptHandleIsInvalid, as on AWS",
    **dict.fromkeys(
        (
            "KmsAccessDenied", "KmsDisabled", "KmsInvalidKeyUsage", "KmsOptInRequired", "KmsThrottled",
        ),
        "KmsMasterKeyId is stored and returned, but no key service is called",
    ),
}  # fmt: skip


#: Errors that every operation declares and only one returns, with the reason.
RETURNED_ONLY_BY: dict[str, tuple[str, str]] = {
    "UnsupportedOperation": (
        "SendMessage",
        "every queue supports all other calls; in a batch the error belongs to one entry",
    ),
}

#: Errors that one operation declares and never returns, with the reason.
NEVER_RETURNED_BY: dict[tuple[str, str], str] = {
    **dict.fromkeys(
        [("SendMessage", "KmsInvalidState"), ("SendMessageBatch", "KmsInvalidState")],
        "the operation decrypts nothing",
    ),
    **dict.fromkeys(
        [(name, "InvalidAddress") for name in ("CreateQueue", "GetQueueUrl", "ListQueues")],
        "it takes no queue URL",
    ),
    **dict.fromkeys(
        [(f"{verb}MessageMoveTask", "InvalidAddress") for verb in ("Start", "Cancel")]
        + [("ListMessageMoveTasks", "InvalidAddress")],
        "it takes ARNs; their errors are InvalidParameterValue and ResourceNotFoundException",
    ),
}


class SqsError(Exception):
    """An error response.

    ``name`` is a key of ERROR_TABLE; ``query_message`` is the text in the query protocol, ``entry_message`` that in an
    entry of a batch, ``operator_message`` that for an operator who declares queues, where AWS's text says too little.
    """

    def __init__(
        self,
        name: str,
        message: str,
        *,
        query_message: str | None = None,
        entry_message: str | None = None,
        operator_message: str | None = None,
    ) -> None:
        super().__init__(message)
        self.row = ERROR_TABLE[name]
        self.message = message
        self.query_message = query_message or message
        self.entry_message = entry_message or message
        self.operator_message = operator_message or message


_REFUSED_SIGNATURES = {
    Reason.INCOMPLETE: "IncompleteSignature",
    Reason.MISMATCH: "InvalidSignature",
    Reason.UNKNOWN_KEY: "UnrecognizedClient",
    Reason.EXPIRED_TOKEN: "ExpiredToken",
}


def of_signature(refused: SignatureRefused) -> SqsError:
    """Convert the refusal of a signature."""
    return SqsError(_REFUSED_SIGNATURES[refused.reason], refused.message)


def missing(parameter: str) -> SqsError:
    """Build the error for a required member that is absent or empty."""
    return SqsError("MissingParameter", f"The request must contain the parameter {parameter}.")


def invalid(value: object, parameter: str, reason: str, *, entry_message: str | None = None) -> SqsError:
    """Build the error for a value that is not valid, with SQS's usual text."""
    message = f"Value {value} for parameter {parameter} is invalid. Reason: {reason}"
    return SqsError("InvalidParameterValue", message, entry_message=entry_message)


def wrong_queue_type(value: object, parameter: str) -> SqsError:
    """Build the error for a parameter of FIFO queues on a standard queue, or the other way round."""
    reason = "The request include parameter that is not valid for this queue type"
    # AWS's text in a batch as quoted by users (aws-sdk-js issue 3187, qdone issue 55), without a full stop.
    return invalid(value, parameter, f"{reason}.", entry_message=reason)


def too_long(limit_bytes: int) -> str:
    """Return SQS's reason for refusing a message that is too long."""
    return f"Message must be shorter than {limit_bytes} bytes."


def receipt_invalid(handle: str) -> SqsError:
    """Build the error for a receipt handle that this service never issued."""
    return SqsError("ReceiptHandleIsInvalid", f'The input receipt handle "{handle}" is not a valid receipt handle.')


def no_queue() -> SqsError:
    """Build the error for a queue that does not exist."""
    return SqsError(
        "QueueDoesNotExist",
        "The specified queue does not exist.",
        query_message="The specified queue does not exist for this wsdl version.",
    )


def _of_store(fact: facts.StoreUnavailable) -> SqsError:
    match fact:
        case facts.StoreFull():
            return SqsError(
                "ServiceUnavailable",
                "The message store is full. Nothing was stored. Messages can be received and deleted.",
            )
        case facts.StoreUnfit(reason):
            return SqsError("ServiceUnavailable", f"The request was refused and changed nothing: {reason}.")
    return SqsError(
        "ServiceUnavailable", "The message store does not respond. The request may or may not have taken effect."
    )


_OVER_LIMIT = {
    facts.InFlightLimitReached: "Too many messages are in flight: {}. Delete some of them first.",
    facts.AccountInFlightLimitReached: "The account has {} messages in flight, which is the maximum allowed.",
    facts.TooManyQueues: "The account has {} queues, which is the maximum allowed.",
    facts.AccountFull: "The queues of the account hold {} bytes of messages, which is the maximum allowed.",
}


def of_fact(fact: facts.CoreError) -> SqsError:
    """Convert a fact that the core raised, unless the operation has its own text for it."""
    match fact:
        case facts.QueueNotFound():
            return no_queue()
        case facts.MessageTooLong(limit):
            return SqsError("InvalidParameterValue", f"One or more parameters are invalid. Reason: {too_long(limit)}")
        case facts.DeduplicationIdMissing():
            # Recorded from AWS without a full stop.
            return SqsError(
                "InvalidParameterValue",
                "The queue should either have ContentBasedDeduplication enabled or "
                "MessageDeduplicationId provided explicitly",
            )
        case facts.ReceiveNotRetryable(attempt_id):
            # AWS's text as quoted by users (github.com/awslabs/amazon-sqs-java-messaging-lib issue 213).
            reason = "The receiveRequestAttemptId is not valid anymore since the receive call is not retryable."
            return invalid(attempt_id, "ReceiveRequestAttemptId", reason)
        case facts.StoreUnavailable():
            return _of_store(fact)
        case facts.EncryptionKeyMissing():
            return SqsError(
                "KmsNotFound",
                "This queue encrypts its messages, but the setting encryption_keys contains no key.",
            )
        case facts.MessageUnreadable(_, is_key_missing=True):
            return SqsError(
                "KmsNotFound",
                "A message cannot be decrypted, because its key is not in the setting encryption_keys of this service. "
                "The service's log names the key. The message stays in the queue.",
            )
        case facts.MessageUnreadable():
            return SqsError(
                "KmsInvalidState",
                "A message cannot be decrypted, because its stored data has changed. It stays in the queue.",
            )
        case facts.AccessDenied(caller, action, resource, reason):
            return SqsError(
                "AccessDenied",
                f"User: {caller} is not authorized to perform: {action} on resource: {resource} {reason}",
            )
        case facts.InFlightLimitReached(limit) | facts.AccountInFlightLimitReached(limit):
            return SqsError("OverLimit", _OVER_LIMIT[type(fact)].format(limit))
        case facts.TooManyQueues(limit) | facts.AccountFull(limit):
            return SqsError("OverLimit", _OVER_LIMIT[type(fact)].format(limit))
        case facts.RequestsThrottled():
            return SqsError("RequestThrottled", "Rate exceeded")
        case facts.SettingsChanged():
            return SqsError("ServiceUnavailable", "Other requests are changing the queue at the same time. Try again.")
    raise fact


def of_receipt_fact(fact: facts.CoreError, handle: str) -> SqsError:
    """Convert a fact that the core reports about one receipt handle."""
    match fact:
        case facts.ReceiptInvalid():
            # AWS's text as quoted by users (aws-sdk-java-v2 issue 3101).
            return SqsError("ReceiptHandleIsInvalid", f'The receipt handle "{handle}" is not valid for this queue.')
        case facts.NotInFlight():
            reason = "Message does not exist or is not available for visibility timeout change."
            return invalid(handle, "ReceiptHandle", reason)
        case facts.LeaseExpired():
            return invalid(handle, "ReceiptHandle", "The receipt handle has expired.")
        case facts.VisibilityTooLong(seconds):
            limit = limits.VISIBILITY_SECONDS.most
            reason = f"Total VisibilityTimeout for the message is beyond the limit [{limit} seconds]"
            return invalid(seconds, "VisibilityTimeout", reason)
    return of_fact(fact)

"""The error catalogue of SQS: every code with its shape, status and, where the core reports a fact, its wording.

Shapes are JSON's ``__type``; codes are the query protocol's, which JSON repeats in ``x-amzn-query-error``. Source: the
service model, and answers recorded from AWS.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from zaqar_core.domain import errors as facts
from zaqar_core.domain import limits

_SIMPLE = "AWS.SimpleQueueService."

#: The namespaces of JSON's ``__type``: shapes of the service model, and what AWS's framework answers for every service.
#: Recorded for the errors of both kinds that clients meet.
MODELLED: Final = "com.amazonaws.sqs"
UNMODELLED: Final = "com.amazon.coral.service"


class ErrorRow(NamedTuple):
    """One row: how JSON, query and HTTP name an error."""

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
    # 404 by JSON was recorded; by query, clients of AWS saw it (PyQS issue 24, amazon-sqs-java-extended-client-lib 16).
    "ReceiptHandleIsInvalid": ErrorRow(MODELLED, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404),
    "OverLimit": ErrorRow(MODELLED, "OverLimit", "OverLimit", 403),
    "RequestThrottled": ErrorRow(MODELLED, "RequestThrottled", "RequestThrottled", 403),
    "InvalidSecurity": ErrorRow(MODELLED, "InvalidSecurity", "InvalidSecurity", 403),
    # 404 was seen by clients of AWS (aws-sdk-net issue 437).
    "InvalidAddress": ErrorRow(MODELLED, "InvalidAddress", "InvalidAddress", 404),
    "ResourceNotFoundException": ErrorRow(MODELLED, "ResourceNotFoundException", "ResourceNotFoundException", 404),
    "KmsInvalidState": ErrorRow(MODELLED, "KmsInvalidState", "KMS.InvalidStateException"),
    "KmsNotFound": ErrorRow(MODELLED, "KmsNotFound", "KMS.NotFoundException"),
    # Below: errors that are not in the model. Only JSON's form of these two has the suffix.
    "InvalidParameterValue": ErrorRow(UNMODELLED, "InvalidParameterValueException", "InvalidParameterValue"),
    "MissingParameter": ErrorRow(UNMODELLED, "MissingRequiredParameterException", "MissingParameter"),
    # Input that cannot be read, and an operation that does not exist: recorded with these codes.
    "SerializationException": ErrorRow(UNMODELLED, "SerializationException", "MalformedInput"),
    "InvalidAction": ErrorRow(UNMODELLED, "UnknownOperationException", "InvalidAction"),
    "RequestEntityTooLarge": ErrorRow(UNMODELLED, "RequestEntityTooLargeException", "RequestEntityTooLarge", 413),
    "AccessDenied": ErrorRow(UNMODELLED, "AccessDeniedException", "AccessDenied", 403),
    "IncompleteBody": ErrorRow(UNMODELLED, "IncompleteBody", "IncompleteBody"),
    "InvalidRequest": ErrorRow(UNMODELLED, "InvalidRequest", "InvalidRequest"),
    "ServiceUnavailable": ErrorRow(UNMODELLED, "ServiceUnavailable", "ServiceUnavailable", 503, is_sender=False),
    "InternalFailure": ErrorRow(UNMODELLED, "InternalFailure", "InternalFailure", 500, is_sender=False),
}  # fmt: skip

#: Errors that the service model declares and no operation here gives, with the reason.
NEVER_GIVEN: dict[str, str] = {
    "InvalidSecurity": "signatures are not checked yet",
    "MessageNotInflight": "as AWS words it, ChangeMessageVisibility answers InvalidParameterValue",
    "InvalidIdFormat": "a handle that was never given is ReceiptHandleIsInvalid, as on AWS",
    **dict.fromkeys(
        (
            "KmsAccessDenied", "KmsDisabled", "KmsInvalidKeyUsage", "KmsOptInRequired", "KmsThrottled",
        ),
        "KmsMasterKeyId is kept and shown; no key service is called",
    ),
}  # fmt: skip


#: Errors that every operation declares and one alone gives, with the reason.
GIVEN_ONLY_BY: dict[str, tuple[str, str]] = {
    "UnsupportedOperation": ("SendMessage", "all else is served on every queue; in a batch an entry has it as its own"),
}

#: The same as NEVER_GIVEN, of one operation alone.
NEVER_GIVEN_BY: dict[tuple[str, str], str] = {
    **dict.fromkeys(
        [("SendMessage", "KmsInvalidState"), ("SendMessageBatch", "KmsInvalidState")],
        "nothing is decrypted there",
    ),
    **dict.fromkeys(
        [(name, "InvalidAddress") for name in ("CreateQueue", "GetQueueUrl", "ListQueues")],
        "it is given no address",
    ),
    **dict.fromkeys(
        [(f"{verb}MessageMoveTask", "InvalidAddress") for verb in ("Start", "Cancel")]
        + [("ListMessageMoveTasks", "InvalidAddress")],
        "it is given ARNs, which InvalidParameterValue and ResourceNotFoundException speak of",
    ),
}


class SqsError(Exception):
    """An answer that is an error. ``name`` is a key of KINDS; ``query_message`` where the protocols' words differ."""

    def __init__(self, name: str, message: str, *, query_message: str | None = None) -> None:
        super().__init__(message)
        self.row = ERROR_TABLE[name]
        self.message = message
        self.query_message = query_message or message


def missing(parameter: str) -> SqsError:
    """A required member is absent or empty."""
    return SqsError("MissingParameter", f"The request must contain the parameter {parameter}.")


def invalid(value: object, parameter: str, reason: str) -> SqsError:
    """SQS's usual sentence for a value it refuses."""
    return SqsError("InvalidParameterValue", f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


def wrong_queue_type(value: object, parameter: str) -> SqsError:
    """A parameter of FIFO queues on a standard one, or the other way round."""
    return invalid(value, parameter, "The request include parameter that is not valid for this queue type.")


def too_long(limit_bytes: int) -> str:
    return f"Message must be shorter than {limit_bytes} bytes."


def receipt_invalid(handle: str) -> SqsError:
    return SqsError("ReceiptHandleIsInvalid", f'The input receipt handle "{handle}" is not a valid receipt handle.')


def no_queue() -> SqsError:
    return SqsError(
        "QueueDoesNotExist",
        "The specified queue does not exist.",
        query_message="The specified queue does not exist for this wsdl version.",
    )


def of_fact(fact: facts.CoreError) -> SqsError:
    """The answer to a fact that no operation words itself."""
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
            # AWS's sentence, as users quote it (github.com/awslabs/amazon-sqs-java-messaging-lib issue 213).
            reason = "The receiveRequestAttemptId is not valid anymore since the receive call is not retryable."
            return invalid(attempt_id, "ReceiveRequestAttemptId", reason)
        case facts.InFlightLimitReached(limit):
            return SqsError("OverLimit", f"Too many messages in flight: {limit}. Delete some of them first.")
        case facts.StoreUnavailable():
            return SqsError(
                "ServiceUnavailable", "The message store does not answer. Whether the request took effect is unknown."
            )
        case facts.EncryptionKeyMissing():
            return SqsError(
                "KmsNotFound",
                "Messages of this queue are to be encrypted, and the setting encryption_keys has no key.",
            )
        case facts.MessageUnreadable(_, is_key_missing=True):
            return SqsError(
                "KmsNotFound",
                "A message cannot be decrypted: the setting encryption_keys of this service lacks its key, which the "
                "log names. It stays in the queue.",
            )
        case facts.MessageUnreadable():
            return SqsError(
                "KmsInvalidState",
                "A message cannot be decrypted: it is not as it was written. It stays in the queue.",
            )
        case facts.RequestsThrottled():
            return SqsError("RequestThrottled", "Rate exceeded")
        case facts.SettingsChanged():
            return SqsError("ServiceUnavailable", "The queue is being changed by others. Try again.")
    raise fact


def of_receipt_fact(fact: facts.CoreError, handle: str) -> SqsError:
    """The answer to what the core says of one receipt handle."""
    match fact:
        case facts.ReceiptInvalid():
            return receipt_invalid(handle)
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

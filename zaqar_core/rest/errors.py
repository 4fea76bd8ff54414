"""The table of errors: each fact and its status, title and description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

import orjson

from zaqar_core.domain import errors as core
from zaqar_core.domain import limits
from zaqar_core.web import allowed_hosts
from zaqar_core.web.envelope import Refusal, Reply


class Fact(Enum):
    """The errors that this face itself finds in a request."""

    NO_SUCH_PATH = auto()
    METHOD_NOT_ALLOWED = auto()
    SIGNATURE_UNKNOWN = auto()
    TOKEN_INVALID = auto()
    IDENTITY_UNAVAILABLE = auto()
    NOT_ALLOWED = auto()
    FORM_BODY = auto()
    NOT_ACCEPTABLE = auto()
    CLIENT_ID_MISSING = auto()
    CLIENT_ID_NOT_UUID = auto()
    CLIENT_ID_LENGTH = auto()
    PROJECT_MISSING = auto()
    PROJECT_EMPTY = auto()
    PROJECT_TOO_LONG = auto()
    QUEUE_NAME_INVALID = auto()
    TOPIC_NAME_INVALID = auto()
    FIFO_MIXED = auto()
    PARAMETER_INVALID = auto()
    BODY_MALFORMED = auto()
    BODY_INVALID = auto()
    RULE_BROKEN = auto()
    PATCH_MEDIA_TYPE = auto()
    PATCH_CONFLICT = auto()
    POOL_NOT_FOUND = auto()
    POOL_UNFIT = auto()
    POOL_TAKEN = auto()
    POOL_IN_USE = auto()
    POOL_ELSEWHERE = auto()
    FLAVOR_NOT_CREATED = auto()
    MESSAGE_NOT_FOUND = auto()
    MESSAGES_NOT_FOUND = auto()
    SUBSCRIBED_ALREADY = auto()
    FRAME_MALFORMED = auto()
    FRAME_INVALID = auto()
    ACTION_UNKNOWN = auto()
    NOT_AUTHENTICATED = auto()
    OTHER_PROJECT = auto()


@dataclass(eq=False)
class RestError(Exception):
    """Raised to end a request with the table's error. ``detail`` becomes part of the description; ``headers`` are added
    to the reply."""

    fact: Fact
    detail: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Words:
    """One row: HTTP status, title, and description, in which ``{detail}`` stands for the detail of the case."""

    status: int
    title: str
    description: str = "{detail}"


_RULE = "Invalid API request"
_BODY = "Invalid request body"
_NOT_FOUND = "Not found"
_UNAVAILABLE = Words(
    503, "Service temporarily unavailable", "The store did not answer. Please try again in a few seconds."
)

WORDS: Mapping[Fact | Refusal | type[core.CoreError], Words] = {
    Fact.NO_SUCH_PATH: Words(404, _NOT_FOUND, "This path does not exist."),
    Fact.METHOD_NOT_ALLOWED: Words(405, "Method not allowed", "This path supports only: {detail}."),
    Fact.SIGNATURE_UNKNOWN: Words(404, _NOT_FOUND, "The signature of the URL cannot be verified."),
    Fact.TOKEN_INVALID: Words(401, "Unauthorized", "The request you have made requires authentication."),
    Fact.IDENTITY_UNAVAILABLE: Words(
        503,
        "Service temporarily unavailable",
        "The identity service does not answer. Please try again in a few seconds.",
    ),
    Fact.NOT_ALLOWED: Words(403, "Not authorized", "You are not authorized to complete this action."),
    Fact.FORM_BODY: Words(
        400, "Invalid Content-Type", "Content-Type application/x-www-form-urlencoded is not accepted; send JSON."
    ),
    Fact.NOT_ACCEPTABLE: Words(
        406, "Not acceptable", "Responses are application/json; the Accept header must allow that."
    ),
    Fact.CLIENT_ID_MISSING: Words(400, "Missing header value", "The Client-ID header is required."),
    Fact.CLIENT_ID_NOT_UUID: Words(400, "Wrong UUID value", "Malformed hexadecimal UUID."),
    Fact.CLIENT_ID_LENGTH: Words(400, "Wrong length of Client-ID", "Client-ID must have {detail} characters."),
    Fact.PROJECT_MISSING: Words(400, "Project-Id Missing", "The X-Project-Id header is required."),
    Fact.PROJECT_EMPTY: Words(400, "Empty project header not allowed", "X-Project-Id cannot be an empty string."),
    Fact.PROJECT_TOO_LONG: Words(400, _RULE, "X-Project-Id must have at most {detail} characters."),
    Fact.QUEUE_NAME_INVALID: Words(
        400,
        "Invalid queue identification",
        f"A queue name must have 1 to {limits.ZAQAR_NAME_CHARACTERS} characters: A-Z, a-z, 0-9, '_', '-' and '.'.",
    ),
    Fact.TOPIC_NAME_INVALID: Words(
        400,
        "Invalid topic identification",
        f"A topic name must have 1 to {limits.ZAQAR_NAME_CHARACTERS} characters: A-Z, a-z, 0-9, '_', '-' and '.'.",
    ),
    Fact.FIFO_MIXED: Words(
        400,
        _RULE,
        "A queue and its dead-letter queue must both be FIFO queues (their names end in .fifo), or both not.",
    ),
    Fact.PARAMETER_INVALID: Words(400, "Invalid parameter"),
    Fact.BODY_MALFORMED: Words(400, _BODY),
    Fact.BODY_INVALID: Words(400, _BODY),
    Fact.RULE_BROKEN: Words(400, _RULE),
    Fact.PATCH_MEDIA_TYPE: Words(415, "Unsupported media type", "Content-Type must be {detail}."),
    Fact.PATCH_CONFLICT: Words(409, "Resource conflict", "{detail}"),
    Fact.POOL_NOT_FOUND: Words(404, _NOT_FOUND, "There is no such pool."),
    Fact.POOL_UNFIT: Words(400, "Unable to create pool", "The deployment cannot be a pool: {detail}."),
    Fact.POOL_TAKEN: Words(409, "Resource conflict", "The deployment is already registered as pool {detail}."),
    Fact.POOL_IN_USE: Words(403, "Unable to delete", "The pool cannot be deleted: {detail}."),
    Fact.POOL_ELSEWHERE: Words(
        403, "Not authorized", "The pool holds queues, and the new uri is another deployment than the one they are in."
    ),
    Fact.FLAVOR_NOT_CREATED: Words(400, "Unable to create", "Flavor {detail}"),
    Fact.MESSAGE_NOT_FOUND: Words(404, _NOT_FOUND, "There is no such message in the queue."),
    Fact.MESSAGES_NOT_FOUND: Words(404, _NOT_FOUND, "None of these messages is in the queue."),
    Fact.SUBSCRIBED_ALREADY: Words(
        409, "Resource conflict", "The subscriber already has a confirmed subscription to the queue."
    ),
    Fact.FRAME_MALFORMED: Words(400, "Invalid frame"),
    Fact.FRAME_INVALID: Words(400, "Schema validation failed"),
    Fact.ACTION_UNKNOWN: Words(400, "Invalid action", "{detail} is not a valid action"),
    Fact.NOT_AUTHENTICATED: Words(403, "Not authentified", "{detail}"),
    Fact.OTHER_PROJECT: Words(403, "Not authorized", "The connection is authenticated for another project."),
    core.QueueNotFound: Words(404, _NOT_FOUND, "There is no such queue or topic."),
    core.PoolNotFound: Words(404, _NOT_FOUND, "There is no such pool."),
    core.FlavorNotFound: Words(404, _NOT_FOUND, "There is no such flavor."),
    core.FlavorUnusable: Words(
        400, _RULE, "The flavor in _flavor does not exist, or none of its pools accepts new queues."
    ),
    core.ClaimNotFound: Words(404, _NOT_FOUND, "There is no such claim on the queue."),
    core.SubscriptionNotFound: Words(404, _NOT_FOUND, "There is no such subscription to the queue."),
    core.SubscriberTaken: Words(
        409, "Resource conflict", "Another subscription to the queue already has this subscriber."
    ),
    core.SettingsChanged: Words(
        409, "Resource conflict", "Another request changed the queue at the same time. Please try again."
    ),
    core.MessageTooLong: Words(400, _RULE, "The message is larger than the queue allows."),
    core.PostTooLong: Words(400, _RULE, "The request is larger than the queue allows."),
    core.MessageClaimed: Words(403, "Unable to delete", "The message is claimed and no claim_id was given."),
    core.ClaimedByAnother: Words(403, "Unable to delete", "The message is claimed by another claim."),
    core.MessageNotClaimed: Words(400, "Unable to delete", "A claim_id was given, but the message is not claimed."),
    core.EncryptionKeyMissing: Words(
        503,
        "Service temporarily unavailable",
        "Messages of this queue must be encrypted, but the setting encryption_keys contains no key.",
    ),
    core.MessageUnreadable: Words(
        503,
        "Service temporarily unavailable",
        "A message cannot be decrypted and stays in the queue. The service's log names the key that is missing.",
    ),
    core.AccessDenied: Words(403, "Not authorized", "You are not authorized to complete this action: {detail}."),
    core.TooManyQueues: Words(403, "Quota exceeded", "The project has as many queues as it may have."),
    core.AccountFull: Words(403, "Quota exceeded", "The queues of the project hold as many bytes as they may."),
    core.AccountInFlightLimitReached: Words(
        403, "Quota exceeded", "The project has as many claimed messages as it may have."
    ),
    core.RequestsThrottled: Words(
        429, "Too many requests", "The request was throttled. Please try again in a few seconds."
    ),
    core.StoreUnavailable: _UNAVAILABLE,
    core.StoreUnfit: Words(
        503, "Service temporarily unavailable", "The request was refused and changed nothing: {detail}."
    ),
    core.StoreFull: Words(
        503,
        "Service temporarily unavailable",
        "The store is full. Nothing was stored. Messages can be claimed and deleted.",
    ),
    Refusal.BODY_TOO_LARGE: Words(400, _BODY, "The body is larger than this service allows."),
    Refusal.BODY_CUT_SHORT: Words(400, _BODY, "The body ended before its declared length."),
    Refusal.BODY_LENGTH_INVALID: Words(400, _BODY, "Content-Length is not a number."),
    Refusal.BODY_TOO_SLOW: Words(408, "Request timeout", "The body did not arrive in time."),
    Refusal.LENGTH_REQUIRED: Words(
        411, "Length required", "The Content-Length header is required; this server does not accept chunked bodies."
    ),
    Refusal.OVERLOADED: Words(
        503, "Service temporarily unavailable", "Too many requests are waiting. Please try again in a few seconds."
    ),
    Refusal.CROSS_SITE: Words(403, "Not authorized", "Web pages of other origins may not call this service."),
    Refusal.HOST_INVALID: Words(400, _RULE, "The header Host is not a host."),
    Refusal.HOST_NOT_ALLOWED: Words(403, "Not authorized"),
}

#: 400 and not 404: in the deletion of a message the claim is a parameter of the request.
CLAIM_TO_DELETE_UNKNOWN = Words(400, "Unable to delete", "The claim_id does not name an active claim on the queue.")

#: When a client may try again after the service was overloaded.
_RETRY_AFTER_SECONDS = "1"
_UNFORESEEN = Words(500, "Internal server error", "The request failed. See the service's log for the reason.")


def of_request(problem: RestError) -> Reply:
    """Return the reply for an error that this face found."""
    reply = _reply(WORDS[problem.fact], problem.detail)
    reply.headers += problem.headers
    return reply


def of_refusal(why: Refusal, host: str = "") -> Reply:
    """Return the reply for a request that was refused before its operation. ``host`` is the one that it called."""
    reply = _reply(WORDS[why], allowed_hosts.refusal(host))
    if why is Refusal.OVERLOADED:
        reply.headers.append(("Retry-After", _RETRY_AFTER_SECONDS))
    return reply


def of_core(fact: core.CoreError) -> Reply:
    """Return the reply for an error of the core."""
    detail = fact.reason if isinstance(fact, core.StoreUnfit) else ""
    if isinstance(fact, core.AccessDenied):
        detail = f"{fact.caller} may not perform {fact.action} on {fact.resource} {fact.reason}"
    return _reply(WORDS.get(type(fact), _UNFORESEEN), detail)


def of_words(words: Words) -> Reply:
    """Return the reply of one row without a detail."""
    return _reply(words)


def unforeseen() -> Reply:
    """Return the reply for an exception that the table does not have."""
    return _reply(_UNFORESEEN)


def _reply(words: Words, detail: str = "") -> Reply:
    document = {"title": words.title, "description": words.description.replace("{detail}", detail)}
    return Reply(words.status, [("Content-Type", "application/json")], orjson.dumps(document))

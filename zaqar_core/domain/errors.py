"""Errors that the core raises. Each face maps them to its own code, status and wording in one table.

An error carries numbers and names, never prose for a client.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class CoreError(Exception):
    """Base of every error below. The store is unchanged unless the class says otherwise."""


class QueueNotFound(CoreError):
    """Raised when the queue does not exist, or was deleted while the caller waited on it."""


@dataclass
class MessageTooLong(CoreError):
    """The message is larger than its queue allows. A batch returns this for the entry instead of raising it."""

    limit_bytes: int


@dataclass
class PostTooLong(CoreError):
    """The body of a Zaqar POST is larger than the queue's ``_max_messages_post_size``."""

    limit_bytes: int


class DeduplicationIdMissing(CoreError):
    """The message has no deduplication id, and its FIFO queue does not derive one from the content."""


@dataclass
class PurgeInProgress(CoreError):
    """The last purge of the queue is too recent; the next one is allowed in ``seconds``."""

    seconds: int


@dataclass
class QueueDeletedRecently(CoreError):
    """A queue of that name was deleted less than ``seconds`` ago."""

    seconds: int


class ReceiptInvalid(CoreError):
    """The receipt belongs to another queue, or to an earlier incarnation of this one."""


class NotInFlight(CoreError):
    """The message of the receipt is not in flight: it was deleted, has expired, or a claim holds it now."""


class LeaseExpired(CoreError):
    """FIFO only: the receipt's lease has ended or was replaced, so the receipt can neither delete nor extend."""


@dataclass
class ReceiveNotRetryable(CoreError):
    """FIFO only: the receive with this attempt id cannot be repeated, since the leases of its messages have changed."""

    attempt_id: str


@dataclass
class VisibilityTooLong(CoreError):
    """A visibility timeout of ``seconds`` would exceed ``limits.VISIBILITY_SECONDS`` since the receive."""

    seconds: int


class ClaimNotFound(CoreError):
    """The claim does not exist in this queue, or was released, or has expired."""


class MessageClaimed(CoreError):
    """A lease holds the message, and the caller named no claim."""


class MessageNotClaimed(CoreError):
    """The caller named a claim, but no lease holds the message."""


class ClaimedByAnother(CoreError):
    """The named claim has not ended, but another lease holds the message."""


class SubscriptionNotFound(CoreError):
    """The subscription does not exist in this queue, or was deleted, or has expired."""


class SubscriberTaken(CoreError):
    """Another subscription of the queue has the same subscriber."""


class SettingsChanged(CoreError):
    """Compare-and-set on queue settings failed: another caller has changed them. Read them and retry."""


@dataclass
class InFlightLimitReached(CoreError):
    """The queue has reached its limit of messages in flight."""

    limit: int


@dataclass
class AccessDenied(CoreError):
    """The policies do not allow the request.

    ``caller`` and ``resource`` are ARNs, ``action`` is in lower case. ``reason`` says in AWS's words which kind of
    policy denied the request or lacks a permission; ``statement`` is the label of the one that denied it, or "".
    """

    caller: str
    action: str
    resource: str
    reason: str
    statement: str = ""

    @property
    def rule(self) -> str:
        """The reason with the statement, for the audit log."""
        return f"{self.reason} (statement {self.statement})" if self.statement else self.reason


class RequestsThrottled(CoreError):
    """The caller has reached its limit of requests per second. Retry later."""


@dataclass
class TooManyQueues(CoreError):
    """The account has as many queues in the region as it may have."""

    limit: int


@dataclass
class AccountFull(CoreError):
    """The queues of the account hold as many bytes of messages as they may."""

    limit_bytes: int


@dataclass
class AccountInFlightLimitReached(CoreError):
    """The account has as many messages in flight, in all queues together, as it may have."""

    limit: int


class MoveTaskRunning(CoreError):
    """A move task of this queue is running; a queue can have only one at a time."""


class MoveTaskNotFound(CoreError):
    """The queue has no such move task. It keeps only the newest ``limits.MOVE_TASKS.most``."""


class MoveTaskNotRunning(CoreError):
    """The move task has ended or is being cancelled, so it cannot be cancelled."""


class EncryptionKeyMissing(CoreError):
    """The queue encrypts its messages, but this process has no key (setting ``encryption_keys``)."""


@dataclass
class MessageUnreadable(CoreError):
    """The message cannot be decrypted: this process lacks the key (``is_key_missing``), or the record is damaged.

    The message stays in its queue. ``key_name`` is empty where the name itself cannot be read.
    """

    key_name: str
    is_key_missing: bool


@dataclass
class PoolInUse(CoreError):
    """The pool cannot be removed or become another deployment.

    It holds that many ``queues``, or is the last pool of ``flavor``.
    """

    queues: int = 0
    flavor: str = ""


@dataclass
class PoolTaken(CoreError):
    """The deployment is registered already, as ``pool``."""

    pool: str


@dataclass
class PoolUnfit(CoreError):
    """The deployment cannot be a pool. ``reason`` says what to change and contains no credentials."""

    reason: str


class PoolNotFound(CoreError):
    """No pool has this name."""


@dataclass
class PoolUnknown(CoreError):
    """A flavor names the pool ``pool``, which is not in the catalogue."""

    pool: str


class FlavorNotFound(CoreError):
    """No flavor has this name."""


@dataclass
class FlavorUnusable(CoreError):
    """No queue can be created in ``flavor``: it does not exist, or (``is_known``) none of its pools has a weight."""

    flavor: str
    is_known: bool


@dataclass
class StoreUnavailable(CoreError):
    """The store did not answer, or cannot keep the configured durability. The outcome of a write is *unknown*.

    ``reason`` is one line for the operator.
    """

    reason: str
    #: There was no connection, or it ended before the reply.
    is_disconnected: bool = False
    #: Nothing was sent, so nothing was done.
    is_unsent: bool = False
    #: Whether the inspection of the store logs its beginning and its end, so that nothing else need log it.
    is_logged: ClassVar[bool] = False


@dataclass
class StoreUnfit(StoreUnavailable):
    """The store cannot keep the configured durability now, as ``reason`` says. Nothing was changed."""

    is_logged = True


@dataclass
class StoreFull(StoreUnavailable):
    """The store has no room: its memory limit is reached. Nothing was stored."""

    is_logged = True

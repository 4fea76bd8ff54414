"""Facts the core reports. Each face has one table from these to its own code, status and wording.

An instance carries numbers and names, never prose for a client.
"""

from __future__ import annotations

from dataclasses import dataclass


class CoreError(Exception):
    """Base of every fact below. Nothing was changed in the store unless the class says otherwise."""


class QueueNotFound(CoreError):
    """Raised when the queue does not exist, or was deleted while the caller waited on it."""


@dataclass
class MessageTooLong(CoreError):
    """A message is larger than its queue allows. In a batch this is an outcome of one entry, not raised."""

    limit_bytes: int


@dataclass
class PostTooLong(CoreError):
    """A whole Zaqar POST is larger than the queue's ``_max_messages_post_size``."""

    limit_bytes: int


class DeduplicationIdMissing(CoreError):
    """A message for a FIFO queue has no deduplication id, and the queue does not derive one from the content."""


@dataclass
class PurgeInProgress(CoreError):
    """The queue was purged less than the interval ago; ``seconds`` are left of it."""

    seconds: int


@dataclass
class QueueDeletedRecently(CoreError):
    """A queue of that name was deleted less than ``seconds`` ago."""

    seconds: int


class ReceiptInvalid(CoreError):
    """The receipt belongs to another queue, or to a deleted queue of the same name."""


class NotInFlight(CoreError):
    """The message behind a receipt is deleted, expired, or never was held: its visibility cannot be changed."""


class LeaseExpired(CoreError):
    """FIFO only: the receipt's lease has run out or was replaced, so it can no longer delete or extend."""


@dataclass
class ReceiveNotRetryable(CoreError):
    """FIFO only: a receive under this attempt id cannot be repeated: not all its messages are held as it left them."""

    attempt_id: str


@dataclass
class VisibilityTooLong(CoreError):
    """A visibility change to so many seconds holds the message longer than ``limits.VISIBILITY_SECONDS`` allow."""

    seconds: int


class ClaimNotFound(CoreError):
    """The claim is unknown, released or expired, or belongs to another queue."""


class MessageClaimed(CoreError):
    """A live lease holds the message and the caller named no claim."""


class MessageNotClaimed(CoreError):
    """The caller named a claim, but no live lease holds the message."""


class ClaimedByAnother(CoreError):
    """The claim named is live, but another lease holds the message."""


class SubscriptionNotFound(CoreError):
    """The subscription is unknown, deleted or expired, or belongs to another queue."""


class SubscriberTaken(CoreError):
    """Another subscription of the queue has that subscriber."""


class SettingsChanged(CoreError):
    """Compare-and-set on queue settings failed: somebody changed them since they were read. Read again and retry."""


@dataclass
class InFlightLimitReached(CoreError):
    """The queue holds as many messages in flight as it may."""

    limit: int


class RequestsThrottled(CoreError):
    """The caller makes more requests than it may. Try again later."""


class MoveTaskRunning(CoreError):
    """A move task of this queue runs already; one at a time is allowed."""


class MoveTaskNotFound(CoreError):
    """The queue has no such move task, or forgot it: the ten newest are kept."""


class MoveTaskNotRunning(CoreError):
    """Only a running move task can be cancelled."""


class EncryptionKeyMissing(CoreError):
    """Messages of the queue are to be encrypted, and this process has no key: setting ``encryption_keys``."""


@dataclass
class MessageUnreadable(CoreError):
    """A message is encrypted under the key of that name, which is not here, or it is not as it was written.

    It stays where it is. ``key_name`` is empty where even that cannot be read.
    """

    key_name: str
    is_key_missing: bool


@dataclass
class PoolInUse(CoreError):
    """The pool cannot go, or be another deployment: ``queues`` are in it, or ``flavor`` would have none without it."""

    queues: int = 0
    flavor: str = ""


@dataclass
class PoolTaken(CoreError):
    """The deployment is already the pool named ``pool``."""

    pool: str


@dataclass
class PoolUnfit(CoreError):
    """The deployment cannot be a pool; ``reason`` names what to change, and no credentials."""

    reason: str


class PoolNotFound(CoreError):
    """There is no such pool."""


@dataclass
class PoolUnknown(CoreError):
    """A flavor names the pool ``pool``, which is not in the catalogue."""

    pool: str


class FlavorNotFound(CoreError):
    """There is no such flavor."""


@dataclass
class FlavorUnusable(CoreError):
    """A queue cannot be made in ``flavor``: it is not there, or (``is_known``) none of its pools is given queues."""

    flavor: str
    is_known: bool


@dataclass
class StoreUnavailable(CoreError):
    """The store did not answer, or cannot hold the durability asked for. The outcome of a write is *unknown*."""

    reason: str

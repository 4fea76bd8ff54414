"""Messages: send, receive, extend, delete, list, look up, pop."""

from __future__ import annotations

from collections.abc import Sequence

from zaqar_core.core import Session
from zaqar_core.errors import CoreError, MessageTooLong
from zaqar_core.model import NewMessage, Page, Receipt, Sent, StoredMessage
from zaqar_core.names import QueueRef


def send(session: Session, ref: QueueRef, messages: Sequence[NewMessage]) -> list[Sent | MessageTooLong]:
    """Each message is in the queue, in this order, or has its own MessageTooLong. One round trip. SQS's way.

    Raises QueueNotFound.
    """
    raise NotImplementedError


def post(session: Session, ref: QueueRef, messages: Sequence[NewMessage], *, post_bytes: int) -> list[Sent]:
    """All messages are in the queue, or none. A missing queue is made first. Zaqar's way.

    Messages must carry their own ttl where the client gave one; where it is None the queue's default at this moment
    is fixed to the message. ``delay_seconds`` of a message is ignored on a queue whose own delay is 0 or unset.
    ``post_bytes`` is the length of the whole HTTP body. Raises PostTooLong.
    """
    raise NotImplementedError


def receive(
    session: Session,
    ref: QueueRef,
    *,
    max_messages: int,
    visibility_seconds: int | None = None,
    wait_seconds: int | None = None,
) -> list[StoredMessage]:
    """Lease up to ``max_messages`` and count a receive for each. Every message carries a receipt.

    None for visibility or wait means the queue's own. An empty queue is waited on, without the execution slot.
    Raises QueueNotFound (also when the queue is deleted meanwhile), InFlightLimitReached.
    """
    raise NotImplementedError


def change_visibility(
    session: Session, ref: QueueRef, changes: Sequence[tuple[Receipt, int]]
) -> list[None | CoreError]:
    """Each lease ends so many seconds from now (0: at once), or has its own error. One round trip.

    Outcomes: None, NotInFlight, LeaseExpired, VisibilityTooLong, ReceiptInvalid. Raises QueueNotFound.
    """
    raise NotImplementedError


def delete_received(session: Session, ref: QueueRef, receipts: Sequence[Receipt]) -> list[None | CoreError]:
    """Each message is gone, or was already (None), or has its own error. One round trip.

    Outcomes: None, LeaseExpired (FIFO), ReceiptInvalid. Raises QueueNotFound.
    """
    raise NotImplementedError


def list_page(
    session: Session,
    ref: QueueRef,
    *,
    marker: str | None,
    limit: int,
    except_client_id: bytes | None,
    include_claimed: bool,
    include_delayed: bool,
) -> Page:
    """The next messages in order, oldest first; nothing is changed. The page is full if enough match.

    ``marker`` is a Page's marker or a message id; it goes on working after that message is gone. A marker of another
    form, and a missing queue, give an empty page.
    """
    raise NotImplementedError


def get_many(session: Session, ref: QueueRef, ids: Sequence[str]) -> list[StoredMessage]:
    """Those of the ids that are in the queue, in the order asked for; held and delayed ones too. One round trip."""
    raise NotImplementedError


def delete_by_id(session: Session, ref: QueueRef, message_id: str, *, claim_id: str | None) -> None:
    """The message is gone, or was already; a missing queue is no error.

    Raises MessageClaimed (held, no claim named), ClaimNotFound (no such live claim, or not an id), MessageNotClaimed,
    ClaimedByAnother.
    """
    raise NotImplementedError


def delete_many(
    session: Session, ref: QueueRef, ids: Sequence[str], *, claim_ids: Sequence[str] | None = None
) -> None:
    """All those messages are gone, also held ones. With ``claim_ids`` all or nothing: each held message must be held
    by one of them. Unknown ids are passed over. Raises ClaimNotFound, ClaimedByAnother."""
    raise NotImplementedError


def pop(session: Session, ref: QueueRef, *, limit: int) -> list[StoredMessage]:
    """The oldest free messages, deleted in the same step. Each counts as a receive for the dead-letter rule.

    A missing queue gives an empty list.
    """
    raise NotImplementedError

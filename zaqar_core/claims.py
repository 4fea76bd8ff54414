"""Claims: Zaqar's groups of leases."""

from __future__ import annotations

from zaqar_core.core import Session
from zaqar_core.model import Claim
from zaqar_core.names import QueueRef


def create(session: Session, ref: QueueRef, *, ttl_seconds: int, grace_seconds: int, limit: int) -> Claim | None:
    """Up to ``limit`` of the oldest free messages are leased to a new claim; None if there is none, or no queue.

    A message that would expire before the claim lives until claim end + grace.
    """
    raise NotImplementedError


def get(session: Session, ref: QueueRef, claim_id: str) -> Claim:
    """The claim and those of its messages that it still holds. Raises ClaimNotFound."""
    raise NotImplementedError


def update(session: Session, ref: QueueRef, claim_id: str, *, ttl_seconds: int, grace_seconds: int) -> None:
    """The claim ends ``ttl_seconds`` from now, its age restarts, its messages live as at creation.

    Raises ClaimNotFound.
    """
    raise NotImplementedError


def release(session: Session, ref: QueueRef, claim_id: str) -> None:
    """The claim's messages are free again at once, in their old order. An unknown claim is no error."""
    raise NotImplementedError

"""A queue of each kind."""

from __future__ import annotations

from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef


def queue_kinds(name: str) -> dict[str, tuple[QueueRef, QueueSettings, str | None]]:
    """Return the address and the settings of a queue of each kind, and the group of its messages."""
    plain, fifo = QueueRef("000000000000", "us-east-1", name), QueueRef("000000000000", "us-east-1", f"{name}.fifo")
    return {
        "plain": (plain, QueueSettings(), None),
        "fair": (plain, QueueSettings(), "a group"),
        "fifo": (fifo, QueueSettings(content_based_deduplication=1), "a group"),
        "fifo with a delay": (fifo, QueueSettings(delay_seconds=10, content_based_deduplication=1), "a group"),
    }

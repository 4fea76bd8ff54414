"""What is kept under a name and holds messages: queues, and topics. Handlers ask the row, never which of the two."""

from __future__ import annotations

from dataclasses import dataclass

from zaqar_core.domain import names
from zaqar_core.rest.errors import Fact


@dataclass(frozen=True, slots=True)
class Collection:
    """One kind. ``name`` follows the version's prefix in its paths, and is its key in a listing."""

    name: str
    #: The path of one, below the version's prefix.
    item: str
    #: Reserved attributes that are shown with their defaults where they are not set.
    defaults: tuple[str, ...]
    #: What a request with a name that none can have is told.
    name_invalid: Fact
    #: Messages are consumed: claimed, popped, given up after so many claims. Otherwise they are read until they expire.
    is_consumed: bool = True

    def region(self, home: str) -> str:
        """The region part of its addresses, where ``home`` is the service's own region."""
        return home if self.is_consumed else names.topics_of(home)


QUEUES = Collection(
    name="queues",
    item="queues/{queue_name}",
    defaults=(
        "_max_messages_post_size",
        "_default_message_ttl",
        "_default_message_delay",
        "_dead_letter_queue",
        "_dead_letter_queue_messages_ttl",
        "_max_claim_count",
        "_enable_encrypt_messages",
    ),
    name_invalid=Fact.QUEUE_NAME_INVALID,
)
TOPICS = Collection(
    name="topics",
    item="topics/{topic_name}",
    defaults=("_max_messages_post_size", "_default_message_ttl", "_default_message_delay"),
    name_invalid=Fact.TOPIC_NAME_INVALID,
    is_consumed=False,
)

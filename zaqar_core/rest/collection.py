"""The two collections, queues and topics, one row each. Handlers read the row and never compare which of the two."""

from __future__ import annotations

from dataclasses import dataclass

from zaqar_core.domain import names
from zaqar_core.rest.errors import Fact


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection. ``name`` follows the version's prefix in its paths, and is its key in a listing."""

    name: str
    #: The path of one item, below the version's prefix.
    item: str
    #: Reserved attributes that are shown with their defaults when they are not set.
    defaults: tuple[str, ...]
    #: The error for a name that no item can have.
    name_invalid: Fact
    #: Whether messages are consumed: claimed, popped, moved to a dead-letter queue. Otherwise clients only read them,
    #: until they expire.
    is_consumed: bool = True

    def region(self, home: str) -> str:
        """Return the region part of its items' addresses; ``home`` is the service's own region."""
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

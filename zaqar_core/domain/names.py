"""The address of a queue: project, region and name.

This module has no rules for valid names; each face checks its own before it creates a :class:`QueueRef`.
"""

from __future__ import annotations

import msgspec

from zaqar_core.domain.limits import REGION_CHARACTERS

#: Suffix of the region in a topic's address. A client cannot name such a region, since regions contain no slash.
_TOPICS = "/topics"


class QueueRef(msgspec.Struct, frozen=True, gc=False):
    """The address of one queue. Two refs are the same queue exactly when all three parts are equal.

    ``project`` is both Zaqar's project id and the account id of SQS. Each ``region`` is a separate namespace. A topic
    is a queue in a second namespace of its region, so a topic and a queue may have the same name.

    Every request looks it up in caches. A struct of msgspec is hashed and compared in a quarter of a dataclass's time.
    """

    project: str
    region: str
    name: str

    @property
    def is_fifo(self) -> bool:
        """Whether this is a FIFO queue: in both dialects its name ends in ``.fifo``."""
        return self.name.endswith(".fifo")

    @property
    def is_topic(self) -> bool:
        """Whether the address is that of a topic."""
        return self.region.endswith(_TOPICS)

    def sibling(self, name: str) -> QueueRef:
        """Return the address of the queue ``name`` in the same project and region."""
        return QueueRef(self.project, self.region, name)


def topics_of(region: str) -> str:
    """Return the region of the addresses of a region's topics."""
    return region + _TOPICS


def is_region(text: str) -> bool:
    """Return whether a client may use the text as a region. Keys of queues contain it, so it is bounded."""
    return "/" not in text and len(text) <= REGION_CHARACTERS

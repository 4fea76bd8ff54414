"""How a queue is addressed: project, region and name.

Nothing here knows SQS's or Zaqar's rules for names; each face checks its own before it builds a :class:`QueueRef`.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Ends the region part of a topic's address. No client can name such a region: a slash divides what names one.
_TOPICS = "/topics"


@dataclass(frozen=True, slots=True)
class QueueRef:
    """The address of one queue. Two refs are the same queue exactly when all three parts are equal.

    ``project`` is Zaqar's project id and SQS's account id: one string for both. ``region`` is a namespace of its own.
    A topic is a queue in a namespace beside its region's, so that both may have the same name.
    """

    project: str
    region: str
    name: str

    @property
    def is_fifo(self) -> bool:
        """A name that ends in ``.fifo`` is a FIFO queue in both dialects."""
        return self.name.endswith(".fifo")

    @property
    def is_topic(self) -> bool:
        return self.region.endswith(_TOPICS)

    def sibling(self, name: str) -> QueueRef:
        """The queue of that name in the same project and region."""
        return QueueRef(self.project, self.region, name)


def topics_of(region: str) -> str:
    """The region part of the addresses of a region's topics."""
    return region + _TOPICS


def is_region(text: str) -> bool:
    """Whether a client may mean a region by it."""
    return "/" not in text

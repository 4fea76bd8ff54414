"""How a queue is addressed: project, region and name.

Nothing here knows SQS's or Zaqar's rules for names; each face checks its own before it builds a :class:`QueueRef`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueRef:
    """The address of one queue. Two refs are the same queue exactly when all three parts are equal.

    ``project`` is Zaqar's project id and SQS's account id: one string for both. ``region`` is a namespace of its own.
    """

    project: str
    region: str
    name: str

    @property
    def is_fifo(self) -> bool:
        """A name that ends in ``.fifo`` is a FIFO queue in both dialects."""
        return self.name.endswith(".fifo")

    def sibling(self, name: str) -> QueueRef:
        """The queue of that name in the same project and region."""
        return QueueRef(self.project, self.region, name)

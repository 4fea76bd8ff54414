"""One row of the route table."""

from __future__ import annotations

from dataclasses import dataclass

from zaqar_core.rest.call import Handler
from zaqar_core.rest.collection import QUEUES, Collection
from zaqar_core.rest.dialect import V1_1, V2, Dialect

#: The versions that share most operations.
NEWER = (V1_1, V2)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. ``path`` follows the version's prefix. ``relation`` names it in the home document, where it has
    a row of its own; ``parameters`` are those of its query string that all its versions know, ``newer`` those of v2.
    ``bodies`` are the media types of its request. ``collection`` is what its path is about, where it has a name."""

    relation: str
    method: str
    path: str
    #: Name of the rule that allows it, where callers have roles: see :mod:`zaqar_core.rest.policy`.
    rule: str
    run: Handler
    versions: tuple[Dialect, ...] = NEWER
    parameters: str = ""
    newer: str = ""
    bodies: tuple[str, ...] = ()
    collection: Collection = QUEUES
    #: Only where admin_mode and pooling are on.
    pooling: bool = False

    @property
    def has_queue(self) -> bool:
        """Whether the first variable part of the path is a queue's or topic's name."""
        return self.path.startswith(self.collection.item)

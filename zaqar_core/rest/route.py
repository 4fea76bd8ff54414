"""The type of a row of the route table."""

from __future__ import annotations

from dataclasses import dataclass

from zaqar_core.rest.call import Handler
from zaqar_core.rest.collection import QUEUES, Collection
from zaqar_core.rest.dialect import V1_1, V2, Dialect

#: The two versions that share most operations.
NEWER = (V1_1, V2)


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. ``path`` follows the version's prefix. ``relation`` is its name in the home document.
    ``parameters`` are the query parameters of all its versions, ``newer`` those of v2 only. ``bodies`` are the media
    types of its request. ``collection`` says whether the path is about queues or topics."""

    relation: str
    method: str
    path: str
    #: Name of the policy rule that allows it when callers have roles: see :mod:`zaqar_core.rest.policy`.
    rule: str
    run: Handler
    versions: tuple[Dialect, ...] = NEWER
    parameters: str = ""
    newer: str = ""
    bodies: tuple[str, ...] = ()
    collection: Collection = QUEUES
    #: Whether it is served only with admin_mode and pooling.
    pooling: bool = False

    @property
    def has_queue(self) -> bool:
        """Whether the first variable part of the path is a queue's or topic's name."""
        return self.path.startswith(self.collection.item)

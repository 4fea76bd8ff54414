"""Reading a queue's document, changing it and writing it back, without losing what others write meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from zaqar_core import queues
from zaqar_core.core import Session
from zaqar_core.errors import SettingsChanged
from zaqar_core.model import Queue, SettingsChange
from zaqar_core.names import QueueRef

#: Each failed try means that another writer succeeded.
_MOST_TRIES = 32


def revise(session: Session, ref: QueueRef, document: str, edit: Callable[[Queue], bytes | None]) -> None:
    """The document is what ``edit`` made of the queue as it stood; None takes it away.

    ``edit`` may run several times. Two round trips where nobody else writes. Raises QueueNotFound, SettingsChanged.
    """
    for left in reversed(range(_MOST_TRIES)):
        queue = queues.get(session, ref)
        change = SettingsChange(documents={document: edit(queue)}, expected_revision=queue.revision)
        try:
            queues.change(session, ref, change)
        except SettingsChanged:
            if not left:
                raise
        else:
            return

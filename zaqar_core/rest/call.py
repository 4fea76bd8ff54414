"""One call of an operation: the request with its headers and path already checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zaqar_core import queues
from zaqar_core.core import Session
from zaqar_core.errors import QueueNotFound
from zaqar_core.names import QueueRef
from zaqar_core.rest import parameters
from zaqar_core.rest.dialect import Dialect
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.rest.parameters import Query
from zaqar_core.settings import Settings
from zaqar_core.web.call import Reply, Request


@dataclass(slots=True)
class Call:
    """``values`` are the path's variable parts in order, latin-1 as in WSGI; a queue's name is the first.

    ``client_id`` is 16 bytes.
    """

    request: Request
    session: Session
    settings: Settings
    dialect: Dialect
    project: str
    client_id: bytes
    values: tuple[str, ...]

    @property
    def query(self) -> Query:
        return Query(self.request.query)

    def ref(self) -> QueueRef:
        """The queue of the path. Raises RestError when no queue can have, or none has, that name."""
        name = self.values[0]
        ref = QueueRef(self.project, self.settings.region, name)
        if parameters.QUEUE_NAME.match(name):
            return ref
        if parameters.LONG_QUEUE_NAME.match(name) and self._exists(ref):
            return ref
        raise RestError(Fact.QUEUE_NAME_INVALID)

    def ref_to_create(self) -> QueueRef:
        """As :meth:`ref`, for an operation that creates a missing queue."""
        ref = self.ref()
        if ref.is_fifo and not self._exists(ref):
            raise RestError(Fact.FIFO_UNAVAILABLE)
        return ref

    def _exists(self, ref: QueueRef) -> bool:
        try:
            queues.get(self.session, ref)
        except QueueNotFound:
            return False
        return True


Handler = Callable[[Call], Reply]

"""One call of an operation: a request whose headers and path are checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import QueueNotFound
from zaqar_core.domain.names import QueueRef
from zaqar_core.keystone.trusts import Trusts
from zaqar_core.rest import documents, parameters
from zaqar_core.rest.collection import Collection
from zaqar_core.rest.dialect import Dialect
from zaqar_core.rest.errors import RestError
from zaqar_core.rest.parameters import Query
from zaqar_core.web.envelope import Reply, Request


@dataclass(slots=True)
class RestCall:
    """What a handler needs. ``values`` are the variable parts of the path in their order, latin-1 as in WSGI, without
    the queue's name.

    ``client_id`` is 16 bytes; it is None when the client gave none and the version does not require it. ``queue`` is
    the queue or topic in the path, None where the path has none; ``collection`` says which of the two it is.
    ``trusts`` is None without Keystone.
    """

    request: Request
    session: Session
    settings: Settings
    dialect: Dialect
    collection: Collection
    project: str
    client_id: bytes | None
    queue: QueueRef | None
    values: list[str]
    trusts: Trusts | None = None

    @property
    def query(self) -> Query:
        """The query string, parsed."""
        return Query(self.request.query)

    @property
    def ref(self) -> QueueRef:
        """The queue or topic in the path."""
        assert self.queue is not None  # Route.has_queue: only handlers of such paths use this
        return self.queue

    @property
    def region(self) -> str:
        """The region part of the addresses in the path's collection."""
        return self.collection.region(self.settings.region)

    @property
    def collection_href(self) -> str:
        """The path of all queues or topics."""
        return f"{self.dialect.prefix}/{self.collection.name}"

    @property
    def queue_href(self) -> str:
        """The path of the queue or topic; the hrefs of its messages and claims begin with it."""
        return documents.queue_href(self.dialect.prefix, self.ref)


def queue_of(session: Session, settings: Settings, project: str, collection: Collection, name: str) -> QueueRef:
    """Return the queue or topic of that name. Raises RestError for an invalid name.

    A name that only SQS allows is valid where such a queue exists.
    """
    ref = QueueRef(project, collection.region(settings.region), name)
    if parameters.QUEUE_NAME.match(name):
        return ref
    if parameters.LONG_QUEUE_NAME.match(name) and _exists(session, ref):
        return ref
    raise RestError(collection.name_invalid)


def _exists(session: Session, ref: QueueRef) -> bool:
    try:
        queues.get(session, ref)
    except QueueNotFound:
        return False
    return True


Handler = Callable[[RestCall], Reply]

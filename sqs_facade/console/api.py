"""The API of the console: path -> function. What changes something is an operation of SQS where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import metadata
from typing import Any, NamedTuple

from sqs_facade import face
from sqs_facade.console import overview, queue_view, service_view
from sqs_facade.console.calls import Call
from sqs_facade.console.errors import ConsoleError
from sqs_facade.registry import OPERATIONS
from zaqar_core.access import administration
from zaqar_core.access.principals import Principal
from zaqar_core.core import messages, queues
from zaqar_core.core.session import place_left
from zaqar_core.domain.names import QueueRef
from zaqar_core.eventloop import Semaphore

#: Queues of a page of the overview, and the greatest offset.
_ROWS, _MOST_ROWS, _MOST_OFFSET = 50, 500, 10_000_000
#: Readings of messages of a process at the same time, each with up to 25 MiB in memory; others wait.
_reading = Semaphore(4)
_WAIT_SECONDS = 30.0


class Entry(NamedTuple):
    """A function of the API. One that changes something is called by POST and with the token of the page."""

    run: Callable[[Call], Any]
    changes: bool


def list_queues(call: Call) -> overview.Listed:
    """Return a page of the overview. Needs ListQueues, and GetQueueAttributes for the numbers of each queue."""
    call.require_listing()
    account, region = call.sqs.caller
    found = call.overviews.get(call.session, account, region, is_fresh=call.flag("fresh"))
    is_allowed = partial(_may_show, call)
    principal = call.sqs.request.principal
    assert principal is not None
    known = overview.seen(found, principal, _values(call, principal), is_allowed)
    given = call.parameters
    names, matching = overview.page(
        known,
        search=given.get("search", "")[:256],
        order=given.get("order", "name"),
        is_descending=call.flag("descending"),
        offset=call.number("offset", default=0, most=_MOST_OFFSET),
        limit=call.number("limit", default=_ROWS, most=_MOST_ROWS),
    )
    overview.read_again(call.session, found, account, region, names)
    rows = overview.shown(found, names, is_allowed)
    return overview.Listed(rows, matching, len(known.rows), *known.sums)


def _may_show(call: Call, name: str, policy: str) -> bool:
    return call.may(QueueRef(*call.sqs.caller, name), "GetQueueAttributes", policy)


def _values(call: Call, principal: Principal) -> tuple[str, ...]:
    """Return all of the request that policies may ask for, but the time: an overview is used for a moment."""
    names = ("REMOTE_ADDR", "HTTP_USER_AGENT", "HTTP_REFERER", "wsgi.url_scheme")
    return (principal.arn, *(str(call.sqs.request.environ.get(name, "")) for name in names))


def show_queue(call: Call) -> queue_view.QueueView:
    """Return one queue. Needs GetQueueAttributes, and for some parts ListQueueTags and ReceiveMessage."""
    ref = call.queue("GetQueueAttributes")

    def read() -> queue_view.QueueView:
        queues.get(call.session, ref)
        overview_now = call.overviews.get(call.session, *call.sqs.caller, is_fresh=call.flag("fresh"))
        sources = overview_now.sources.get(ref.name, [])
        return queue_view.queue(call.session, ref, sources, partial(call.may, ref))

    return queues.confirmed(call.session, read)


@contextmanager
def _turn(call: Call) -> Iterator[None]:
    """Wait for a turn to read messages. Raises ConsoleError if there is none in time."""
    with place_left(call.session.client):
        is_taken = _reading.acquire(_WAIT_SECONDS)
    if not is_taken:
        raise ConsoleError(503, "RequestThrottled", "Too many pages read messages at the moment. Try again.")
    try:
        yield
    finally:
        _reading.release()


def list_messages(call: Call) -> queue_view.MessagesView:
    """Return a page of messages. Needs ReceiveMessage, as everything that shows bodies."""
    ref = call.queue("ReceiveMessage")

    def read() -> queue_view.MessagesView:
        queues.get(call.session, ref)
        after = call.parameters.get("after") or None
        return queue_view.page(
            call.session, ref, after=after, in_flight=call.flag("inFlight"), delayed=call.flag("delayed")
        )

    with _turn(call):
        return queues.confirmed(call.session, read)


def show_message(call: Call) -> queue_view.MessageView:
    """Return one message with its whole body. Needs ReceiveMessage."""
    ref = call.queue("ReceiveMessage")
    with _turn(call):
        found = queues.confirmed(call.session, queue_view.whole, call.session, ref, call.parameters.get("id", ""))
    if found is None:
        raise ConsoleError(404, "MessageNotFound", "The message is not in the queue any more.")
    return found


def delete_message(call: Call) -> dict[str, Any]:
    """Delete one message, whoever has received it. Needs DeleteMessage. A message that is gone is no error."""
    ref = call.queue("DeleteMessage")
    call.sqs.request.note.is_administrative = True  # nobody has received it: a person decided this
    queues.confirmed(call.session, messages.delete_many, call.session, ref, [call.parameters.get("id", "")])
    return {}


def show_service(call: Call) -> service_view.ServiceView:
    """Return the condition of the service. Servers and pools need the right to administer it."""
    request = call.sqs.request
    account, region = call.sqs.caller
    is_administrator = call.sqs.authorizer is None or (
        request.principal is not None
        and request.principal.account == account
        and administration.is_allowed(request.principal, request.environ, region)
    )
    return service_view.read(call.session, call.conditions(), _version(), is_administrator=is_administrator)


def _version() -> str:
    try:
        return metadata.version("sqs-facade")
    except metadata.PackageNotFoundError:  # a checkout that is not installed
        return ""


def _operation(name: str, call: Call) -> Any:
    """Run an operation of SQS with the body as its input."""
    operation = OPERATIONS[name]
    return face.run(operation, call.sqs, face.read_json(operation, call.sqs.request.body)) or {}


#: Operations of SQS that pages call as they are.
_OPERATIONS = (
    "CreateQueue", "DeleteQueue", "SetQueueAttributes", "TagQueue", "UntagQueue", "PurgeQueue", "SendMessage",
    "StartMessageMoveTask", "ListMessageMoveTasks", "CancelMessageMoveTask",
)  # fmt: skip

API: dict[str, Entry] = {
    "queues": Entry(list_queues, changes=False),
    "queue": Entry(show_queue, changes=False),
    "messages": Entry(list_messages, changes=False),
    "message": Entry(show_message, changes=False),
    "service": Entry(show_service, changes=False),
    "delete-message": Entry(delete_message, changes=True),
    **{name: Entry(partial(_operation, name), changes=True) for name in _OPERATIONS},
}

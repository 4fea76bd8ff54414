"""Read the messages of a queue without receiving them, at endpoints that have ``/_aws/sqs/messages``.

The response is read while it arrives, so a long queue takes little memory.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from urllib3.exceptions import HTTPError

from sqs_facade.remote.errors import NoResponse, Refused, RemoteError
from sqs_facade.remote.service import Service

_PATH = "/_aws/sqs/messages"
_PIECE_BYTES = 1 << 16
#: The beginning of the messages in the response: a list, or the only message.
_BEGIN = re.compile(r'"Messages?"\s*:\s*(?=([\[{]))')
_GAP = re.compile(r"[\s,]*")
#: Where _BEGIN must be found, in characters.
_HEAD = 4096
_OK = 200
#: A longer error is not one of this endpoint.
_ERROR_BYTES = 1 << 16
#: More than any position.
_MOST_POSITION = 1 << 48


class NoPeek(RemoteError):
    """The endpoint cannot show messages without receiving them."""

    def __init__(self, endpoint: str, advice: str) -> None:
        super().__init__(f"{endpoint} cannot show messages without receiving them: {advice}")


@dataclass(frozen=True, slots=True)
class Peeked:
    """A message in the form of ReceiveMessage. ``position`` is its place in the queue, if the endpoint has places."""

    message: dict[str, Any]
    position: int | None


def messages(
    service: Service,
    queue_url: str,
    *,
    after: int = 0,
    limit: int | None = None,
    hidden: bool = True,
    advice: str = "use receive",
) -> Iterator[Peeked]:
    """Iterate over the messages behind a position, in the order of the queue.

    ``hidden`` includes messages that are in flight or delayed. ``advice`` says what to do instead at an endpoint that
    has no messages to show. Raises RemoteError.
    """
    flag = "true" if hidden else "false"
    parameters = {"QueueUrl": queue_url, "ShowInvisible": flag, "ShowDelayed": flag, "After": str(after)}
    if limit is not None:
        parameters["Limit"] = str(limit)
    with service.stream(_PATH, parameters) as (status, _media_type, stream):
        if status != _OK:
            raise _refused(stream.read(_ERROR_BYTES), status) or NoPeek(service.endpoint, advice)
        found = 0
        try:
            for element in elements(stream.read):
                yield _peeked(element)
                found += 1
                if found == limit:
                    return
        except (ValueError, KeyError, TypeError):
            raise NoPeek(service.endpoint, advice) from None
        except HTTPError:
            raise NoResponse(f"{service.endpoint} ended the list of messages early") from None


def last_position(service: Service, queue_url: str, *, advice: str) -> int | None:
    """Return the position of the last message, 0 if there is none; None if the endpoint has no positions.

    Makes two small requests for each bit of the position. Raises RemoteError.
    """

    def first_behind(position: int) -> Peeked | None:
        return next(messages(service, queue_url, after=position, limit=1, advice=advice), None)

    first = first_behind(0)
    if first is None:
        return 0
    if first.position is None:
        return None
    low = high = first.position
    while high < _MOST_POSITION and (found := first_behind(high)) is not None:
        low = found.position or low
        high = 2 * low
    while low < high:  # a message is at low, and none is behind high
        middle = (low + high) // 2
        found = first_behind(middle)
        if found is None:
            high = middle
        else:
            low = found.position or middle + 1
    return low


def elements(read: Callable[[int], bytes]) -> Iterator[dict[str, Any]]:
    """Iterate over the messages in a JSON response, while it is read. Raises ValueError if it has another form."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    scan = json.JSONDecoder().raw_decode
    text, at, ended = "", 0, False

    def more(size: int) -> None:
        nonlocal text, at, ended
        piece = read(size)
        ended = not piece
        text, at = text[at:] + decode(piece, ended), 0

    while (begin := _BEGIN.search(text)) is None and not ended and len(text) < _HEAD:
        more(_PIECE_BYTES)
    if begin is None:
        if not ended or not _is_empty(json.loads(text)):
            raise ValueError
        return
    is_list = begin[1] == "["
    at = begin.end() + is_list
    while True:
        gap = _GAP.match(text, at)
        at = gap.end() if gap else at
        if text.startswith("]", at):
            return
        try:
            element, at = scan(text, at)
        except ValueError:
            if ended:
                raise
            more(max(_PIECE_BYTES, len(text) - at))  # as much again, so that a long message is not scanned often
            continue
        if not isinstance(element, dict):
            raise ValueError
        yield element
        if not is_list:
            return


def _is_empty(document: Any) -> bool:
    """Return whether this is the response of a queue without messages."""
    if isinstance(document, dict) and "ReceiveMessageResponse" in document:
        return True
    return isinstance(document, dict) and document.keys() == {"Messages"}


def _peeked(element: Mapping[str, Any]) -> Peeked:
    """Return a message in the form of the API from the form of XML elements. Raises KeyError, TypeError."""
    attributes = {one["Name"]: one["Value"] for one in _several(element.get("Attribute"))}
    position = attributes.get("Position")
    message = {
        "MessageId": element["MessageId"],
        "Body": element["Body"],
        "Attributes": attributes,
        "MessageAttributes": {one["Name"]: one["Value"] for one in _several(element.get("MessageAttribute"))},
    }
    return Peeked(message, int(position) if position is not None else None)


def _several(found: Any) -> list[dict[str, Any]]:
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def _refused(content: bytes, status: int) -> Refused | None:
    """Return the error that a service with the endpoint gave; None if it has another form."""
    try:
        error = json.loads(content)["ErrorResponse"]["Error"]
        return Refused(error["Code"], error["Message"], status)
    except (ValueError, KeyError, TypeError):
        return None

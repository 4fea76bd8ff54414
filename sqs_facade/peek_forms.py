"""The response of the peek endpoint in three forms, whole or in parts: AWS JSON, XML, and JSON in the form of XML.

Each part is a whole response of some messages, of which the beginning and the end are cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from sqs_facade.codecs import query, query_json
from sqs_facade.registry import Shape


@dataclass(frozen=True, slots=True)
class Form:
    """One form. ``write`` returns the whole response; ``opening`` ends what precedes the messages in it, ``closing``
    begins what follows them, and ``separator`` stands between two."""

    media_type: str
    write: Callable[[Shape], bytes]
    opening: bytes
    closing: bytes
    separator: bytes

    def parts(self, results: Iterable[Shape]) -> Iterator[bytes]:
        """Yield the response to several results as the response to one that has all their messages, two at least."""
        before, after = b"", b""
        for result in results:
            whole = self.write(result)
            begin, end = whole.find(self.opening), whole.rfind(self.closing)
            if begin < 0 or end < begin:
                continue  # no messages
            begin += len(self.opening)
            content = whole[begin:end]
            if self.separator and content[:1] != b"[":
                content = b"[%b]" % content  # one message alone is no list in one of the forms
            if not before:
                before, after = whole[:begin], whole[end:]
                yield before
                yield content[:-1] if self.separator else content
            else:
                yield self.separator + content[1:-1] if self.separator else content
            del whole, content
        yield b"]" + after if self.separator else after


def aws_json(media_type: str) -> Form:
    """Return the form of the JSON protocol."""
    return Form(media_type, msgspec.json.encode, b'"Messages":', b"}", b",")


def xml(operation: str, request_id: str) -> Form:
    """Return the form of the query protocol."""

    def write(result: Shape) -> bytes:
        return query.write(operation, _members(result), request_id)

    return Form("text/xml", write, b"<%bResult>" % operation.encode(), b"</%bResult>" % operation.encode(), b"")


def elements(operation: str, request_id: str) -> Form:
    """Return the form of other emulators: the elements of the XML as JSON."""

    def write(result: Shape) -> bytes:
        return query_json.write_as_elements(operation, _members(result), request_id)

    return Form("application/json", write, b'"Message":', b"}}}", b",")


def _members(result: Shape) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(result)
    return found

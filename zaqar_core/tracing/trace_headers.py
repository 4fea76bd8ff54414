"""The headers that carry a trace: ``X-Amzn-Trace-Id`` of X-Ray, which messages keep as AWSTraceHeader, and W3C's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from zaqar_core.domain.model import Attribute

#: The message system attribute of SQS.
ATTRIBUTE = "AWSTraceHeader"
_ROOT = re.compile(r"1-([0-9a-f]{8})-([0-9a-f]{24})", re.IGNORECASE)
_PARENT = re.compile(r"[0-9a-f]{16}", re.IGNORECASE)
_MOST_CHARACTERS = 1024


class SpanRef(NamedTuple):
    """A span of any process: 32 and 16 hexadecimal digits, and whether it is recorded."""

    trace_id: str
    span_id: str
    is_sampled: bool


def read(header: str | None) -> SpanRef | None:
    """Return the span that a header in X-Ray's form names; None if it names none, or is malformed.

    A header that leaves the decision to us (``Sampled=?``, or none) counts as sampled.
    """
    if not header or len(header) > _MOST_CHARACTERS:
        return None
    fields = dict(part.strip().partition("=")[::2] for part in header.split(";"))
    root, parent = _ROOT.fullmatch(fields.get("Root", "")), fields.get("Parent", "")
    if root is None or not _PARENT.fullmatch(parent) or not int(parent, 16) or not int(root[1] + root[2], 16):
        return None
    return SpanRef((root[1] + root[2]).lower(), parent.lower(), fields.get("Sampled") != "0")


def sender(attributes: Sequence[Attribute]) -> SpanRef | None:
    """Return the span in which a message was sent, as far as its system attributes tell."""
    for one in attributes:
        if one.name == ATTRIBUTE:
            return read(one.value.decode("utf-8", "replace"))
    return None


def as_xray(span: SpanRef) -> str:
    """Return the header in X-Ray's form."""
    return f"Root=1-{span.trace_id[:8]}-{span.trace_id[8:]};Parent={span.span_id};Sampled={int(span.is_sampled)}"


def as_traceparent(span: SpanRef) -> str:
    """Return the header ``traceparent`` of W3C's Trace Context, version 00."""
    return f"00-{span.trace_id}-{span.span_id}-{int(span.is_sampled):02x}"

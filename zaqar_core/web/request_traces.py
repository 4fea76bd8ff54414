"""The spans of requests, by the semantic conventions of messaging. Loaded only with the setting ``tracing``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace
from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from zaqar_core.core.session import Session
from zaqar_core.domain.model import Attribute, NewMessage, StoredMessage
from zaqar_core.tracing import provider, spans, trace_headers
from zaqar_core.web.envelope import Reply, Request

_W3C = TraceContextTextMapPropagator()
_Attributes = dict[str, str | int]

#: Value of ``messaging.operation.type``, by a part of the operation's name in lower case.
_TYPES = (
    ("deletemessage", "settle"), ("changemessagevisibility", "settle"), ("messages:delete", "settle"),
    ("sendmessage", "send"), ("messages:create", "send"), ("receivemessage", "receive"), ("claims:create", "receive"),
    ("createqueue", "create"), ("queues:create", "create"),
)  # fmt: skip


class MessageTrace:
    """The trace of one request, as the core sees it: new messages carry it, received ones are linked to it."""

    __slots__ = ("_header", "_span")

    def __init__(self, span: Span) -> None:
        self._span = span
        found = span.get_span_context()
        header = trace_headers.as_xray(spans.span_ref(found)).encode()
        self._header = (Attribute(trace_headers.ATTRIBUTE, "String", header),) if found.is_valid else ()

    def carried(self, messages: Sequence[NewMessage]) -> Sequence[NewMessage]:
        """Return the messages with the context of this request, unless their sender gave one."""
        return [one if one.system_attributes else replace(one, system_attributes=self._header) for one in messages]

    def received(self, messages: Sequence[StoredMessage]) -> None:
        """Link the span to those in which the messages were sent."""
        for one in messages:
            found = trace_headers.sender(one.system_attributes)
            if found is not None:
                self._span.add_link(spans.span_context(found), {"messaging.message.id": one.id})


class RequestTraces:
    """Makes the spans of requests. One instance serves all threads and tasks."""

    def answer(self, request: Request, session: Session, answer: Callable[[], Reply]) -> Reply:
        """Call ``answer`` in a span that continues the trace of the client."""
        parent = _parent(request)
        span = provider.tracer().start_span(request.method, context=parent, kind=SpanKind.SERVER)
        token = context.attach(trace.set_span_in_context(span, parent))
        try:
            request.note.trace_id = f"{span.get_span_context().trace_id:032x}"
            session.trace = MessageTrace(span)
            reply = answer()
            if span.is_recording():
                _describe(span, request, reply)
            return reply
        finally:
            context.detach(token)
            span.end()


def _parent(request: Request) -> context.Context:
    """Return the context that the client sent, in W3C's headers or in X-Ray's."""
    environ = request.environ
    if "HTTP_TRACEPARENT" in environ:
        carrier = {"traceparent": environ["HTTP_TRACEPARENT"], "tracestate": environ.get("HTTP_TRACESTATE", "")}
        return _W3C.extract(carrier, context.Context())
    return spans.child_of(trace_headers.read(environ.get("HTTP_X_AMZN_TRACE_ID")))


def _describe(span: Span, request: Request, reply: Reply) -> None:
    note = request.note
    is_zaqar = note.dialect == "zaqar"
    known: _Attributes = {
        "http.request.method": request.method,
        "http.response.status_code": reply.status,
        "url.scheme": request.scheme,
        "messaging.system": "zaqar" if is_zaqar else "aws_sqs",
    }
    if client := request.environ.get("REMOTE_ADDR"):
        known["client.address"] = str(client)
    if note.operation:
        known["messaging.operation.name"] = note.operation
        if kind := next((kind for part, kind in _TYPES if part in note.operation.lower()), None):
            known["messaging.operation.type"] = kind
        if not is_zaqar:
            known |= {"rpc.system": "aws-api", "rpc.service": "SQS", "rpc.method": note.operation}
    if note.queue is not None:
        known["messaging.destination.name"] = note.queue.name
    if request_id := reply.request_id:
        known["request.id" if is_zaqar else "aws.request_id"] = request_id
    if note.code:
        known["error.type"] = note.code
    if reply.status >= 500:
        span.set_status(Status(StatusCode.ERROR, note.code))
    if note.operation:
        span.update_name(f"{note.operation} {note.queue.name}" if note.queue is not None else note.operation)
    attributes: Any = known
    span.set_attributes(attributes)

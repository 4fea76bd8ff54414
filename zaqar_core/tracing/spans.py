"""Contexts of spans in the form of OpenTelemetry. Loaded only with the setting ``tracing``."""

from __future__ import annotations

from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from zaqar_core.tracing.trace_headers import SpanRef


def span_context(span: SpanRef) -> SpanContext:
    """Convert to the form of OpenTelemetry."""
    flags = TraceFlags(TraceFlags.SAMPLED if span.is_sampled else TraceFlags.DEFAULT)
    return SpanContext(int(span.trace_id, 16), int(span.span_id, 16), is_remote=True, trace_flags=flags)


def span_ref(found: SpanContext) -> SpanRef:
    """Convert from the form of OpenTelemetry."""
    return SpanRef(f"{found.trace_id:032x}", f"{found.span_id:016x}", found.trace_flags.sampled)


def child_of(span: SpanRef | None) -> context.Context:
    """Return the context in which a span is a child of this one, or the first of its trace."""
    if span is None:
        return context.Context()
    return trace.set_span_in_context(NonRecordingSpan(span_context(span)), context.Context())

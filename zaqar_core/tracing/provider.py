"""OpenTelemetry in this process: what makes spans, and what exports them. Spans are exported by a thread of the SDK.

The queue of that thread is bounded (OTEL_BSP_MAX_QUEUE_SIZE); spans beyond it are dropped. So a collector that does not
answer costs neither time of requests nor memory.
"""

from __future__ import annotations

import atexit
import os
import threading
from importlib.metadata import version
from typing import TYPE_CHECKING

from zaqar_core.configuration.errors import SettingsInvalid

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

_SCOPE = "sqs_facade"
#: For the last spans, at the end of the process.
_CLOSE_SECONDS = 0.3


class _Used:
    """The provider of this process."""

    provider: TracerProvider | None = None
    tracer: Tracer | None = None


def check() -> None:
    """Check that OpenTelemetry is installed. Raises SettingsInvalid."""
    try:
        import opentelemetry.exporter.otlp.proto.http.trace_exporter
        import opentelemetry.sdk.trace  # noqa: F401
    except ImportError as missing:
        raise SettingsInvalid(
            f"tracing needs a package that is not installed ({missing.name}): pip install 'sqs-facade[tracing]'",
            setting="tracing",
        ) from None


def set_up() -> None:
    """Begin to export spans over OTLP, as the environment variables OTEL_* say. Raises SettingsInvalid.

    For a process that has forked. A second call, and one after :func:`use`, does nothing.
    """
    if _Used.provider is not None:
        return
    check()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    ours = Resource.create({SERVICE_NAME: "sqs-facade", SERVICE_VERSION: version("sqs-facade")})
    provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    if os.environ.get("OTEL_TRACES_EXPORTER", "otlp") != "none":
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    use(provider)
    atexit.register(close)


def use(provider: TracerProvider) -> None:
    """Make spans by this provider from now on."""
    _Used.provider = provider
    _Used.tracer = provider.get_tracer(_SCOPE, version("sqs-facade"))


def tracer() -> Tracer:
    """Return what makes spans. A provider must be set up."""
    assert _Used.tracer is not None
    return _Used.tracer


def close() -> None:
    """Export the last spans, unless the collector does not take them in time. Later spans are lost."""
    provider, _Used.provider = _Used.provider, None
    if provider is not None:
        thread = threading.Thread(target=provider.shutdown, name="last-spans", daemon=True)
        thread.start()
        thread.join(_CLOSE_SECONDS)

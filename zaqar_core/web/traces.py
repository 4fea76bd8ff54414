"""The traces of the settings. OpenTelemetry is loaded only if they ask for some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zaqar_core.tracing import provider

if TYPE_CHECKING:
    from zaqar_core.configuration.settings import Settings
    from zaqar_core.web.request_traces import RequestTraces


def configured(settings: Settings) -> RequestTraces | None:
    """Return what makes the spans of requests, None without tracing. For a process that has forked.

    Raises SettingsInvalid.
    """
    if not settings.tracing:
        return None
    provider.set_up()
    from zaqar_core.web.request_traces import RequestTraces

    return RequestTraces()

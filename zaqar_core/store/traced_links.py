"""Connections that make a span of each exchange of a traced request with the server. Loaded only with ``tracing``."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.store.joined_calls import Commands, JoinableCall
from zaqar_core.store.links import Links
from zaqar_core.tracing import provider

_FCALL = b"FCALL"
#: As many bytes of a packed command have the name of its function.
_HEAD_BYTES = 256


class TracedLinks(Links):
    """One span for each round trip, also of many commands. Work in the background has none."""

    __slots__ = ()

    def exchange(self, commands: Commands, replies: int, **options: Any) -> list[Any]:
        """See ``Links.exchange``."""
        if not trace.get_current_span().is_recording():
            return super().exchange(commands, replies, **options)
        command, function = _named(commands)
        attributes: dict[str, str | int] = {"db.system.name": "redis", "db.operation.name": command}
        if function:
            attributes["db.stored_procedure.name"] = function
        if replies > 1:
            attributes["db.operation.batch.size"] = replies
        name = f"{command} {function}".rstrip()
        span = provider.tracer().start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        try:
            return super().exchange(commands, replies, **options)
        except StoreUnavailable as problem:
            span.set_attribute("error.type", type(problem).__name__)
            span.set_status(Status(StatusCode.ERROR, problem.reason))
            raise
        finally:
            span.end()


def _named(commands: Commands) -> tuple[str, str]:
    """Return the name of the first command, and that of the function that it calls, without its library."""
    if isinstance(commands, JoinableCall):
        return _FCALL.decode(), commands.script.name
    parts = commands[:_HEAD_BYTES].split(b"\r\n", 5)
    command = parts[2] if len(parts) > 2 else b""
    function = parts[4].decode(errors="replace") if command == _FCALL and len(parts) > 4 else ""
    return command.decode(errors="replace"), function.split("_", 3)[-1]

"""Who may speak on a connection: what has to be shown before actions are done, and for how long it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from zaqar_core.rest import signatures
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.settings import Settings
from zaqar_core.websocket.frames import Frame


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token stands for. ``environ`` is added to each request of the connection, as a server would have it.

    ``expires`` is in seconds since 1970; None: it does not.
    """

    project: str
    expires: float | None = None
    environ: Mapping[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The token is none, or is not valid any more."""


class Gate(Protocol):
    """Checks the tokens of ``authenticate``. One serves all threads."""

    def admit(self, environ: Mapping[str, str]) -> Grant:
        """What the request's token stands for. Raises Refused."""


@dataclass(slots=True)
class Admission:
    """One connection's. Without a gate everybody is admitted, as over HTTP."""

    settings: Settings
    gate: Gate | None = None
    grant: Grant | None = None

    def authenticate(self, frame: Frame) -> None:
        """From now on the connection may do what its token stands for. Raises Refused."""
        if self.gate is not None:
            self.grant = None
            self.grant = self.gate.admit(frame.environ)

    def check(self, frame: Frame, path: str, method: str) -> dict[str, str]:
        """The environ of a request that may be done. Raises RestError."""
        environ = {"PATH_INFO": path, "REQUEST_METHOD": method, **frame.environ}
        environ.pop("HTTP_X_AUTH_TOKEN", None)
        if "HTTP_URL_SIGNATURE" in environ:
            try:
                signatures.check(environ, path, method, self.settings.signed_url_key)
            except RestError:
                raise RestError(Fact.NOT_AUTHENTICATED, "The signature of the URL cannot be verified.") from None
            return environ
        if self.gate is None:
            return environ
        if self.grant is None:
            raise RestError(Fact.NOT_AUTHENTICATED, "Authenticate first.")
        if environ.get("HTTP_X_PROJECT_ID", self.grant.project) != self.grant.project:
            raise RestError(Fact.OTHER_PROJECT)
        return {**environ, **self.grant.environ}

"""Authentication of a connection, and the check of each action before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zaqar_core.access.principals import Principal
from zaqar_core.access.users import KnownUser
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.identity import (
    CERTIFICATE_SUBJECT,
    Authenticator,
    Identity,
    IdentityUnavailable,
    NotAuthenticated,
)
from zaqar_core.rest import identity, signatures
from zaqar_core.rest.errors import Fact, RestError
from zaqar_core.websocket.frames import Frame


@dataclass(slots=True)
class Admission:
    """The state of one connection. Without an authenticator all actions are allowed, as over HTTP."""

    settings: Settings
    authenticator: Authenticator | None = None
    #: The subject of the client certificate of the connection, None without one. It counts until a frame has a token.
    certificate_subject: str | None = None
    #: The identity of the last token or of the certificate; None when there was none, or when it was invalid.
    identity: Identity | None = None

    def authenticate(self, frame: Frame) -> None:
        """Authenticate the connection by the token in a frame. Raises RestError; the connection is then not
        authenticated any more."""
        if self.authenticator is not None:
            self.identity = self.certificate_subject = None
            self.identity = identity.identify(self.authenticator, frame.environ)

    def check(self, frame: Frame, path: str, method: str) -> dict[str, Any]:
        """Check that an action is allowed, and return the environ of its request. Raises RestError."""
        environ = {"PATH_INFO": path, "REQUEST_METHOD": method, **frame.environ}
        environ.pop("HTTP_X_AUTH_TOKEN", None)
        if "HTTP_URL_SIGNATURE" in environ:
            try:
                signatures.check(environ, path, method, self.settings.signed_url_key)
            except RestError:
                raise RestError(Fact.NOT_AUTHENTICATED, "The signature of the URL cannot be verified.") from None
            return environ
        if self.authenticator is None:
            return environ
        if isinstance(self.identity, KnownUser) and not self.identity.is_active():
            self.identity = None
        if self.identity is None:
            self.identity = self._certified(self.authenticator)
        if self.identity is None:
            raise RestError(
                Fact.NOT_AUTHENTICATED, "The connection is not authenticated: send the action authenticate first."
            )
        if environ.get("HTTP_X_PROJECT_ID", self.identity.project) != self.identity.project:
            raise RestError(Fact.OTHER_PROJECT)
        return identity.identified(environ, self.identity)

    def _certified(self, authenticator: Authenticator) -> Identity | None:
        """Return the user for whom the certificate of the connection stands now, None if there is none."""
        if self.certificate_subject is None:
            return None
        try:
            return authenticator.identify({CERTIFICATE_SUBJECT: self.certificate_subject})
        except (NotAuthenticated, IdentityUnavailable):
            return None

    def principal(self, environ: Mapping[str, Any]) -> Principal | None:
        """Return the caller of an action that was checked, if it is a user of the credentials file."""
        if self.identity is None or "HTTP_URL_SIGNATURE" in environ:
            return None
        return identity.principal(self.identity)

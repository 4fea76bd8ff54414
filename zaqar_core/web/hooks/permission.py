"""Who may use the hooks of a service with a credentials file: they change all accounts, so they need a right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zaqar_core.access.contexts import RequestContext
from zaqar_core.access.evaluation import Question, by_identity
from zaqar_core.access.principals import Principal
from zaqar_core.access.users import KnownUser
from zaqar_core.domain.identity import Authenticator, NotAuthenticated

#: What an identity policy must allow, and on which resource.
ACTION, RESOURCE = "zaqar:test-hooks", "arn:aws:zaqar:::service"


class NotPermitted(Exception):
    """The refusal of a caller, with an HTTP status, a sentence and headers."""

    def __init__(self, status: int, reason: str, *headers: tuple[str, str]) -> None:
        super().__init__(reason)
        self.status, self.reason, self.headers = status, reason, headers


def caller(users: Authenticator, environ: Mapping[str, Any]) -> Principal:
    """Return the user who makes a request, by a static token or HTTP basic. Raises NotPermitted."""
    try:
        found = users.identify(environ)
    except NotAuthenticated as refused:
        reason = "Test hooks need the credentials of a user: HTTP basic with an access key, or X-Auth-Token."
        raise NotPermitted(401, reason, ("WWW-Authenticate", refused.challenge)) from None
    assert isinstance(found, KnownUser)
    user = found.principal
    context = RequestContext(user, environ, "", user.account)
    if not by_identity(Question(user, ACTION, RESOURCE, user.account, context)).is_allowed:
        raise NotPermitted(403, f"Test hooks need an identity policy that allows {ACTION}.")
    return user

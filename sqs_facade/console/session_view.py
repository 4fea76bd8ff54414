"""What a page learns first: who uses it, which accounts and regions there are, and the token for changes."""

from __future__ import annotations

import contextlib
from typing import Any

from sqs_facade.console.visitors import Visitor, Visitors
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import keys, registry
from zaqar_core.web.envelope import Request

#: Accounts and regions that are listed.
_MOST_PLACES = 200


def view(
    session: Session, request: Request, visitor: Visitor, visitors: Visitors, *, has_store: bool
) -> dict[str, Any]:
    """Return the facts that stay the same until the visitor signs out. Without the store no places are listed."""
    principal, sessions = request.principal, visitors.sessions
    account, region = visitor.caller
    return {
        "needsSignIn": False,
        "account": account,
        "region": region,
        "places": _places(session, visitor, is_signed_in=sessions is not None) if has_store else [[account, region]],
        "user": principal.user_name if principal is not None and sessions is not None else None,
        "endsAt": sessions.ends(visitor.session) if sessions is not None and visitor.session is not None else None,
        "token": visitors.token(visitor.session),
        "recreateSeconds": session.settings.recreate_delay_seconds,
    }


def _places(session: Session, visitor: Visitor, *, is_signed_in: bool) -> list[list[str]]:
    """Return the accounts and regions that have queues: of the user's account where somebody signed in."""
    found = {(visitor.caller.account, visitor.caller.region)}
    namespaces: list[bytes] = []
    with contextlib.suppress(StoreUnavailable):  # the page shows the condition of the store
        namespaces = registry.namespaces(session.store)
    for namespace in namespaces:
        account, region = keys.namespace(namespace)
        is_shown = account.isprintable() and not QueueRef(account, region, "").is_topic
        if is_shown and (not is_signed_in or account == visitor.caller.account):
            found.add((account, region))
    return [list(place) for place in sorted(found)[:_MOST_PLACES]]

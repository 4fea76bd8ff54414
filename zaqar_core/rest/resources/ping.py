"""Whether the service can do its work."""

from __future__ import annotations

from zaqar_core.rest import documents
from zaqar_core.rest.call import Call
from zaqar_core.web.call import Reply


def get(call: Call) -> Reply:
    """204 when the store answers; StoreUnavailable is 503."""
    call.session.store.command("PING")
    return documents.empty()


def head(call: Call) -> Reply:
    """204: the service itself answers."""
    del call
    return documents.empty()


def health(call: Call) -> Reply:
    """200 with ``{"storage_reachable": true}``; StoreUnavailable is 503."""
    call.session.store.command("PING")
    return documents.reply({"storage_reachable": True, "operation_status": {}})

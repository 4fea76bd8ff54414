"""Health: whether the store can be reached, and a report that runs each operation."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from typing import Any

from zaqar_core.core import claims, messages, queues
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import QueueNotFound, StoreUnavailable
from zaqar_core.domain.model import Counts, NewMessage, QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.pools import administration
from zaqar_core.rest import documents
from zaqar_core.rest.call import RestCall
from zaqar_core.web.envelope import Reply

_log = logging.getLogger("sqs_facade.zaqar")

#: Project of the queues that the report creates. No client can name it, because a header cannot hold a line break.
_PROJECT = "health\nreport"
#: ttl and grace of the report's messages and claims.
_TTL_SECONDS = 60


def ping(call: RestCall) -> Reply:
    """Return 204 when the store can be reached, else 503."""
    call.session.store.ping()
    return documents.empty()


def head(call: RestCall) -> Reply:
    """Return 204 without a check of the store."""
    del call
    return documents.empty()


def report(call: RestCall) -> Reply:
    """Run each operation on a queue of its own and return 200 with the results, the numbers of all messages, and
    whether the store can be reached.

    With pooling the report has these for each pool, by its name, and whether the catalogue can be reached.
    """
    session = call.session
    reachable = "catalog_reachable" if call.settings.pooling else "storage_reachable"
    try:
        session.store.ping()
    except StoreUnavailable:
        return documents.reply({reachable: False, **({} if call.settings.pooling else {"operation_status": {}})})
    totals = queues.totals(session)
    if not call.settings.pooling:
        status = _operations(session, call.settings.region, None)
        return documents.reply(
            {"storage_reachable": True, "operation_status": status, "message_volume": _volume(totals[""])}
        )
    document: dict[str, Any] = {"catalog_reachable": True}
    for pool in (one.name for one in administration.all_pools(session)):
        status = _operations(session, call.settings.region, pool)
        document[pool] = {
            "storage_reachable": status["create_queue"]["succeeded"],
            "operation_status": status,
            "message_volume": _volume(totals.get(pool, Counts(0, 0, 0))),
        }
    return documents.reply(document)


def _volume(counts: Counts) -> dict[str, int]:
    claimed, free = counts.in_flight, counts.visible + counts.delayed
    return {"free": free, "claimed": claimed, "total": free + claimed}


def _operations(session: Session, region: str, pool: str | None) -> dict[str, Any]:
    """Run each operation in that pool and return its result. ``ref`` finds a failure in the service's log."""
    ref = QueueRef(_PROJECT, region, uuid.uuid4().hex)
    client, posted = uuid.uuid4().bytes, [NewMessage(b"1", "json"), NewMessage(b"2", "json")]
    terms = {"ttl_seconds": _TTL_SECONDS, "grace_seconds": _TTL_SECONDS}
    ids: list[str] = []
    claimed: list[str] = []

    def post() -> None:
        ids.extend(sent.id for sent in messages.post(session, ref, posted, post_bytes=0))

    def claim() -> None:
        created = claims.create(session, ref, limit=1, **terms)
        if created is None:
            raise LookupError("the claim returned no message")
        claimed.append(created.id)

    def list_all() -> None:
        found = messages.list_page(
            session, ref, marker=None, limit=2, except_client_id=client, include_claimed=True, include_delayed=True
        )
        if len(found.messages) != len(posted):
            raise LookupError(f"the listing returned {len(found.messages)} of {len(posted)} messages")

    steps: dict[str, Callable[[], object]] = {
        "create_queue": lambda: queues.create(session, ref, QueueSettings(), creator="zaqar", pool=pool),
        "post_messages": post,
        "claim_messages": claim,
        "list_messages": list_all,
        "delete_messages": lambda: messages.delete_by_id(session, ref, ids[0], claim_id=claimed[0]),
        "delete_claim": lambda: claims.release(session, ref, claimed[0]),
        "bulk_delete_messages": lambda: messages.delete_many(session, ref, ids),
        "delete_queue": lambda: _delete(session, ref),
    }
    return {name: _timed(name, step) for name, step in steps.items()}


def _delete(session: Session, ref: QueueRef) -> None:
    try:
        queues.delete(session, ref)
    except QueueNotFound:
        raise LookupError("the queue does not exist any more") from None


def _timed(name: str, step: Callable[[], object]) -> dict[str, Any]:
    began, reference = time.monotonic(), None
    try:
        step()
    except Exception:
        reference = str(uuid.uuid4())
        _log.exception("%s of the health report failed (ref %s)", name, reference)
    return {"succeeded": reference is None, "seconds": time.monotonic() - began, "ref": reference}

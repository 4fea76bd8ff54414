"""Read a queue for the peek endpoint page by page, in little memory however long the queue is."""

from __future__ import annotations

from collections.abc import Iterator

from zaqar_core.core import messages
from zaqar_core.core.session import Session
from zaqar_core.domain.model import StoredMessage
from zaqar_core.domain.names import QueueRef

#: Bytes of bodies that a page should have. Its last messages may exceed it.
PAGE_BYTES = 1 << 20
#: Messages of the first page, which may all have the greatest length, and of any page.
_FIRST_MESSAGES, _MOST_MESSAGES = 4, 64


def pages(
    session: Session, ref: QueueRef, *, invisible: bool, delayed: bool, after: int = 0, limit: int | None = None
) -> Iterator[list[StoredMessage]]:
    """Yield the messages of a queue in order, without those that are sent later than the first page is read.

    ``after`` is the position behind which they begin, ``limit`` is the most of them.

    Messages in flight are left out unless ``invisible``, and with them their groups in a FIFO queue, which they lock.
    """
    locked: set[str | None] = set()
    if ref.is_fifo and not invisible:
        # A message of a group may be in flight behind a visible one, so the locks must be known before the first page.
        for page in _pages(session, ref, invisible=True, delayed=delayed):
            locked.update(one.group for one in page if one.held)
    left = limit
    for page in _pages(session, ref, invisible=invisible, delayed=delayed, after=after):
        found = [one for one in page if one.group not in locked] if locked else page
        yield found[:left]
        if left is not None:
            left -= len(found)
            if left <= 0:
                return


def _pages(
    session: Session, ref: QueueRef, *, invisible: bool, delayed: bool, after: int = 0
) -> Iterator[list[StoredMessage]]:
    limit, end_ms = _FIRST_MESSAGES, None
    marker: str | None = str(after)
    while True:
        page = messages.list_page(
            session,
            ref,
            marker=marker,
            limit=limit,
            except_client_id=None,
            include_claimed=invisible,
            include_delayed=delayed,
        )
        found = page.messages
        if not found:
            return
        end_ms = found[0].now_ms if end_ms is None else end_ms
        known = [one for one in found if one.sent_ms <= end_ms]
        yield known
        if len(found) < limit or len(known) < len(found):
            return
        marker = page.marker
        longest = max(len(one.body) for one in found)
        limit = max(1, min(2 * limit, _MOST_MESSAGES, PAGE_BYTES // max(longest, 1)))

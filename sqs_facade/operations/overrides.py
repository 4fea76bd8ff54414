"""Two request headers by which tests lift ReceiveMessage's limits, as users of other emulators know them.

``x-localstack-sqs-override-message-count`` stands for MaxNumberOfMessages, ``...-override-wait-time-seconds`` for
WaitTimeSeconds. With the second the call waits until it has as many messages as were asked for, or the time is over.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from sqs_facade.bounds import Bounds, between
from sqs_facade.errors import invalid
from zaqar_core.core import leases
from zaqar_core.core.session import Session
from zaqar_core.domain import limits
from zaqar_core.domain.model import StoredMessage
from zaqar_core.domain.names import QueueRef

COUNT_HEADER = "HTTP_X_LOCALSTACK_SQS_OVERRIDE_MESSAGE_COUNT"
WAIT_HEADER = "HTTP_X_LOCALSTACK_SQS_OVERRIDE_WAIT_TIME_SECONDS"

#: Of a wrong value, in the error.
_SHOWN_CHARACTERS = 80
_REASON = "Must be between {least} and {most}."
_COUNT = between("x-localstack-sqs-override-message-count", limits.OVERRIDDEN_MESSAGES, "", _REASON)
_WAIT = between("x-localstack-sqs-override-wait-time-seconds", limits.OVERRIDDEN_WAIT_SECONDS, "s", _REASON)


def receive(
    session: Session, ref: QueueRef, environ: Mapping[str, Any], *, max_messages: int, wait_seconds: int | None,
    visibility_seconds: int | None,
) -> list[StoredMessage]:  # fmt: skip
    """Messages leased under the limits of the headers. Raises InvalidParameterValue for other header values."""
    most = _number(environ.get(COUNT_HEADER), _COUNT) or max_messages
    wait = _number(environ.get(WAIT_HEADER), _WAIT)
    if wait is None:
        return leases.receive(
            session, ref, max_messages=most, visibility_seconds=visibility_seconds, wait_seconds=wait_seconds
        )
    deadline = time.monotonic() + wait
    found: dict[str, StoredMessage] = {}
    while len(found) < most:
        more = leases.receive(
            session,
            ref,
            max_messages=most - len(found),
            visibility_seconds=visibility_seconds,
            wait_seconds=max(0, math.ceil(deadline - time.monotonic())),
        )
        before = len(found)
        found |= {one.id: one for one in more}
        if len(found) == before:  # time is over, or what was leased before has come back
            break
    return list(found.values())


def _number(text: str | None, allowed: Bounds) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise invalid(text[:_SHOWN_CHARACTERS], allowed.parameter, allowed.reason)
    allowed.check(int(text))
    return int(text)

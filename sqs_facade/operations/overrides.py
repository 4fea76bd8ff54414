"""Two request headers that lift the limits of ReceiveMessage for tests. Other emulators support them too.

``x-localstack-sqs-override-message-count`` replaces MaxNumberOfMessages, ``...-override-wait-time-seconds`` replaces
WaitTimeSeconds. With the second header the call waits until it has the requested number of messages or the time is up.
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
from zaqar_core.domain.digits import whole_number
from zaqar_core.domain.model import StoredMessage
from zaqar_core.domain.names import QueueRef

COUNT_HEADER = "HTTP_X_LOCALSTACK_SQS_OVERRIDE_MESSAGE_COUNT"
WAIT_HEADER = "HTTP_X_LOCALSTACK_SQS_OVERRIDE_WAIT_TIME_SECONDS"

#: Characters of a wrong value that the error quotes.
_SHOWN_CHARACTERS = 80
_REASON = "Must be between {least} and {most}."
_COUNT = between("x-localstack-sqs-override-message-count", limits.OVERRIDDEN_MESSAGES, "", _REASON)
_WAIT = between("x-localstack-sqs-override-wait-time-seconds", limits.OVERRIDDEN_WAIT_SECONDS, "s", _REASON)


def receive(
    session: Session, ref: QueueRef, environ: Mapping[str, Any], *, max_messages: int, wait_seconds: int | None,
    visibility_seconds: int | None,
) -> list[StoredMessage]:  # fmt: skip
    """Receive messages within the limits of the headers. Raises SqsError InvalidParameterValue for a bad header."""
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
        if len(found) == before:  # the time is up, or messages that were received above are visible again
            break
    return list(found.values())


def _number(text: str | None, allowed: Bounds) -> int | None:
    if text is None:
        return None
    number = whole_number(text, most=9)
    if number is None:
        raise invalid(text[:_SHOWN_CHARACTERS], allowed.parameter, allowed.reason)
    allowed.check(number)
    return number

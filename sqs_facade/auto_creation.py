"""Create a queue that does not exist when a request uses it: the setting ``auto_create_queues``.

A face has no such object while the setting is empty, and asks it only after an operation has found no queue.
"""

from __future__ import annotations

import fnmatch
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from sqs_facade import addresses, rights
from sqs_facade.errors import SqsError
from sqs_facade.operations import queues as creation
from sqs_facade.registry import Operation, SqsCall
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import AccessDenied, TooManyQueues
from zaqar_core.domain.names import QueueRef

#: Operations that create a queue. The others (deletion, purge, changes) have nothing to do on a new one.
OPERATIONS = frozenset(("SendMessage", "SendMessageBatch", "ReceiveMessage", "GetQueueUrl", "GetQueueAttributes"))

#: Returns attributes and tags of a new queue.
Defaults = Callable[[QueueRef], tuple[Mapping[str, str], Mapping[str, str]]]

_log = logging.getLogger("sqs_facade.sqs")


def plain(ref: QueueRef) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the attributes and tags of a queue without defaults of its own."""
    return ({"FifoQueue": "true"} if ref.is_fifo else {}), {}


def configured(settings: Settings, defaults: Defaults = plain) -> AutoCreation | None:
    """Return the automatic creation of the settings; None if it is off."""
    return AutoCreation(settings.auto_create_queues, defaults) if settings.auto_create_queues else None


class AutoCreation:
    """Creates queues whose names match one of the patterns, in which ``*`` and ``?`` stand for other characters."""

    def __init__(self, patterns: tuple[str, ...], defaults: Defaults) -> None:
        self._matches = re.compile("|".join(map(fnmatch.translate, patterns))).match
        self._defaults = defaults
        self._logged: set[str] = set()

    def creates(self, operation: Operation, call: SqsCall, parameters: Any) -> bool:
        """Create the queue of a request whose operation has not found it; return whether it exists now.

        A caller needs the right to create it, in its own account. Raises StoreUnavailable.
        """
        ref = _queue(operation, call, parameters)
        if ref is None or not self._matches(ref.name) or not addresses.is_name(ref.name):
            return False
        attributes, tags = self._defaults(ref)
        try:
            if call.authorizer is not None:
                rights.require_creation(call.authorizer, call, ref.name, has_tags=bool(tags))
            creation.create(call.session, ref, attributes, tags)
        except AccessDenied:
            return False
        except (SqsError, TooManyQueues) as problem:
            self._log_once(ref, problem.message if isinstance(problem, SqsError) else f"{problem.limit} queues exist")
            return False
        call.request.note.is_administrative = True
        return True

    def _log_once(self, ref: QueueRef, reason: str) -> None:
        if reason not in self._logged:
            self._logged.add(reason)
            _log.warning("cannot create queue %s automatically: %s", ref.name, reason)


def _queue(operation: Operation, call: SqsCall, parameters: Any) -> QueueRef | None:
    """Return the queue that the request may create; None for other operations, and for queues of other accounts."""
    if operation.name not in OPERATIONS:
        return None
    if operation.has_queue:
        ref = call.queue(parameters.queue_url)
    else:
        ref = QueueRef(parameters.owner_account or call.caller.account, call.caller.region, parameters.queue_name)
    return ref if ref.project == call.caller.account else None

"""A call of the console's API as its functions receive it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqs_facade import addresses, rights
from sqs_facade.console.errors import ConsoleError
from sqs_facade.console.overview import Overviews
from sqs_facade.registry import OPERATIONS, SqsCall
from zaqar_core.core.session import Session
from zaqar_core.domain.digits import whole_number
from zaqar_core.domain.errors import QueueNotFound
from zaqar_core.domain.names import QueueRef
from zaqar_core.store.conditions import StoreCondition


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the call of SQS that it stands for, the parameters of its query, and what all calls share."""

    sqs: SqsCall
    parameters: dict[str, str]
    overviews: Overviews
    #: Returns the condition of every server of the stores.
    conditions: Callable[[], list[StoreCondition]]

    @property
    def session(self) -> Session:
        """The session of the core."""
        return self.sqs.session

    def queue(self, operation: str) -> QueueRef:
        """Return the queue that the call names, after a check of the right to an operation on it.

        Raises QueueNotFound for what is no name, AccessDenied.
        """
        name = self.parameters.get("queue", "")
        if not addresses.is_addressed(name):
            raise QueueNotFound
        ref = QueueRef(*self.sqs.caller, name)
        note = self.sqs.request.note
        note.queue = ref
        note.is_administrative = OPERATIONS[operation].is_administrative
        if self.sqs.authorizer is not None:
            rights.require_on_queue(self.sqs.authorizer, self.sqs, ref, operation)
        return ref

    def may(self, ref: QueueRef, operation: str, policy: str) -> bool:
        """Return whether an operation on a queue with that policy is allowed."""
        authorizer = self.sqs.authorizer
        return authorizer is None or authorizer.allows(rights.question(self.sqs, ref, operation), ref, policy)

    def require_listing(self) -> None:
        """Require the right to list the account's queues. Raises AccessDenied."""
        operation = OPERATIONS["ListQueues"]
        if self.sqs.authorizer is not None:
            rights.require(self.sqs.authorizer, operation, self.sqs, operation.parameters())

    def number(self, name: str, *, default: int, most: int) -> int:
        """Return a whole number of the query. Raises ConsoleError."""
        text = self.parameters.get(name, "")
        if not text:
            return default
        number = whole_number(text, most=9)
        if number is None or number > most:
            raise ConsoleError(400, "InvalidRequest", f"The parameter {name} must be a whole number up to {most}.")
        return number

    def flag(self, name: str) -> bool:
        """Return whether a flag of the query is set."""
        return self.parameters.get(name, "") in ("1", "true")

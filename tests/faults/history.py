"""What concurrent clients saw: each attempt to send, each message that they received, and what became of it.

Times are this machine's monotonic clock, taken around each call: what happened lies between ``began`` and ``ended``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

#: Queues that clients use, and the dead-letter queues of those that have one.
DEAD = {"standard": "standard-dead", "fair": "fair-dead", "ordered.fifo": "ordered-dead.fifo"}
#: The queue from which Zaqar clients pop. A pop whose response is lost takes its messages along, so it has its own.
POPPED = "popped"
QUEUES = (*DEAD, POPPED)
#: Receives of a message that nobody deletes, before it is a dead letter.
MOST_RECEIVES = 3
#: Of a lease by SQS: short, so that many leases end.
VISIBILITY_SECONDS = 1
#: Of a claim: the shortest that Zaqar allows.
CLAIM_SECONDS = 60

#: ``refused``: the service said that the request is wrong. ``unknown``: no response, or a 5xx.
Outcome = Literal["done", "refused", "unknown"]


class Label(NamedTuple):
    """The content of a message body."""

    producer: str
    #: Rises with each message of the producer. All messages of a group come from one producer.
    number: int
    group: str
    #: ``poison`` is never deleted; ``bad`` has a parameter that every service must refuse.
    kind: Literal["plain", "poison", "bad"]

    def body(self) -> str:
        return f"{self.producer}:{self.number}:{self.group}:{self.kind}"


def label(body: str) -> Label:
    """Return the label that is the body of a message."""
    producer, number, group, kind = body.split(":")
    return Label(producer, int(number), group, kind)  # type: ignore[arg-type] # written by ``Label.body``


@dataclass(slots=True)
class Sent:
    """A message that a client tried to send, and the last outcome."""

    queue: str
    body: str
    outcome: Outcome
    message_id: str = ""
    sequence: int = 0
    #: Of a Zaqar POST, which is stored as a whole; 0 for SQS.
    post: int = 0
    #: The error code of a refusal.
    reason: str = ""


@dataclass(slots=True)
class Delivery:
    """One message of one response."""

    queue: str
    body: str
    message_id: str
    began: float
    ended: float
    #: Number of the response.
    answer: int
    lease_seconds: float
    #: ApproximateReceiveCount; 0 where the dialect does not show it.
    count: int = 0
    #: SequenceNumber; 0 where there is none.
    sequence: int = 0
    handle: str = ""
    #: When its consumer began to delete, release or change it.
    touched: float | None = None
    #: Of the deletion; None if its consumer did not try to delete it.
    deletion: Outcome | None = None
    #: When the deletion was acknowledged.
    gone: float | None = None


@dataclass(slots=True)
class Left:
    """A message that is still in a queue at the end."""

    queue: str
    body: str
    message_id: str


@dataclass(slots=True)
class History:
    """Everything that clients saw. Many threads append to the lists."""

    sent: list[Sent] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    #: Queue and limit of each pop and each claim without a known outcome: it may have taken that many messages.
    lost_pops: list[tuple[str, int]] = field(default_factory=list)
    lost_claims: list[tuple[str, int]] = field(default_factory=list)
    #: Entries of batches that are missing in the response, or in it twice.
    unanswered: list[str] = field(default_factory=list)
    #: Calls without a known outcome, by their operation.
    unknown: list[str] = field(default_factory=list)
    #: Injected faults, by name.
    faults: list[str] = field(default_factory=list)

    def acknowledged(self) -> int:
        """Return the number of acknowledged sends."""
        return sum(one.outcome == "done" for one in self.sent)

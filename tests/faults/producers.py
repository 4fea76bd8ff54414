"""Clients that send: single messages, batches, and Zaqar posts."""

from __future__ import annotations

import itertools
import time
from typing import Any

from tests.faults.clients import Client
from tests.faults.history import DEAD, POPPED, QUEUES, Label, Outcome, Sent
from tests.faults.wire import Refused, Unknown

GROUPS = 8
#: Between two calls of a producer, so that consumers keep up.
_PAUSE_SECONDS = 0.008
#: One message in so many is never deleted.
_POISON_EVERY = 25
#: Part of the FIFO messages that are sent again although they were acknowledged.
_AGAIN = 0.1
#: Above the limit of SQS.
_BAD_DELAY_SECONDS = 901

_posts = itertools.count(1)


class Producer(Client):
    """Numbers its messages and chooses their groups, which no other producer uses."""

    number = 0

    def labels(self, queue: str, size: int, *, may_be_bad: bool = False) -> list[Label]:
        """Return the labels of the next messages."""
        return [self._label(queue, may_be_bad=may_be_bad and size > 1) for _ in range(size)]

    def _label(self, queue: str, *, may_be_bad: bool) -> Label:
        self.number += 1
        group = f"{self.name}-{self.random.randrange(GROUPS)}"
        if may_be_bad and self.random.random() < 0.1:
            return Label(self.name, self.number, group, "bad")
        is_poison = queue in DEAD and self.random.randrange(_POISON_EVERY) == 0
        return Label(self.name, self.number, group, "poison" if is_poison else "plain")


class SqsProducer(Producer):
    """Sends to all queues, half of the messages in batches.

    On FIFO an unknown outcome is tried again under the same deduplication id until it is known; elsewhere the next
    message follows.
    """

    def act(self) -> None:
        queue = self.random.choice(QUEUES)
        if self.random.random() < 0.5:
            [label] = self.labels(queue, 1)
            self._send(queue, label)
            if queue.endswith(".fifo") and self.random.random() < _AGAIN:
                self._send(queue, label)
        else:
            self._send_batch(queue, self.labels(queue, self.random.randint(2, 10), may_be_bad=True))
        time.sleep(_PAUSE_SECONDS)

    def _send(self, queue: str, label: Label) -> None:
        sent = Sent(queue, label.body(), "unknown")
        while True:
            try:
                answer = self.sqs("SendMessage", QueueUrl=queue, **_members(queue, label))
                _accept(sent, answer)
            except Refused as problem:
                sent.outcome, sent.reason = "refused", problem.code
            except Unknown:
                if queue.endswith(".fifo") and not self.ended.is_set():
                    continue
            break
        self.history.sent.append(sent)

    def _send_batch(self, queue: str, labels: list[Label]) -> None:
        """Send a batch. On FIFO a batch without a known outcome is sent again as a whole, so that its order stays."""
        asked = {str(at): Sent(queue, one.body(), "unknown") for at, one in enumerate(labels)}
        entries = [{"Id": str(at), **_members(queue, one)} for at, one in enumerate(labels)]
        while True:
            try:
                self._read(asked, self.sqs("SendMessageBatch", QueueUrl=queue, Entries=entries))
            except Refused as problem:
                for sent in asked.values():
                    sent.outcome, sent.reason = "refused", problem.code
            except Unknown:
                if queue.endswith(".fifo") and not self.ended.is_set():
                    continue
            break
        self.history.sent += asked.values()

    def _read(self, asked: dict[str, Sent], answer: dict[str, Any]) -> None:
        """Record the outcome of each entry."""
        found = [*answer.get("Successful", []), *answer.get("Failed", [])]
        if sorted(one["Id"] for one in found) != sorted(asked):
            self.history.unanswered.append(f"{sorted(asked)}: {answer}")
        for one in answer.get("Successful", []):
            _accept(asked[one["Id"]], one)
        for one in answer.get("Failed", []):
            if one["SenderFault"]:
                asked[one["Id"]].outcome, asked[one["Id"]].reason = "refused", one["Code"]
            else:
                self.history.unknown.append("SendMessageBatch entry")


class ZaqarProducer(Producer):
    """Posts one to five messages at once to the queues without order; SQS's parameters have no place there."""

    def act(self) -> None:
        queue = self.random.choice(("standard", "fair", POPPED))
        labels = self.labels(queue, self.random.randint(1, 5))
        posted = {"messages": [{"body": one.body(), "ttl": 3600} for one in labels]}
        outcome: Outcome = "done"
        ids: list[str] = [""] * len(labels)
        reason = ""
        try:
            answer, _ = self.zaqar("post", "POST", f"{queue}/messages", posted)
            ids = [path.rpartition("/")[2] for path in answer["resources"]]
        except Refused as problem:
            outcome, reason = "refused", problem.code
        except Unknown:
            outcome = "unknown"
        post = next(_posts)
        self.history.sent += [
            Sent(queue, one.body(), outcome, message_id, post=post, reason=reason)
            for one, message_id in zip(labels, ids, strict=True)
        ]
        time.sleep(_PAUSE_SECONDS)


def _members(queue: str, label: Label) -> dict[str, Any]:
    members: dict[str, Any] = {"MessageBody": label.body()}
    if queue in ("fair", "ordered.fifo"):
        members["MessageGroupId"] = label.group
    if queue.endswith(".fifo"):
        members["MessageDeduplicationId"] = f"{label.producer}-{label.number}"
    if label.kind == "bad":
        members["DelaySeconds"] = _BAD_DELAY_SECONDS
    return members


def _accept(sent: Sent, answer: dict[str, Any]) -> None:
    sent.outcome, sent.message_id = "done", answer["MessageId"]
    sent.sequence = int(answer.get("SequenceNumber", 0))

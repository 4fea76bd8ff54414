"""Clients that receive. They delete most messages, release some, extend some, and let the leases of others end."""

from __future__ import annotations

import contextlib
import itertools
import time
from typing import Any

from tests.faults.clients import Client
from tests.faults.history import CLAIM_SECONDS, DEAD, POPPED, QUEUES, VISIBILITY_SECONDS, Delivery, label
from tests.faults.wire import Refused, Unknown, Unsent

_answers = itertools.count(1)


class Consumer(Client):
    """``is_diligent`` deletes whatever it receives, at once, but no poison."""

    is_diligent = False

    def wants_to_delete(self, one: Delivery) -> bool:
        return label(one.body).kind != "poison" and (self.is_diligent or self.random.random() < 0.9)


class SqsConsumer(Consumer):
    """Receives from all queues, and deletes one by one or in batches."""

    def act(self) -> None:
        found = self.receive(self.random.choice(QUEUES), wait_seconds=self.random.choice((0, 1, 2)))
        deleted = [one for one in found if self.wants_to_delete(one)]
        for one in found:
            if one not in deleted and label(one.body).kind != "poison" and self.random.random() < 0.6:
                self._change_visibility(one)
        if len(deleted) > 1 and self.random.random() < 0.5:
            self._delete_batch(deleted)
        else:
            for one in deleted:
                self.delete(one)

    def receive(self, queue: str, *, wait_seconds: int, lease_seconds: int = VISIBILITY_SECONDS) -> list[Delivery]:
        """Receive messages and record them; none if the outcome is unknown."""
        began = time.monotonic()
        try:
            answer = self.sqs(
                "ReceiveMessage",
                QueueUrl=queue,
                MaxNumberOfMessages=self.random.choice((1, 3, 10)),
                WaitTimeSeconds=wait_seconds,
                VisibilityTimeout=lease_seconds,
                AttributeNames=["All"],
            )
        except Unknown:
            return []
        ended, number = time.monotonic(), next(_answers)
        found = [_delivery(queue, one, began, ended, number, lease_seconds) for one in answer.get("Messages", [])]
        self.history.deliveries += found
        return found

    def delete(self, one: Delivery) -> None:
        """Delete a message, and record the outcome."""
        one.touched, one.deletion = time.monotonic(), "unknown"
        try:
            self.sqs("DeleteMessage", QueueUrl=one.queue, ReceiptHandle=one.handle)
            one.deletion, one.gone = "done", time.monotonic()
        except Refused:
            one.deletion = "refused"
        except Unknown:
            pass

    def _delete_batch(self, found: list[Delivery]) -> None:
        """Delete messages of one queue, and an entry whose handle is invalid, which must fail alone."""
        began = time.monotonic()
        for one in found:
            one.touched, one.deletion = began, "unknown"
        entries = [{"Id": str(at), "ReceiptHandle": one.handle} for at, one in enumerate(found[:9])]
        for one in found[9:]:
            one.touched = one.deletion = None
        entries.append({"Id": "bad", "ReceiptHandle": "not-a-handle"})
        try:
            answer = self.sqs("DeleteMessageBatch", QueueUrl=found[0].queue, Entries=entries)
        except (Refused, Unknown):
            return
        ended = time.monotonic()
        done = {one["Id"] for one in answer.get("Successful", [])}
        failed = {one["Id"]: one["SenderFault"] for one in answer.get("Failed", [])}
        if done | failed.keys() != {one["Id"] for one in entries} or done & failed.keys() or "bad" in done:
            self.history.unanswered.append(f"deletion of {len(entries)}: {answer}")
        for at, one in enumerate(found[:9]):
            if str(at) in done:
                one.deletion, one.gone = "done", ended
            elif failed.get(str(at)):
                one.deletion = "refused"

    def _change_visibility(self, one: Delivery) -> None:
        one.touched = time.monotonic()
        new = self.random.choice((0, 0, 1, 3))
        with contextlib.suppress(Refused, Unknown):
            self.sqs("ChangeMessageVisibility", QueueUrl=one.queue, ReceiptHandle=one.handle, VisibilityTimeout=new)


class ZaqarConsumer(Consumer):
    """Claims, deletes under the claim or in bulk, and releases the claim; pops from the queue for pops."""

    def act(self) -> None:
        if self.random.random() < 0.3:
            self._pop()
        else:
            self._claim(self.random.choice(tuple(DEAD)))
        time.sleep(0.02)

    def _pop(self) -> None:
        limit, began = self.random.choice((1, 5)), time.monotonic()
        try:
            answer, _ = self.zaqar("pop", "DELETE", f"{POPPED}/messages?pop={limit}")
        except Unsent:
            return
        except Unknown:
            self.history.lost_pops.append((POPPED, limit))
            return
        ended, number = time.monotonic(), next(_answers)
        for one in answer["messages"]:
            found = Delivery(POPPED, one["body"], one["id"], began, ended, number, 0, int(one.get("claim_count", 0)))
            found.touched, found.deletion, found.gone = began, "done", ended
            self.history.deliveries.append(found)

    def _claim(self, queue: str) -> None:
        limit, began = self.random.choice((1, 5)), time.monotonic()
        asked = {"ttl": CLAIM_SECONDS, "grace": CLAIM_SECONDS}
        try:
            answer, path = self.zaqar("claim", "POST", f"{queue}/claims?limit={limit}", asked)
        except Unsent:
            return
        except Unknown:
            self.history.lost_claims.append((queue, limit))
            return
        ended, number = time.monotonic(), next(_answers)
        claim = path.rpartition("/")[2]
        found = [
            Delivery(queue, one["body"], one["href"].rpartition("/")[2].partition("?")[0], began, ended, number,
                     CLAIM_SECONDS)
            for one in answer.get("messages", [])
        ]  # fmt: skip
        self.history.deliveries += found
        for one in found:
            if self.wants_to_delete(one):
                self._delete(one, claim)
        if found:
            self._release(queue, claim, found, limit)

    def _delete(self, one: Delivery, claim: str) -> None:
        one.touched, one.deletion = time.monotonic(), "unknown"
        bulk = f"{one.queue}/messages?ids={one.message_id}"
        single = f"{one.queue}/messages/{one.message_id}?claim_id={claim}"
        try:
            self.zaqar("delete", "DELETE", bulk if self.random.random() < 0.3 else single)
            one.deletion, one.gone = "done", time.monotonic()
        except Refused:
            one.deletion = "refused"
        except Unknown:
            pass

    def _release(self, queue: str, claim: str, found: list[Delivery], limit: int) -> None:
        began = time.monotonic()
        for one in found:
            one.touched = one.touched or began
        try:
            self.zaqar("release", "DELETE", f"{queue}/claims/{claim}")
        except Refused:
            pass
        except Unknown:
            self.history.lost_claims.append((queue, limit))


def _delivery(
    queue: str, message: dict[str, Any], began: float, ended: float, number: int, lease_seconds: float
) -> Delivery:
    attributes = message["Attributes"]
    return Delivery(
        queue,
        message["Body"],
        message["MessageId"],
        began,
        ended,
        number,
        lease_seconds,
        int(attributes["ApproximateReceiveCount"]),
        int(attributes.get("SequenceNumber", 0)),
        message["ReceiptHandle"],
    )

"""The service by HTTP and JSON, as a client library would call it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.model.drivers import ACCOUNT, REGION, START_MS, Accepted, Clock, Received, fresh_prefix
from tests.model.words import Entry, Outcome, SettingsOf
from tests.sqs.wire import Refused, Sqs
from zaqar_core.domain.names import QueueRef

_ATTRIBUTES = {
    "retention_seconds": "MessageRetentionPeriod",
    "delay_seconds": "DelaySeconds",
    "visibility_timeout_seconds": "VisibilityTimeout",
    "max_message_bytes": "MaximumMessageSize",
    "deduplication_scope": "DeduplicationScope",
}
#: An error's code, and a piece of its text where the code alone does not tell.
_OUTCOMES = (
    ("AWS.SimpleQueueService.NonExistentQueue", "", Outcome.NO_QUEUE),
    ("AWS.SimpleQueueService.PurgeQueueInProgress", "", Outcome.PURGE_IN_PROGRESS),
    ("OverLimit", "", Outcome.OVER_LIMIT),
    ("ReceiptHandleIsInvalid", "", Outcome.RECEIPT_INVALID),
    ("InvalidParameterValue", "Message must be shorter than", Outcome.MESSAGE_TOO_LONG),
    ("InvalidParameterValue", "ContentBasedDeduplication", Outcome.DEDUP_ID_MISSING),
    ("InvalidParameterValue", "Message does not exist or is not available", Outcome.NOT_IN_FLIGHT),
    ("InvalidParameterValue", "The receipt handle has expired", Outcome.LEASE_EXPIRED),
    ("InvalidParameterValue", "Total VisibilityTimeout", Outcome.VISIBILITY_TOO_LONG),
    ("InvalidParameterValue", "since the receive call is not retryable", Outcome.NOT_RETRYABLE),
)


def _outcome(code: str, text: str) -> Outcome:
    for known_code, piece, outcome in _OUTCOMES:
        if code == known_code and piece in text:
            return outcome
    raise AssertionError(f"an error that the model has not: {code}: {text}")


class HttpDriver:
    """As CoreDriver, through the wire. The clock is the store's, which the test shares with the service."""

    def __init__(self, sqs: Sqs, clock: Clock) -> None:
        self.sqs = sqs
        self.clock = clock
        self.now_ms = START_MS
        self.prefix = fresh_prefix()
        self.urls: dict[str, str] = {}

    def ref(self, name: str) -> QueueRef:
        return QueueRef(ACCOUNT, REGION, self.prefix + name)

    def _url(self, name: str) -> str:
        return f"{self.sqs.url}/{ACCOUNT}/{self.prefix}{name}"

    def _attributes(self, settings: SettingsOf) -> dict[str, str]:
        found = {_ATTRIBUTES[name]: str(value) for name, value in settings.items() if name in _ATTRIBUTES}
        if "content_based_deduplication" in settings:
            found["ContentBasedDeduplication"] = "true" if settings["content_based_deduplication"] else "false"
        if "dead_letter_queue" in settings:
            arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.prefix}{settings['dead_letter_queue']}"
            most = settings["max_receive_count"]
            found["RedrivePolicy"] = f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":{most}}}'
        return found

    def create(self, name: str, settings: SettingsOf) -> None:
        attributes = self._attributes(settings)
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        try:
            self.urls[name] = self.sqs.queue(self.prefix + name, **attributes)
        except Refused as refusal:
            # There it is, otherwise; the model leaves it as it is, and so must the service.
            if refusal.code != "QueueAlreadyExists" or name not in self.urls:
                raise
            return
        self.clock.freeze(self.ref(name), self.now_ms)

    def drop(self, name: str) -> Outcome:
        outcome = self._done("DeleteQueue", name)
        self.urls.pop(name, None)
        return outcome

    def _done(self, operation: str, name: str, **members: Any) -> Outcome:
        try:
            self.sqs.call(operation, QueueUrl=self._url(name), **members)
        except Refused as refusal:
            return _outcome(refusal.code, refusal.message)
        return Outcome.OK

    def change(self, name: str, settings: SettingsOf, forgotten: Sequence[str] = ()) -> Outcome:
        attributes = self._attributes(settings)
        if "dead_letter_queue" in forgotten:
            attributes["RedrivePolicy"] = ""
        return self._done("SetQueueAttributes", name, Attributes=attributes)

    def send(self, name: str, entries: Sequence[Entry]) -> list[Accepted | Outcome]:
        if len(entries) == 1:
            try:
                return [self._accepted(self.sqs.call("SendMessage", QueueUrl=self._url(name), **_message(entries[0])))]
            except Refused as refusal:
                return [_outcome(refusal.code, refusal.message)]
        batch = [{"Id": str(at), **_message(entry)} for at, entry in enumerate(entries)]
        found = self._batch("SendMessageBatch", name, batch)
        return [one if isinstance(one, Outcome) else self._accepted(one) for one in found]

    def _accepted(self, answer: dict[str, Any]) -> Accepted:
        sequence = answer.get("SequenceNumber")
        return Accepted(answer["MessageId"], int(sequence) if sequence else None)

    def _batch(self, operation: str, name: str, entries: list[dict[str, Any]]) -> list[dict[str, Any] | Outcome]:
        """What became of each entry, in their order."""
        try:
            answer = self.sqs.call(operation, QueueUrl=self._url(name), Entries=entries)
        except Refused as refusal:
            return [_outcome(refusal.code, refusal.message)]
        found: dict[str, dict[str, Any] | Outcome] = {one["Id"]: one for one in answer.get("Successful", [])}
        found |= {one["Id"]: _outcome(one["Code"], one["Message"]) for one in answer.get("Failed", [])}
        assert len(found) == len(entries)
        return [found[entry["Id"]] for entry in entries]

    def receive(
        self, name: str, most: int, visibility_seconds: int | None, attempt_id: str | None = None
    ) -> list[Received] | Outcome:
        more: dict[str, Any] = {} if visibility_seconds is None else {"VisibilityTimeout": visibility_seconds}
        if attempt_id is not None:
            more["ReceiveRequestAttemptId"] = attempt_id
        try:
            found = self.sqs.receive(
                self._url(name), MaxNumberOfMessages=most, WaitTimeSeconds=0, AttributeNames=["All"], **more
            )
        except Refused as refusal:
            return _outcome(refusal.code, refusal.message)
        return [self._received(message) for message in found]

    def _received(self, message: dict[str, Any]) -> Received:
        attributes = message["Attributes"]
        sequence = attributes.get("SequenceNumber")
        source = attributes.get("DeadLetterQueueSourceArn")
        return Received(
            id=message["MessageId"],
            body=message["Body"].encode(),
            group=attributes.get("MessageGroupId"),
            dedup_id=attributes.get("MessageDeduplicationId"),
            sequence=int(sequence) if sequence else None,
            sent_ms=int(attributes["SentTimestamp"]),
            receive_count=int(attributes["ApproximateReceiveCount"]),
            first_received_ms=int(attributes["ApproximateFirstReceiveTimestamp"]),
            source=source.rsplit(":", 1)[1].removeprefix(self.prefix) if source else None,
            handle=message["ReceiptHandle"],
        )

    def extend(self, name: str, changes: Sequence[tuple[Any, int]]) -> list[Outcome]:
        if len(changes) == 1:
            [(handle, seconds)] = changes
            return [self._done("ChangeMessageVisibility", name, ReceiptHandle=handle, VisibilityTimeout=seconds)]
        batch = [
            {"Id": str(at), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
            for at, (handle, seconds) in enumerate(changes)
        ]
        return [_word(one) for one in self._batch("ChangeMessageVisibilityBatch", name, batch)]

    def delete(self, name: str, handles: Sequence[Any]) -> list[Outcome]:
        if len(handles) == 1:
            return [self._done("DeleteMessage", name, ReceiptHandle=handles[0])]
        batch = [{"Id": str(at), "ReceiptHandle": handle} for at, handle in enumerate(handles)]
        return [_word(one) for one in self._batch("DeleteMessageBatch", name, batch)]

    def purge(self, name: str) -> Outcome:
        return self._done("PurgeQueue", name)

    def counts(self, name: str) -> tuple[int, int, int] | Outcome:
        try:
            visible, in_flight, delayed = self.sqs.counts(self._url(name))
        except Refused as refusal:
            return _outcome(refusal.code, refusal.message)
        return int(visible), int(in_flight), int(delayed)

    def advance(self, ms: int) -> None:
        self.now_ms += ms
        for name in self.urls:
            self.clock.advance(self.ref(name), ms)


def _word(found: dict[str, Any] | Outcome) -> Outcome:
    return found if isinstance(found, Outcome) else Outcome.OK


def _message(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {"MessageBody": entry.body.decode()}
    if entry.delay_seconds is not None:
        found["DelaySeconds"] = entry.delay_seconds
    if entry.group is not None:
        found["MessageGroupId"] = entry.group
    if entry.dedup_id is not None:
        found["MessageDeduplicationId"] = entry.dedup_id
    return found

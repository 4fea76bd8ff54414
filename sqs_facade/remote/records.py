"""One form of a message, as a JSON object, in everything that commands print and read.

``send --json-lines`` and ``import`` read what ``receive``, ``peek``, ``tail`` and ``export`` write. Members:

- ``body``: text. When it is read, an object or list is written as compact JSON.
- ``attributes``: name -> ``{"type": "String", "value": "x"}`` or ``{"type": "Binary", "base64": "eA=="}``. When they
  are read, a text stands for a String, a number for a Number, and the form of SQS's own API is accepted.
- ``group_id``, ``deduplication_id``, ``trace_header``: text.
- ``delay_seconds``: a number; only read.
- ``message_id``, ``sequence_number``, ``sender``, ``dead_letter_source``: text; ``sent_ms``, ``first_received_ms``:
  milliseconds since 1970; ``receive_count``: a number; ``system``: other system attributes by name; ``state``: visible,
  in_flight or delayed (peek); ``receipt_handle`` (receive). An endpoint assigns these, so they are not read.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import orjson

_TRACE = "AWSTraceHeader"
#: System attribute -> member, for texts and for numbers.
_TEXTS = {
    "MessageGroupId": "group_id",
    "MessageDeduplicationId": "deduplication_id",
    "SequenceNumber": "sequence_number",
    _TRACE: "trace_header",
    "SenderId": "sender",
    "DeadLetterQueueSourceArn": "dead_letter_source",
}
_NUMBERS = {
    "SentTimestamp": "sent_ms",
    "ApproximateFirstReceiveTimestamp": "first_received_ms",
    "ApproximateReceiveCount": "receive_count",
}
#: Members of an input.
_READ = ("body", "attributes", "group_id", "deduplication_id", "trace_header", "delay_seconds")
_ASSIGNED = ("message_id", "sequence_number", "sender", "dead_letter_source", *_NUMBERS.values(), "system", "state",
             "receipt_handle")  # fmt: skip
_KNOWN = frozenset((*_READ, *_ASSIGNED))
#: Marks of the peek endpoint.
_IS_VISIBLE, _IS_DELAYED, _POSITION = "IsVisible", "IsDelayed", "Position"


class RecordInvalid(Exception):
    """An input is not a message in the form above. The text is one line."""


def of_message(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a message of ReceiveMessage or of the peek endpoint."""
    record: dict[str, Any] = {"message_id": found["MessageId"], "body": found["Body"]}
    attributes = {name: _shown(value) for name, value in (found.get("MessageAttributes") or {}).items()}
    if attributes:
        record["attributes"] = attributes
    system = dict(found.get("Attributes") or {})
    for name, member in _TEXTS.items():
        if name in system:
            record[member] = system.pop(name)
    for name, member in _NUMBERS.items():
        if name in system:
            record[member] = int(system.pop(name))
    is_visible, is_delayed = system.pop(_IS_VISIBLE, None), system.pop(_IS_DELAYED, None)
    system.pop(_POSITION, None)
    if is_visible is not None or is_delayed is not None:
        record["state"] = "delayed" if is_delayed == "true" else "in_flight" if is_visible == "false" else "visible"
    if system:
        record["system"] = system
    if found.get("ReceiptHandle"):
        record["receipt_handle"] = found["ReceiptHandle"]
    return record


def _shown(value: Mapping[str, Any]) -> dict[str, str]:
    content = value.get("BinaryValue")
    if content is None:
        return {"type": value["DataType"], "value": value.get("StringValue", "")}
    text = content if isinstance(content, str) else base64.b64encode(content).decode()
    return {"type": value["DataType"], "base64": text}


def parsed(line: bytes) -> dict[str, Any]:
    """Read a record from a line of JSON. Raises RecordInvalid."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as problem:
        raise RecordInvalid(f"the line is not JSON: {problem}") from None
    if not isinstance(record, dict) or "body" not in record:
        raise RecordInvalid('a line must be an object with a body: {"body": "text"}')
    unknown = [name for name in record if name not in _KNOWN]
    if unknown:
        raise RecordInvalid(f"there is no member {unknown[0]}; known are {', '.join(_READ)}")
    return record


def entry(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of SendMessage for a record, without the queue. Raises RecordInvalid."""
    body = record["body"]
    if isinstance(body, dict | list):
        body = orjson.dumps(body).decode()
    if not isinstance(body, str):
        raise RecordInvalid("body must be a text, an object or a list")
    found: dict[str, Any] = {"MessageBody": body}
    attributes = {} if record.get("attributes") is None else record["attributes"]
    if not isinstance(attributes, dict):
        raise RecordInvalid("attributes must be an object")
    if attributes:
        found["MessageAttributes"] = {name: _attribute(name, value) for name, value in attributes.items()}
    for member, parameter in (("group_id", "MessageGroupId"), ("deduplication_id", "MessageDeduplicationId")):
        if record.get(member) is not None:
            found[parameter] = _text(record, member)
    if record.get("trace_header") is not None:
        value = {"DataType": "String", "StringValue": _text(record, "trace_header")}
        found["MessageSystemAttributes"] = {_TRACE: value}
    delay = record.get("delay_seconds")
    if delay is not None:
        if not isinstance(delay, int) or isinstance(delay, bool):
            raise RecordInvalid("delay_seconds must be a whole number")
        found["DelaySeconds"] = delay
    return found


def _text(record: Mapping[str, Any], member: str) -> str:
    value = record[member]
    if not isinstance(value, str):
        raise RecordInvalid(f"{member} must be a text")
    return value


def _attribute(name: str, value: object) -> dict[str, Any]:
    """Return an attribute in the form of the API. Raises RecordInvalid."""
    if isinstance(value, str):
        return {"DataType": "String", "StringValue": value}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"DataType": "Number", "StringValue": str(value)}
    if isinstance(value, dict):
        kind = value.get("type", value.get("DataType"))
        text = value.get("value", value.get("StringValue"))
        encoded = value.get("base64", value.get("BinaryValue"))
        if isinstance(kind, str) and isinstance(text, str) and encoded is None:
            return {"DataType": kind, "StringValue": text}
        if isinstance(kind, str) and isinstance(encoded, str) and text is None:
            try:
                return {"DataType": kind, "BinaryValue": base64.b64decode(encoded, validate=True)}
            except binascii.Error:
                raise RecordInvalid(f"attribute {name} has no valid base64") from None
    raise RecordInvalid(f"attribute {name} must be a text, a number, or an object with a type and a value or base64")


def size(parameters: Mapping[str, Any]) -> int:
    """Return the size of a message as SQS counts it: the body, and names, types and values of attributes, in bytes."""
    found = len(parameters["MessageBody"].encode())
    for name, value in parameters.get("MessageAttributes", {}).items():
        content = value.get("BinaryValue")
        found += len(name.encode()) + len(value["DataType"].encode())
        found += len(content) if content is not None else len(value["StringValue"].encode())
    return found

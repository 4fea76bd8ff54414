"""One small SQS client for every way of a call: JSON or query, through the fast lane or through Flask.

Arguments and answers are in the JSON protocol's form whatever the wire carried.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import requests
import xmltodict

_LISTS = {
    "AttributeNames": "AttributeName",
    "MessageAttributeNames": "MessageAttributeName",
    "MessageSystemAttributeNames": "MessageSystemAttributeName",
    "TagKeys": "TagKey",
    "AWSAccountIds": "AWSAccountId",
    "Actions": "ActionName",
}
_MAPS = {
    "Attributes": ("Attribute", "Name", "Value"),
    "MessageAttributes": ("MessageAttribute", "Name", "Value"),
    "MessageSystemAttributes": ("MessageSystemAttribute", "Name", "Value"),
    "Tags": ("Tag", "Key", "Value"),
    "tags": ("Tag", "Key", "Value"),
}
_RESULT_LISTS = {
    "Message": "Messages",
    "QueueUrl": "QueueUrls",
    "BatchResultErrorEntry": "Failed",
    "SendMessageBatchResultEntry": "Successful",
    "DeleteMessageBatchResultEntry": "Successful",
    "ChangeMessageVisibilityBatchResultEntry": "Successful",
}
_RESULT_MAPS = {"Attribute": "Attributes", "MessageAttribute": "MessageAttributes", "Tag": "Tags"}


class Refused(Exception):
    """The service answered with an error."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(code, status, message)
        self.code, self.status, self.message = code, status, message


@dataclass
class Sqs:
    """``call`` returns the result, or raises Refused."""

    url: str
    protocol: str
    lane: str

    def raw(self, operation: str, **members: Any) -> requests.Response:
        headers = {"x-sqs-facade-lane": self.lane, "X-Amzn-Trace-Id": members.pop("trace", "")}
        headers = {name: value for name, value in headers.items() if value}
        if self.protocol == "json":
            headers |= {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"}
            return requests.post(self.url, json.dumps(members).encode(), headers=headers, timeout=40)
        form = {"Action": operation, "Version": "2012-11-05", **_flatten(operation, members)}
        return requests.post(self.url, form, headers=headers, timeout=40)

    def call(self, operation: str, **members: Any) -> dict[str, Any]:
        answer = self.raw(operation, **members)
        if self.protocol == "json":
            document = answer.json()
            if answer.status_code >= 400:
                code = answer.headers["x-amzn-query-error"].split(";")[0]
                raise Refused(code, answer.status_code, document["message"])
            return dict(document)
        document = xmltodict.parse(answer.content, strip_whitespace=False)
        if answer.status_code >= 400:
            error = document["ErrorResponse"]["Error"]
            raise Refused(error["Code"], answer.status_code, error["Message"])
        result = document[f"{operation}Response"].get(f"{operation}Result")
        return _normal(operation, result or {})

    def queue(self, name: str, **attributes: str) -> str:
        """A queue's URL; it is made."""
        url = self.call("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]
        return str(url)

    def counts(self, queue_url: str) -> tuple[str, str, str]:
        """Visible, in flight, delayed."""
        found = self.call("GetQueueAttributes", QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
        names = ("", "NotVisible", "Delayed")
        return tuple(found[f"ApproximateNumberOfMessages{name}"] for name in names)  # type: ignore[return-value]


def _flatten(operation: str, members: dict[str, Any], prefix: str = "") -> dict[str, str]:
    form: dict[str, str] = {}
    for name, value in members.items():
        if name in _MAPS and isinstance(value, dict):
            element, key, content = _MAPS[name]
            for at, (one, inner) in enumerate(value.items(), 1):
                start = f"{prefix}{element}.{at}."
                form[start + key] = one
                form |= (
                    _flatten(operation, inner, start + content + ".")
                    if isinstance(inner, dict)
                    else {start + content: inner}
                )
        elif isinstance(value, list):
            element = _LISTS.get(name) or f"{operation}RequestEntry"
            for at, one in enumerate(value, 1):
                form |= (
                    _flatten(operation, one, f"{prefix}{element}.{at}.")
                    if isinstance(one, dict)
                    else {f"{prefix}{element}.{at}": str(one)}
                )
        else:
            form[prefix + name] = str(value)
    return form


def _normal(operation: str, node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    found: dict[str, Any] = {}
    for name, value in node.items():
        items = value if isinstance(value, list) else [value]
        if name in _RESULT_MAPS:
            pairs = [tuple(item.values()) for item in items]
            found[_RESULT_MAPS[name]] = {key: _normal(operation, content) for key, content in pairs}
        elif (
            name in _RESULT_LISTS
            and not (name == "Message" and isinstance(value, str))
            and not (name == "QueueUrl" and operation in ("CreateQueue", "GetQueueUrl"))
        ):
            found[_RESULT_LISTS[name]] = [_normal(operation, item) for item in items]
        elif name == "SenderFault":
            found[name] = value == "true"
        else:
            found[name] = "" if value is None else value
    return found


def text(value: str, data_type: str = "String") -> dict[str, str]:
    """A message attribute with a text value."""
    return {"DataType": data_type, "StringValue": value}


def binary(value: bytes) -> dict[str, str]:
    """A message attribute with a binary value."""
    return {"DataType": "Binary", "BinaryValue": base64.b64encode(value).decode()}

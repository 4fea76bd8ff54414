"""A small SQS client for both protocols, JSON and query, and both lanes, fast and Flask. Arguments and results have
the form of the JSON protocol in every case.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any, NamedTuple

import requests
import xmltodict

from tests.quick_http import QuickSession

_LISTS = {
    "AttributeNames": "AttributeName",
    "MessageAttributeNames": "MessageAttributeName",
    "MessageSystemAttributeNames": "MessageSystemAttributeName",
    "TagKeys": "TagKey",
    "AWSAccountIds": "AWSAccountId",
    "Actions": "ActionName",
    "StringListValues": "StringListValue",
    "BinaryListValues": "BinaryListValue",
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
    "BatchResultErrorEntry": "Failed",
    "SendMessageBatchResultEntry": "Successful",
    "DeleteMessageBatchResultEntry": "Successful",
    "ChangeMessageVisibilityBatchResultEntry": "Successful",
    "ListMessageMoveTasksResultEntry": "Results",
}
#: Members that are numbers in JSON.
_RESULT_NUMBERS = {
    "ApproximateNumberOfMessagesMoved",
    "ApproximateNumberOfMessagesToMove",
    "MaxNumberOfMessagesPerSecond",
    "StartedTimestamp",
}
_HEADERS = {
    "trace": "X-Amzn-Trace-Id",
    "authorization": "Authorization",
    "host": "Host",
    "count": "X-LocalStack-SQS-Override-Message-Count",
    "wait": "X-LocalStack-SQS-Override-Wait-Time-Seconds",
}
_RESULT_MAPS = {"Attribute": "Attributes", "MessageAttribute": "MessageAttributes", "Tag": "Tags"}


#: Keeps connections open: most tests send a few small requests to the same service. Not for bodies that the service
#: refuses to read: it closes their connection.
HTTP = QuickSession()


class Refused(Exception):
    """The service returned an error."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(code, status, message)
        self.code, self.status, self.message = code, status, message


class Failure(NamedTuple):
    """An error in a form that can be compared."""

    code: str
    status: int
    message: str


@dataclass
class Sqs:
    """``call`` returns the result, or raises Refused."""

    url: str
    protocol: str
    lane: str
    account: str = ""

    @property
    def headers(self) -> dict[str, str]:
        kind = "application/x-amz-json-1.0" if self.protocol == "json" else "application/x-www-form-urlencoded"
        found = {"x-sqs-facade-lane": self.lane, "Content-Type": kind}
        return {**found, "Authorization": signed(self.account)} if self.account else found

    def raw(self, operation: str, *, path: str = "/", **members: Any) -> requests.Response:
        """``authorization``, ``trace``, ``host``, ``count`` and ``wait`` are headers."""
        headers = self.headers
        for name, header in _HEADERS.items():
            if name in members:
                headers[header] = members.pop(name)
        if self.protocol == "json":
            headers["X-Amz-Target"] = f"AmazonSQS.{operation}"
            return HTTP.post(self.url + path, json.dumps(members).encode(), headers=headers, timeout=40)
        form = {"Action": operation, "Version": "2012-11-05", **_flatten(operation, members)}
        return HTTP.post(self.url + path, form, headers=headers, timeout=40)

    def call(self, operation: str, *, path: str = "/", **members: Any) -> dict[str, Any]:
        return self.result(operation, self.raw(operation, path=path, **members))

    def result(self, operation: str, answer: requests.Response) -> dict[str, Any]:
        """Return the result in a response."""
        if self.protocol == "json":
            assert answer.headers["Content-Type"] == "application/x-amz-json-1.0"
            document = answer.json() if answer.content else {}
            if answer.status_code >= 400:
                assert document["__type"].startswith(("com.amazonaws.sqs#", "com.amazon.coral.service#"))
                code = answer.headers["x-amzn-query-error"].split(";")[0]
                raise Refused(code, answer.status_code, document["message"])
            return dict(document)
        assert answer.headers["Content-Type"] == "text/xml"
        document = xmltodict.parse(answer.content, strip_whitespace=False)
        if answer.status_code >= 400:
            error = document["ErrorResponse"]["Error"]
            assert list(error) == ["Type", "Code", "Message", "Detail"]
            raise Refused(error["Code"], answer.status_code, error["Message"] or "")
        result = document[f"{operation}Response"].get(f"{operation}Result")
        return dict(_normal(operation, result or {}))

    def error(self, operation: str, *, path: str = "/", **members: Any) -> Failure:
        """Return the error of a call that must fail."""
        return self.failure(self.raw(operation, path=path, **members))

    def failure(self, answer: requests.Response) -> Failure:
        """Return the error in a response."""
        assert answer.status_code >= 400, answer.text
        try:
            self.result("", answer)
        except Refused as refusal:
            return Failure(refusal.code, refusal.status, refusal.message)
        raise AssertionError(answer.text)

    def send(self, queue_url: str, body: str, **more: Any) -> dict[str, Any]:
        return self.call("SendMessage", QueueUrl=queue_url, MessageBody=body, **more)

    def receive(self, queue_url: str, **more: Any) -> list[dict[str, Any]]:
        return list(self.call("ReceiveMessage", QueueUrl=queue_url, **more).get("Messages", []))

    def attributes(self, queue_url: str, *names: str) -> dict[str, str]:
        found = self.call("GetQueueAttributes", QueueUrl=queue_url, AttributeNames=list(names))
        return dict(found.get("Attributes", {}))

    def queue(self, name: str, **attributes: str) -> str:
        """Create a queue and return its URL."""
        url = self.call("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]
        return str(url)

    def counts(self, queue_url: str) -> tuple[str, str, str]:
        """Visible, in flight, delayed."""
        found = self.call("GetQueueAttributes", QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
        visible, in_flight, delayed = (
            found[f"ApproximateNumberOfMessages{name}"] for name in ("", "NotVisible", "Delayed")
        )
        return visible, in_flight, delayed


def signed(account: str, region: str = "us-east-1") -> str:
    """An Authorization header: the account as access key, the region in the credential's scope."""
    scope = f"{account}/20260101/{region}/sqs/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


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
            found[_RESULT_MAPS[name]] = {key: _normal(operation, content) or "" for key, content in pairs}
        elif name == "QueueUrl" and operation.startswith("List"):
            found["QueueUrls" if operation == "ListQueues" else "queueUrls"] = items
        elif name in _RESULT_LISTS and isinstance(items[0], dict):
            found[_RESULT_LISTS[name]] = [_normal(operation, item) for item in items]
        elif name in _RESULT_NUMBERS:
            found[name] = int(value)
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


def md5(value: str) -> str:
    return hashlib.md5(value.encode()).hexdigest()


def md5_of_attributes(attributes: dict[str, dict[str, str]]) -> str:
    """Compute the digest as client libraries do, independent of the service."""
    joined = b""
    for name, one in sorted(attributes.items()):
        is_binary = one["DataType"].startswith("Binary")
        value = base64.b64decode(one["BinaryValue"]) if is_binary else one["StringValue"].encode()
        for part in (name.encode(), one["DataType"].encode()):
            joined += len(part).to_bytes(4, "big") + part
        joined += (b"\2" if is_binary else b"\1") + len(value).to_bytes(4, "big") + value
    return hashlib.md5(joined).hexdigest()

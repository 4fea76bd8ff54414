"""AWS JSON 1.0 on the bare wire: content types, headers, forms of errors."""

from __future__ import annotations

import json
from typing import Any

import requests
from botocore.exceptions import ClientError

from ..bench import Bench
from ..scenario import scenario

_JSON = "application/x-amz-json-1.0"


def _seen(answer: requests.Response, *headers: str) -> list[Any]:
    """Status, document, and these headers."""
    try:
        document = answer.json()
    except ValueError:
        document = answer.text[:100]
    return [answer.status_code, document, *(answer.headers.get(name, "(absent)") for name in headers)]


def _named(answer: requests.Response) -> list[Any]:
    """Status, type, and the code in the header."""
    status, document, code = _seen(answer, "x-amzn-query-error")
    return [status, document.get("__type") if isinstance(document, dict) else document, code]


def _body(**members: Any) -> bytes:
    return json.dumps(members).encode()


@scenario("DeleteQueue", "R117", [200, "", "0"], protocol="json")
def operation_without_output(sqs: Any, at: Bench) -> Any:
    """An operation without output answers an empty body."""
    return _seen(at.json("DeleteQueue", _body(QueueUrl=at.queue())), "Content-Length")


@scenario("ListQueueTags", "R117", [200, {}, _JSON], protocol="json")
def result_without_members(sqs: Any, at: Bench) -> Any:
    """A result without members is an empty document of the protocol's type."""
    return _seen(at.json("ListQueueTags", _body(QueueUrl=at.queue())), "Content-Type")


@scenario("ListQueues", "M1", "there", protocol="json")
def request_id(sqs: Any, at: Bench) -> Any:
    """Every answer has an x-amzn-RequestId header."""
    answer = at.json("ListQueues", _body(QueueNamePrefix=at.prefix))
    return "there" if answer.headers.get("x-amzn-RequestId") else "absent"


_NO_QUEUE = [
    400,
    {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The specified queue does not exist."},
    "AWS.SimpleQueueService.NonExistentQueue;Sender",
]


@scenario("GetQueueUrl", "R3 R4", _NO_QUEUE, protocol="json")
def form_of_an_error(sqs: Any, at: Bench) -> Any:
    """An error names its shape in full, and the query protocol's code in a header."""
    return _seen(at.json("GetQueueUrl", _body(QueueName=at.name())), "x-amzn-query-error")


@scenario(
    "SendMessage",
    "R5 R115",
    [
        400,
        {
            "__type": "com.amazon.coral.service#MissingRequiredParameterException",
            "message": "The request must contain the parameter MessageBody.",
        },
        "MissingParameter;Sender",
    ],
    protocol="json",
)
def missing_parameter(sqs: Any, at: Bench) -> Any:
    """A missing parameter has one name in JSON and another in the header."""
    return _seen(at.json("SendMessage", _body(QueueUrl=at.queue(), MessageBody="")), "x-amzn-query-error")


@scenario(
    "ReceiveMessage",
    "R5 R115",
    ["com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue;Sender"],
    protocol="json",
)
def invalid_value(sqs: Any, at: Bench) -> Any:
    """An invalid value has one name in JSON and another in the header."""
    answer = at.json("ReceiveMessage", _body(QueueUrl=at.queue(), MaxNumberOfMessages=11))
    return [answer.json().get("__type"), answer.headers.get("x-amzn-query-error")]


@scenario("CreateQueue", "R4", ["com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists;Sender"], protocol="json")
def queue_that_exists(sqs: Any, at: Bench) -> Any:
    """QueueNameExists is called QueueAlreadyExists in the header."""
    at.queue()
    answer = at.json("CreateQueue", _body(QueueName=at.name(), Attributes={"DelaySeconds": "1"}))
    return [answer.json().get("__type"), answer.headers.get("x-amzn-query-error")]


@scenario(
    "SendMessage",
    "R115 R116",
    [400, "com.amazon.coral.service#UnknownOperationException", "InvalidAction;Sender"],
    protocol="json",
)
def unknown_operation(sqs: Any, at: Bench) -> Any:
    """An unknown operation is InvalidAction in the header."""
    return _named(at.json("NoSuchOperation", b"{}"))


_MALFORMED = [400, "com.amazon.coral.service#SerializationException", "MalformedInput;Sender"]


@scenario("SendMessage", "R115 R116", [_MALFORMED] * 3, protocol="json")
def body_that_is_no_object(sqs: Any, at: Bench) -> Any:
    """A body that is malformed JSON, an array or a string is MalformedInput in the header."""
    return [_named(at.json("SendMessage", body)) for body in (b"{", b"[]", b'"x"')]


@scenario(
    "SendMessage",
    "R115 R116",
    [413, "com.amazon.coral.service#RequestEntityTooLargeException", "RequestEntityTooLarge;Sender"],
    protocol="json",
)
def body_that_is_too_large(sqs: Any, at: Bench) -> Any:
    """A body of many mebibytes has status 413."""
    return _named(at.json("SendMessage", b'{"MessageBody":"' + b"x" * (12 << 20) + b'"}'))


@scenario("StartMessageMoveTask", "R7", [404, "com.amazonaws.sqs#ResourceNotFoundException"], protocol="json")
def resource_not_found(sqs: Any, at: Bench) -> Any:
    """ResourceNotFoundException has status 404."""
    dead = at.queue("dead")
    at.queue(RedrivePolicy=at.redrive(dead))
    arn = at.arn(dead)
    answer = at.json("StartMessageMoveTask", _body(SourceArn=arn, DestinationArn=f"{arn}-not"))
    return [answer.status_code, answer.json().get("__type")]


@scenario("SendMessage", "A2", [200, _JSON], protocol="json")
def on_the_path_of_the_queue(sqs: Any, at: Bench) -> Any:
    """The protocol works when it is posted to the queue's own path."""
    url = at.queue()
    answer = at.json("SendMessage", _body(QueueUrl=url, MessageBody="x"), path=at.path(url))
    return [answer.status_code, answer.headers.get("Content-Type")]


@scenario("SendMessage", "R60 M1", ["MD5OfMessageBody", "MessageId"], protocol="json")
def absent_members(sqs: Any, at: Bench) -> Any:
    """Members without a value are absent from the document, not null."""
    return sorted(at.json("SendMessage", _body(QueueUrl=at.queue(), MessageBody="x")).json())


@scenario("SendMessage", "A26", ["x"], protocol="json")
def url_of_another_host(sqs: Any, at: Bench) -> Any:
    """The host inside a QueueUrl does not matter."""
    url = at.queue()
    elsewhere = f"http://127.0.0.1:1{at.path(url)}"
    at.json("SendMessage", _body(QueueUrl=elsewhere, MessageBody="x")).raise_for_status()
    return at.bodies(url, 1)


@scenario("GetQueueAttributes", "R6", "Unknown Attribute Foobar.", protocol="json")
def key_of_the_words(sqs: Any, at: Bench) -> Any:
    """An error's words stand under the lower-case key message, where botocore finds them for modelled errors too."""
    try:
        return sqs.get_queue_attributes(QueueUrl=at.queue(), AttributeNames=["Foobar"])
    except ClientError as problem:
        return problem.response.get("message")

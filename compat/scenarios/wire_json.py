"""AWS JSON 1.0 in raw requests: content types, headers, errors."""

from __future__ import annotations

import json
from typing import Any

import requests
from botocore.exceptions import ClientError

from ..bench import Bench
from ..scenario import scenario

_JSON = "application/x-amz-json-1.0"


def _seen(response: requests.Response, *headers: str) -> list[Any]:
    """Return the status, the document and these headers of a response."""
    try:
        document = response.json()
    except ValueError:
        document = response.text[:100]
    return [response.status_code, document, *(response.headers.get(name, "(absent)") for name in headers)]


def _named(response: requests.Response) -> list[Any]:
    """Return the status and type of an error, and the code in its header."""
    status, document, code = _seen(response, "x-amzn-query-error")
    return [status, document.get("__type") if isinstance(document, dict) else document, code]


def _body(**members: Any) -> bytes:
    return json.dumps(members).encode()


@scenario("DeleteQueue", "R117", [200, "", "0"], protocol="json")
def operation_without_output(sqs: Any, bench: Bench) -> Any:
    """An operation without output returns an empty body."""
    return _seen(bench.json("DeleteQueue", _body(QueueUrl=bench.queue())), "Content-Length")


@scenario("ListQueueTags", "R117", [200, {}, _JSON], protocol="json")
def result_without_members(sqs: Any, bench: Bench) -> Any:
    """A result without members is an empty object with the content type of the protocol."""
    return _seen(bench.json("ListQueueTags", _body(QueueUrl=bench.queue())), "Content-Type")


@scenario("ListQueues", "M1", "there", protocol="json")
def request_id(sqs: Any, bench: Bench) -> Any:
    """Every response has an x-amzn-RequestId header."""
    response = bench.json("ListQueues", _body(QueueNamePrefix=bench.prefix))
    return "there" if response.headers.get("x-amzn-RequestId") else "absent"


_NO_QUEUE = [
    400,
    {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The specified queue does not exist."},
    "AWS.SimpleQueueService.NonExistentQueue;Sender",
]


@scenario("GetQueueUrl", "R3 R4", _NO_QUEUE, protocol="json")
def form_of_an_error(sqs: Any, bench: Bench) -> Any:
    """An error has its shape with the namespace, and the code of the query protocol in a header."""
    return _seen(bench.json("GetQueueUrl", _body(QueueName=bench.name())), "x-amzn-query-error")


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
def missing_parameter(sqs: Any, bench: Bench) -> Any:
    """The error for a missing parameter has one name in JSON and another in the header."""
    return _seen(bench.json("SendMessage", _body(QueueUrl=bench.queue(), MessageBody="")), "x-amzn-query-error")


@scenario(
    "ReceiveMessage",
    "R5 R115",
    ["com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue;Sender"],
    protocol="json",
)
def invalid_value(sqs: Any, bench: Bench) -> Any:
    """The error for an invalid value has one name in JSON and another in the header."""
    response = bench.json("ReceiveMessage", _body(QueueUrl=bench.queue(), MaxNumberOfMessages=11))
    return [response.json().get("__type"), response.headers.get("x-amzn-query-error")]


@scenario("CreateQueue", "R4", ["com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists;Sender"], protocol="json")
def queue_that_exists(sqs: Any, bench: Bench) -> Any:
    """QueueNameExists is called QueueAlreadyExists in the header."""
    bench.queue()
    response = bench.json("CreateQueue", _body(QueueName=bench.name(), Attributes={"DelaySeconds": "1"}))
    return [response.json().get("__type"), response.headers.get("x-amzn-query-error")]


@scenario(
    "SendMessage",
    "R115 R116",
    [400, "com.amazon.coral.service#UnknownOperationException", "InvalidAction;Sender"],
    protocol="json",
)
def unknown_operation(sqs: Any, bench: Bench) -> Any:
    """An unknown operation is InvalidAction in the header."""
    return _named(bench.json("NoSuchOperation", b"{}"))


_MALFORMED = [400, "com.amazon.coral.service#SerializationException", "MalformedInput;Sender"]


@scenario("SendMessage", "R115 R116", [_MALFORMED] * 3, protocol="json")
def body_that_is_no_object(sqs: Any, bench: Bench) -> Any:
    """A body that is malformed JSON, an array or a string is MalformedInput in the header."""
    return [_named(bench.json("SendMessage", body)) for body in (b"{", b"[]", b'"x"')]


@scenario(
    "SendMessage",
    "R115 R116",
    [413, "com.amazon.coral.service#RequestEntityTooLargeException", "RequestEntityTooLarge;Sender"],
    protocol="json",
)
def body_that_is_too_large(sqs: Any, bench: Bench) -> Any:
    """A body of many mebibytes is refused with status 413."""
    return _named(bench.json("SendMessage", b'{"MessageBody":"' + b"x" * (12 << 20) + b'"}'))


@scenario("StartMessageMoveTask", "R7", [404, "com.amazonaws.sqs#ResourceNotFoundException"], protocol="json")
def resource_not_found(sqs: Any, bench: Bench) -> Any:
    """ResourceNotFoundException has status 404."""
    dead = bench.queue("dead")
    bench.queue(RedrivePolicy=bench.redrive(dead))
    arn = bench.arn(dead)
    response = bench.json("StartMessageMoveTask", _body(SourceArn=arn, DestinationArn=f"{arn}-not"))
    return [response.status_code, response.json().get("__type")]


@scenario("SendMessage", "A2", [200, _JSON], protocol="json")
def on_the_path_of_the_queue(sqs: Any, bench: Bench) -> Any:
    """Requests to the path of a queue are accepted."""
    url = bench.queue()
    response = bench.json("SendMessage", _body(QueueUrl=url, MessageBody="x"), path=bench.path(url))
    return [response.status_code, response.headers.get("Content-Type")]


@scenario("SendMessage", "R60 M1", ["MD5OfMessageBody", "MessageId"], protocol="json")
def absent_members(sqs: Any, bench: Bench) -> Any:
    """Members without a value are absent from the document, not null."""
    return sorted(bench.json("SendMessage", _body(QueueUrl=bench.queue(), MessageBody="x")).json())


@scenario("SendMessage", "A26", ["x"], protocol="json")
def url_of_another_host(sqs: Any, bench: Bench) -> Any:
    """The host inside a QueueUrl does not matter."""
    url = bench.queue()
    elsewhere = f"http://127.0.0.1:1{bench.path(url)}"
    bench.json("SendMessage", _body(QueueUrl=elsewhere, MessageBody="x")).raise_for_status()
    return bench.bodies(url, 1)


@scenario("GetQueueAttributes", "R6", "Unknown Attribute Foobar.", protocol="json")
def key_of_the_words(sqs: Any, bench: Bench) -> Any:
    """The text of an error has the lower-case key message, which botocore reads for modelled errors too."""
    try:
        return sqs.get_queue_attributes(QueueUrl=bench.queue(), AttributeNames=["Foobar"])
    except ClientError as problem:
        return problem.response.get("message")

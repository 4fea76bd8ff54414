"""The cases of the matrix: one valid call of every operation, and one call for each error that it declares.

A case gets a client and an unused name, arranges what it needs, and returns the members of the call.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

from tests.sqs.wire import Sqs

Members = dict[str, Any]
Case = Callable[[Sqs, str], Members]

BATCHES = ("SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch")
PERMISSION: Members = {"Label": "l", "AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]}


def _of_queue(**members: Any) -> Case:
    """A call on a new, empty queue."""
    return lambda sqs, name: {"QueueUrl": sqs.queue(name), **members}


def _received(sqs: Sqs, name: str) -> Members:
    url = sqs.queue(name)
    sqs.send(url, "x")
    return {"QueueUrl": url, "ReceiptHandle": sqs.receive(url)[0]["ReceiptHandle"]}


def _received_batch(**more: Any) -> Case:
    def case(sqs: Sqs, name: str) -> Members:
        found = _received(sqs, name)
        return {
            "QueueUrl": found["QueueUrl"],
            "Entries": [{"Id": "a", "ReceiptHandle": found["ReceiptHandle"], **more}],
        }

    return case


def _with_permission(sqs: Sqs, name: str) -> Members:
    url = sqs.queue(name)
    sqs.call("AddPermission", QueueUrl=url, **PERMISSION)
    return {"QueueUrl": url, "Label": PERMISSION["Label"]}


def _named(sqs: Sqs, name: str) -> Members:
    sqs.queue(name)
    return {"QueueName": name}


VALID: dict[str, Case] = {
    "AddPermission": _of_queue(**PERMISSION),
    "ChangeMessageVisibility": lambda sqs, name: {**_received(sqs, name), "VisibilityTimeout": 0},
    "ChangeMessageVisibilityBatch": _received_batch(VisibilityTimeout=0),
    "CreateQueue": lambda sqs, name: {"QueueName": name, "Attributes": {"DelaySeconds": "1"}, "tags": {"a": "b"}},
    "DeleteMessage": _received,
    "DeleteMessageBatch": _received_batch(),
    "DeleteQueue": _of_queue(),
    "GetQueueAttributes": _of_queue(AttributeNames=["All"]),
    "GetQueueUrl": _named,
    "ListDeadLetterSourceQueues": _of_queue(MaxResults=1),
    "ListQueueTags": _of_queue(),
    "ListQueues": lambda sqs, name: {"QueueNamePrefix": name},
    "PurgeQueue": _of_queue(),
    "ReceiveMessage": _of_queue(MaxNumberOfMessages=10, AttributeNames=["All"], VisibilityTimeout=0, WaitTimeSeconds=0),
    "RemovePermission": _with_permission,
    "SendMessage": _of_queue(MessageBody="x", DelaySeconds=0, MessageGroupId="g"),
    "SendMessageBatch": _of_queue(Entries=[{"Id": "a", "MessageBody": "x"}]),
    "SetQueueAttributes": _of_queue(Attributes={"DelaySeconds": "1"}),
    "TagQueue": _of_queue(Tags={"a": "b"}),
    "UntagQueue": _of_queue(TagKeys=["a"]),
}


ARN = "arn:aws:sqs:us-east-1:000000000000:"
#: One statement more than there may be.
LONG_POLICY = f'{{"Statement":[{",".join(["{}"] * 21)}]}}'


def _dead_letters(sqs: Sqs, name: str) -> Members:
    """A dead-letter queue with three messages, of a source; the task's rate leaves it running for a while."""
    dead = sqs.queue(f"{name}-dead")
    sqs.queue(name, RedrivePolicy=f'{{"deadLetterTargetArn":"{ARN}{name}-dead","maxReceiveCount":1}}')
    for body in "123":
        sqs.send(dead, body)
    return {"SourceArn": f"{ARN}{name}-dead", "DestinationArn": ARN + name, "MaxNumberOfMessagesPerSecond": 1}


def _task(sqs: Sqs, name: str) -> Members:
    return sqs.call("StartMessageMoveTask", **_dead_letters(sqs, name))


def _no_task(sqs: Sqs, name: str) -> Members:
    sqs.queue(name)
    handle = f'{{"taskId":"0f8fad5b-d9cb-469f-a165-70867728950e","sourceArn":"{ARN}{name}"}}'
    return {"TaskHandle": b64encode(handle.encode()).decode()}


VALID |= {
    "CancelMessageMoveTask": _task,
    "ListMessageMoveTasks": lambda sqs, name: {"SourceArn": _dead_letters(sqs, name)["SourceArn"], "MaxResults": 10},
    "StartMessageMoveTask": _dead_letters,
}


def _entries(operation: str, *ids: str, **more: Any) -> Case:
    """Entries of any batch operation."""
    members: dict[str, dict[str, Any]] = {
        "SendMessageBatch": {"MessageBody": "x"},
        "DeleteMessageBatch": {"ReceiptHandle": "x"},
        "ChangeMessageVisibilityBatch": {"ReceiptHandle": "x", "VisibilityTimeout": 0},
    }
    return _of_queue(Entries=[{"Id": one, **members[operation], **more} for one in ids])


def _again(operation: str) -> Case:
    """The call of VALID, after the same call was made once."""

    def case(sqs: Sqs, name: str) -> Members:
        members = VALID[operation](sqs, name)
        sqs.call(operation, **members)
        return members

    return case


def _recreated(sqs: Sqs, name: str) -> Members:
    sqs.call("DeleteQueue", QueueUrl=sqs.queue(name))
    return {"QueueName": name}


def _full(sqs: Sqs, name: str) -> Members:
    url = sqs.queue(name)
    for body in "12":
        sqs.send(url, body)
    sqs.receive(url)
    return {"QueueUrl": url}


ERRORS: dict[tuple[str, str], Case] = {
    ("AddPermission", "OverLimit"): _of_queue(**{**PERMISSION, "Actions": ["SendMessage"] * 8}),
    ("ChangeMessageVisibility", "ReceiptHandleIsInvalid"): _of_queue(ReceiptHandle="x", VisibilityTimeout=0),
    ("AddPermission", "MissingParameter"): _of_queue(**{**PERMISSION, "Label": ""}),
    ("CancelMessageMoveTask", "MissingParameter"): lambda sqs, name: {},
    ("ChangeMessageVisibility", "MissingParameter"): _of_queue(ReceiptHandle="x"),
    ("CancelMessageMoveTask", "ResourceNotFoundException"): _no_task,
    ("CreateQueue", "InvalidAttributeName"): lambda sqs, name: {"QueueName": name, "Attributes": {"Foobar": "1"}},
    ("CreateQueue", "InvalidAttributeValue"): lambda sqs, name: {
        "QueueName": name,
        "Attributes": {"DelaySeconds": "901"},
    },
    ("CreateQueue", "OverLimit"): lambda sqs, name: {"QueueName": name, "Attributes": {"Policy": LONG_POLICY}},
    ("CreateQueue", "QueueNameExists"): lambda sqs, name: {
        **_named(sqs, name),
        "Attributes": {"DelaySeconds": "1"},
    },
    ("DeleteMessage", "MissingParameter"): _of_queue(),
    ("DeleteMessage", "ReceiptHandleIsInvalid"): _of_queue(ReceiptHandle="x"),
    ("GetQueueAttributes", "InvalidAttributeName"): _of_queue(AttributeNames=["Foobar"]),
    ("GetQueueUrl", "QueueDoesNotExist"): lambda sqs, name: {"QueueName": name},
    ("ListMessageMoveTasks", "MissingParameter"): lambda sqs, name: {},
    ("ListMessageMoveTasks", "ResourceNotFoundException"): lambda sqs, name: {"SourceArn": ARN + name},
    ("PurgeQueue", "PurgeQueueInProgress"): _again("PurgeQueue"),
    ("RemovePermission", "MissingParameter"): _of_queue(),
    ("SendMessage", "MissingParameter"): _of_queue(),
    ("SendMessage", "InvalidMessageContents"): _of_queue(MessageBody="\0"),
    ("SendMessage", "UnsupportedOperation"): _of_queue(
        MessageBody="x", MessageAttributes={"a": {"DataType": "StringList", "StringListValues": ["one"]}}
    ),
    ("SendMessageBatch", "BatchRequestTooLong"): _entries("SendMessageBatch", "a", "b", MessageBody="x" * (1 << 20)),
    ("SetQueueAttributes", "MissingParameter"): _of_queue(),
    ("SetQueueAttributes", "InvalidAttributeName"): _of_queue(Attributes={"Foobar": "1"}),
    ("SetQueueAttributes", "OverLimit"): _of_queue(Attributes={"Policy": LONG_POLICY}),
    ("SetQueueAttributes", "InvalidAttributeValue"): _of_queue(Attributes={"DelaySeconds": "901"}),
    ("StartMessageMoveTask", "MissingParameter"): lambda sqs, name: {},
    ("TagQueue", "MissingParameter"): _of_queue(),
    ("StartMessageMoveTask", "ResourceNotFoundException"): lambda sqs, name: {"SourceArn": ARN + name},
    **{(name, "EmptyBatchRequest"): _of_queue(Entries=[]) for name in BATCHES},
    **{(name, "TooManyEntriesInBatchRequest"): _entries(name, *"abcdefghijk") for name in BATCHES},
    **{(name, "InvalidBatchEntryId"): _entries(name, "a b") for name in BATCHES},
    **{(name, "BatchEntryIdsNotDistinct"): _entries(name, "a", "a") for name in BATCHES},
}
#: Errors of services that lack a key: shown in tests/encryption/test_dialects.
KEY_ERRORS = {
    ("ReceiveMessage", "KmsInvalidState"),
    ("ReceiveMessage", "KmsNotFound"),
    ("SendMessage", "KmsNotFound"),
    ("SendMessageBatch", "KmsNotFound"),
}

#: Errors that need a limit which is off or high by default.
STRICT_ERRORS: dict[tuple[str, str], Case] = {
    ("CreateQueue", "QueueDeletedRecently"): _recreated,
    ("ReceiveMessage", "OverLimit"): _full,
}

"""A botocore whose SQS clients use the query protocol, as all did before November 2023.

The present service model describes the JSON protocol and lacks the names of the query protocol. This module adds them;
botocore's own query serialiser and XML parser do the rest. So one program runs in both protocols.
"""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.loaders import Loader

#: Shape of a list -> name of its elements in a form and in XML. Source: the model of botocore 1.31.
_ELEMENTS = {
    "AWSAccountIdList": "AWSAccountId",
    "ActionNameList": "ActionName",
    "AttributeNameList": "AttributeName",
    "BatchResultErrorEntryList": "BatchResultErrorEntry",
    "BinaryList": "BinaryListValue",
    "ChangeMessageVisibilityBatchRequestEntryList": "ChangeMessageVisibilityBatchRequestEntry",
    "ChangeMessageVisibilityBatchResultEntryList": "ChangeMessageVisibilityBatchResultEntry",
    "DeleteMessageBatchRequestEntryList": "DeleteMessageBatchRequestEntry",
    "DeleteMessageBatchResultEntryList": "DeleteMessageBatchResultEntry",
    "ListMessageMoveTasksResultEntryList": "ListMessageMoveTasksResultEntry",
    "MessageAttributeNameList": "MessageAttributeName",
    "MessageList": "Message",
    "QueueUrlList": "QueueUrl",
    "SendMessageBatchRequestEntryList": "SendMessageBatchRequestEntry",
    "SendMessageBatchResultEntryList": "SendMessageBatchResultEntry",
    "StringList": "StringListValue",
    "TagKeyList": "TagKey",
}
#: Member -> name of its elements, for lists whose shape is used by members with different names.
_ELEMENTS_OF_MEMBERS = {"AttributeNames": "AttributeName", "MessageSystemAttributeNames": "MessageSystemAttributeName"}
#: Member -> name of its pairs, for maps.
_MAPS = {
    "Attributes": "Attribute",
    "MessageAttributes": "MessageAttribute",
    "MessageSystemAttributes": "MessageSystemAttribute",
    "Tags": "Tag",
    "tags": "Tag",
}
_NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"


class _QueryLoader(Loader):  # type: ignore[misc] # botocore ships no types
    _model: dict[str, Any] | None = None

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        model = super().load_service_model(service_name, type_name, api_version)
        if (service_name, type_name) != ("sqs", "service-2"):
            return model
        if self._model is None:
            self._model = _with_query_names(model)
        return self._model


def session() -> botocore.session.Session:
    """Return a botocore session whose SQS clients use the query protocol."""
    found = botocore.session.Session()
    found.register_component("data_loader", _QueryLoader())
    return found


def _with_query_names(model: dict[str, Any]) -> dict[str, Any]:
    dropped = ("awsQueryCompatible", "jsonVersion", "targetPrefix")
    metadata = {name: value for name, value in model["metadata"].items() if name not in dropped}
    metadata |= {"protocol": "query", "protocols": ["query"], "xmlNamespace": _NAMESPACE}
    operations = {name: _operation(name, one) for name, one in model["operations"].items()}
    shapes = {name: _shape(name, one) for name, one in model["shapes"].items()}
    for name in [name for name, one in shapes.items() if one["type"] == "structure"]:
        shapes[name] = {**shapes[name], "members": _members(shapes[name]["members"], shapes)}
    return {**model, "metadata": metadata, "operations": operations, "shapes": shapes}


def _operation(name: str, operation: dict[str, Any]) -> dict[str, Any]:
    if "output" not in operation:
        return operation
    return {**operation, "output": {**operation["output"], "resultWrapper": f"{name}Result"}}


def _shape(name: str, shape: dict[str, Any]) -> dict[str, Any]:
    if name in _ELEMENTS:
        return {**shape, "member": {**shape["member"], "locationName": _ELEMENTS[name]}}
    if shape["type"] == "map":
        key = "Key" if name == "TagMap" else "Name"
        return {
            **shape,
            "key": {**shape["key"], "locationName": key},
            "value": {**shape["value"], "locationName": "Value"},
        }
    return shape


def _members(members: dict[str, Any], shapes: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, member in members.items():
        shape = shapes[member["shape"]]
        found[name] = member
        if shape["type"] == "map":
            found[name] = {**member, "locationName": _MAPS[name]}
        elif shape["type"] == "list" and name in _ELEMENTS_OF_MEMBERS:
            element = _ELEMENTS_OF_MEMBERS[name]
            own = f"{member['shape']}Of{name}"
            shapes[own] = {**shape, "member": {**shape["member"], "locationName": element}}
            found[name] = {**member, "shape": own}
    return found

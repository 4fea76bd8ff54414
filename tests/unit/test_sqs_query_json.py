"""JSON responses of the query protocol: their members, and the clients that get them."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import msgspec
import pytest
from msgspec import inspect

from sqs_facade.codecs import query_json
from sqs_facade.operations import load_all
from sqs_facade.registry import OPERATIONS

load_all()
WITH_RESULT = sorted(name for name, one in OPERATIONS.items() if one.result is not None)
#: JSON of the query protocol -> the model's member.
RENAMED = {"messages": "Messages", "queueUrls": "QueueUrls"}


def example(kind: inspect.Type) -> Any:
    """A value of a type, with one element in each list and map."""
    match kind:
        case inspect.UnionType(types):
            return example(next(one for one in types if not isinstance(one, inspect.NoneType)))
        case inspect.Metadata(type=inner):
            return example(inner)
        case inspect.StructType(cls, fields=fields):
            return cls(**{field.name: example(field.type) for field in fields})
        case inspect.ListType(item_type=inner):
            return [example(inner)]
        case inspect.DictType(value_type=inner):
            return {"k": example(inner)}
        case inspect.BytesType():
            return b"\0"
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return 1
    return "x"


def written(name: str, result: msgspec.Struct) -> dict[str, Any]:
    answer = json.loads(query_json.write(name, result, "id"))
    members: dict[str, Any] = answer[f"{name}Response"][f"{name}Result"]
    return members


def matches(value: Any, shape: Any) -> None:
    """Assert that a value has the form of a shape of the service model, members and all."""
    if shape.type_name == "structure":
        given = {name if name in shape.members else RENAMED.get(name, name): one for name, one in value.items()}
        assert given.pop("NextExclusiveStartQueueName", None) is None
        assert given.keys() == shape.members.keys()
        for name, one in given.items():
            matches(one, shape.members[name])
    elif shape.type_name == "list":
        assert isinstance(value, list)
        for one in value:
            matches(one, shape.member)
    elif shape.type_name == "map":
        assert [sorted(one) for one in value] in ([["Name", "Value"]], [["Key", "Value"]])
        matches(value[0]["Value"], shape.value)


@pytest.mark.parametrize("name", WITH_RESULT)
def test_a_result_has_the_form_of_the_service_model(name: str) -> None:
    model = botocore.session.get_session().get_service_model("sqs").operation_model(name)
    result = OPERATIONS[name].result
    assert result is not None
    matches(written(name, example(inspect.type_info(result))), model.output_shape)


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - {*WITH_RESULT}))
def test_an_operation_without_output_answers_its_metadata_alone(name: str) -> None:
    assert json.loads(query_json.write(name, None, "id")) == {
        f"{name}Response": {"ResponseMetadata": {"RequestId": "id"}}
    }


@pytest.mark.parametrize(
    ("accept", "is_json"),
    [
        ("", False),
        ("*/*", False),
        ("application/*", False),
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/json, text/plain, */*", True),
        ("*/*, application/json", True),
        ("text/plain, application/json", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("text/xml, application/json", False),
        ("application/json, text/xml", True),
        ("application/json;q=0.5, application/xml;q=0.4", True),
        ("application/json;q=0.4, application/xml;q=0.5", False),
        ("application/json;q=0.5, */*", False),
        ("application/json;q=0.5, text/*", False),
        ("application/json;q=0.9, */*;q=0.8", True),
        ("application/json;q=0", False),
        ("application/json;q=0, */*", False),
        ("application/json, text/xml;q=0", True),
        ("application/json;q=high", True),
        ("application/json;q=2", True),
        ("application/x-amz-json-1.0", False),
        ("application/jsonp", False),
        (",;,=;q", False),
    ],
)
def test_json_is_for_clients_that_prefer_it_to_xml(accept: str, is_json: bool) -> None:
    assert query_json.is_preferred(accept) is is_json

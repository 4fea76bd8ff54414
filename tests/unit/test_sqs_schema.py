"""The service model that client libraries ship is the measure of our inputs and results."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_type_hints

import msgspec
import pytest
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from msgspec import inspect

from sqs_facade.operations import load_all
from sqs_facade.registry import OPERATIONS

load_all()
MODEL = ServiceModel(Loader().load_service_model("sqs", "service-2"))
#: Members that are declared and were never used by SQS.
UNUSED = {"StringListValues", "BinaryListValues"}


def plain(info: inspect.Type) -> inspect.Type:
    """Without annotations and None."""
    while True:
        if isinstance(info, inspect.Metadata):
            info = info.type
        elif isinstance(info, inspect.UnionType):
            info = next(one for one in info.types if not isinstance(one, inspect.NoneType))
        else:
            return info


def lacking(shape: Shape | None, info: inspect.Type, path: str) -> Iterator[str]:
    """Members of the model that ours does not have, by their path."""
    info = plain(info)
    if isinstance(shape, StructureShape):
        assert isinstance(info, inspect.StructType), path
        ours = {field.encode_name: field.type for field in info.fields}
        for name, member in shape.members.items():
            if name in UNUSED:
                continue
            if name not in ours:
                yield f"{path}.{name}"
            else:
                yield from lacking(member, ours[name], f"{path}.{name}")
    elif isinstance(shape, ListShape):
        assert isinstance(info, inspect.ListType), path
        yield from lacking(shape.member, info.item_type, path)
    elif isinstance(shape, MapShape):
        assert isinstance(info, inspect.DictType), path
        yield from lacking(shape.value, info.value_type, path)
    elif shape is not None:
        kinds: dict[str, Any] = {
            "string": inspect.StrType,
            "integer": inspect.IntType,
            "long": inspect.IntType,
            "boolean": inspect.BoolType,
            "blob": inspect.BytesType,
        }
        assert isinstance(info, kinds[shape.type_name]), path


def test_every_operation_of_the_model_is_here() -> None:
    assert set(OPERATIONS) == set(MODEL.operation_names)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_input_member_has_its_name_and_type(name: str) -> None:
    asked = get_type_hints(OPERATIONS[name].run)["asked"]
    assert list(lacking(MODEL.operation_model(name).input_shape, inspect.type_info(asked), name)) == []


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_result_member_has_its_name_and_type(name: str) -> None:
    result = get_type_hints(OPERATIONS[name].run)["return"]
    shape = MODEL.operation_model(name).output_shape
    if result is type(None):
        assert shape is None
        return
    assert issubclass(result, msgspec.Struct)
    assert list(lacking(shape, inspect.type_info(result), name)) == []

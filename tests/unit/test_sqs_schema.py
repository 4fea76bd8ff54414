"""Inputs and results agree with the service model of client libraries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_type_hints

import msgspec
import pytest
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from msgspec import inspect

from sqs_facade import attributes, content
from sqs_facade.errors import ERROR_TABLE, NEVER_RETURNED, NEVER_RETURNED_BY, RETURNED_ONLY_BY
from sqs_facade.operations import load_all
from sqs_facade.operations.receiving import SYSTEM_ATTRIBUTES
from sqs_facade.registry import EVERY_OPERATION, OPERATIONS

load_all()
MODEL = ServiceModel(Loader().load_service_model("sqs", "service-2"))


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


def test_every_operation_of_the_model_exists() -> None:
    assert set(OPERATIONS) == set(MODEL.operation_names)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_input_member_has_its_name_and_type(name: str) -> None:
    parameters = get_type_hints(OPERATIONS[name].run)["parameters"]
    assert list(lacking(MODEL.operation_model(name).input_shape, inspect.type_info(parameters), name)) == []


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_result_member_has_its_name_and_type(name: str) -> None:
    result = get_type_hints(OPERATIONS[name].run)["return"]
    shape = MODEL.operation_model(name).output_shape
    if result is type(None):
        assert shape is None
        return
    assert issubclass(result, msgspec.Struct)
    assert list(lacking(shape, inspect.type_info(result), name)) == []


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_error_of_an_operation_is_declared_or_explained(name: str) -> None:
    operation = OPERATIONS[name]
    ours = {*operation.raises, *EVERY_OPERATION, *NEVER_RETURNED}
    ours |= {error for by, error in NEVER_RETURNED_BY if by == name}
    ours |= {error for error, (by, _) in RETURNED_ONLY_BY.items() if by != name}
    assert {one.name for one in MODEL.operation_model(name).error_shapes} - ours == set()


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_a_declared_error_has_no_reason_for_its_absence(name: str) -> None:
    declared = {*OPERATIONS[name].raises, *EVERY_OPERATION}
    assert not declared & NEVER_RETURNED.keys()
    assert not declared & {error for by, error in NEVER_RETURNED_BY if by == name}
    assert not declared & {error for error, (by, _) in RETURNED_ONLY_BY.items() if by != name}


def test_every_error_of_the_model_is_in_the_catalogue() -> None:
    lacking = {one.name for one in MODEL.error_shapes} - {kind.shape for kind in ERROR_TABLE.values()}
    assert {name for name in lacking if not name.startswith("Kms")} == set()
    assert lacking <= NEVER_RETURNED.keys()


def test_every_attribute_of_the_model_is_known() -> None:
    def words(name: str) -> set[str]:
        return set(MODEL.shape_for(name).enum)

    assert words("QueueAttributeName") == attributes.NAMES
    assert words("MessageSystemAttributeName") == SYSTEM_ATTRIBUTES
    assert words("MessageSystemAttributeNameForSends") == {content.TRACE_HEADER}

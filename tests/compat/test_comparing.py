"""The first difference and its path are found."""

from __future__ import annotations

from typing import Any

import pytest

from sqs_facade.compat.comparing import Difference, first_difference, in_protocol
from sqs_facade.compat.scenario import ANY, ByProtocol, error


@pytest.mark.parametrize(
    ("expected", "got", "path"),
    [
        ({"a": 1}, {"a": 2}, "a"),
        ({"a": 1}, {}, "a"),
        ({}, {"a": 1}, "a"),
        ({"a": [{"b": "x"}]}, {"a": [{"b": "y"}]}, "a[0].b"),
        ([1, 2], [1], "[1]"),
        ([1], [1, 2], "[1]"),
        (1, True, ""),
        ("1", 1, ""),
        (None, {}, ""),
        ({"a": ANY}, {}, "a"),
        (error("Code"), {"QueueUrl": "u"}, ""),
        ({"QueueUrl": "u"}, error("Code", "text"), ""),
        (error("Code"), error("Other", "text"), "error"),
        (error("Code", "text"), error("Code", "other"), "message"),
    ],
)
def test_a_difference_is_found(expected: Any, got: Any, path: str) -> None:
    difference = first_difference(expected, got)
    assert difference is not None
    assert difference.path == path


@pytest.mark.parametrize(
    ("expected", "got"), [({"a": [1, "x"]}, {"a": [1, "x"]}), ({"a": ANY}, {"a": 5}), (error("C"), error("C", "m"))]
)
def test_equal_observations_have_no_difference(expected: Any, got: Any) -> None:
    assert first_difference(expected, got) is None


def test_an_expectation_can_differ_by_protocol() -> None:
    expected = {"message": ByProtocol(json="short", query="long")}
    assert in_protocol(expected, "json") == {"message": "short"}
    assert in_protocol([expected], "query") == [{"message": "long"}]


def test_an_error_is_described_in_one_line() -> None:
    found = first_difference({"QueueUrl": "u"}, error("Code", "Some words.", 403))
    assert found == Difference("", "{'QueueUrl': 'u'}", "Code (403): Some words.")

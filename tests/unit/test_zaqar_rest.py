"""Parts of the Zaqar face without a store."""

from __future__ import annotations

import re

import orjson
import pytest
from hypothesis import given, strategies

from zaqar_core.rest import bodies, routes
from zaqar_core.rest.dialect import V2
from zaqar_core.rest.documents import next_links
from zaqar_core.rest.errors import WORDS, RestError
from zaqar_core.rest.face import is_hot
from zaqar_core.rest.parameters import Query
from zaqar_core.rest.resources.queues import name_matches

VALUES = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers(-(2**63), 2**63 - 1)
    | strategies.floats(allow_nan=False, allow_infinity=False)
    | strategies.text(),
    lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
    max_leaves=10,
)


@given(VALUES)
def test_a_stored_body_reads_back_and_sqs_can_carry_it(value: object) -> None:
    text, kind = bodies.stored(value)
    assert (text.decode() if kind == "text" else orjson.loads(text)) == value
    assert re.fullmatch("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+", text.decode())


@pytest.mark.parametrize("number", ["9223372036854775808", "-9223372036854775809", "1" * 30, "18446744073709551616"])
def test_an_integer_outside_64_bits_is_refused(number: str) -> None:
    for text in (f"[{number}]", f'{{"a":[{{"b":{number}}}]}}'):
        with pytest.raises(RestError):
            bodies.parse(text.encode())


def test_a_large_float_is_accepted() -> None:
    text = b"[1e30, -1e300, 9223372036854775807, -9223372036854775808]"
    assert bodies.parse(text) == [1e30, -1e300, 2**63 - 1, -(2**63)]


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("b", "abc", True), ("d", "abc", False), ("^b", "abc", False), ("^ab", "abc", True), ("bc$", "abc", True),
        ("ab$", "abc", False), ("^abc$", "abc", True), ("^ab$", "abab", False), ("a.*c", "abc", True),
        ("^a.*b$", "ab", True), ("^a.*b$", "acbdb", True), ("a$", "aba", True), ("^a.*a$", "a", False),
        (".*", "abc", True), ("a.b", "a.b", True), ("x.*", "abc", False), ("$", "a", True), ("^", "a", True),
    ],
)  # fmt: skip
def test_a_name_pattern_matches_as_documented(pattern: str, name: str, found: bool) -> None:
    assert name_matches(pattern, name) is found


def test_a_path_finds_its_route() -> None:
    found = routes.find(V2, "/queues/a/messages/b/")
    assert found is not None
    assert found[1] == ["a", "b"]
    assert routes.find(V2, "/queues/a/messages/b/c") is None
    assert routes.find(V2, "//") is None


def test_the_fast_lane_takes_messages_and_claims() -> None:
    def is_hot_by(method: str, path: str) -> bool:
        return is_hot({"REQUEST_METHOD": method, "PATH_INFO": path})

    assert is_hot_by("POST", "/v2/queues/a/messages")
    assert is_hot_by("PATCH", "/v2/queues/a/claims/x")
    assert is_hot_by("POST", "/v1.1/queues/a/claims")
    assert is_hot_by("DELETE", "/v1/queues/a/messages/x")
    assert not is_hot_by("HEAD", "/v2/queues/a/messages")
    assert not is_hot_by("GET", "/v2/queues/a")
    assert not is_hot_by("GET", "/messages")


@pytest.mark.parametrize("more", ["", "&f=%C3%A9"])
def test_query_parameters_are_parsed(more: str) -> None:
    query = Query("a=1&b=&c=yes&d=x,y&d=z&&g" + more)
    assert query.integer("a", 5, most=10) == 1
    assert query.integer("b", 5, most=10) == 5
    assert query.boolean("c") is True
    assert query.items("d", 3) == ["x", "y", "z"]
    assert query.text("f") == ("é" if more else None)
    assert set(query.others(frozenset("abcdf"))) == set()
    with pytest.raises(RestError):
        query.integer("c", 5, most=10)
    with pytest.raises(RestError):
        query.items("d", 2)
    with pytest.raises(RestError):
        query.boolean("d")


def test_a_link_leads_to_the_next_page() -> None:
    assert next_links("/p", {"limit": 1}, None) == []
    assert next_links("/p", {"limit": 1, "echo": True, "x": None}, "m") == [
        {"rel": "next", "href": "/p?limit=1&echo=true&marker=m"}
    ]


def test_every_error_has_a_title_and_a_description() -> None:
    assert all(400 <= words.status < 600 and words.title for words in WORDS.values())

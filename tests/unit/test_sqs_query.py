"""Texts of the query protocol: an XML parser returns every text unchanged."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqs_facade.codecs import query
from zaqar_core.domain.limits import NOT_IN_SQS

NAMESPACE = f"{{{query.NAMESPACE}}}"


def written(body: str) -> str | None:
    """A body as an XML parser reads it in an answer."""
    document = query.write("ReceiveMessage", {"Messages": [{"Body": body}]}, "id")
    return ElementTree.fromstring(document).findtext(f".//{NAMESPACE}Body")


@pytest.mark.parametrize("body", ["<&>\"'", "&amp;&#13;", "a\rb\r\nc\n\td", ']]>{"a": "b"}', "ü😀\ufffd"])
def test_a_text_reads_back(body: str) -> None:
    assert written(body) == body


@given(st.text().filter(lambda text: NOT_IN_SQS.search(text) is None))
def test_any_text_that_sqs_carries_reads_back(body: str) -> None:
    assert (written(body) or "") == body


@pytest.mark.parametrize("character", ["\0", "\x0b", "\ufffe", "\uffff"])
def test_characters_that_xml_cannot_hold_are_replaced(character: str) -> None:
    assert written(f"<a{character}b>") == "<a?b>"

"""Digests that client libraries check."""

from __future__ import annotations

import hashlib
import sys
from runpy import run_path
from types import SimpleNamespace

import pytest

from sqs_facade import digests
from zaqar_core.domain.model import Attribute

TRACE = b"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def test_a_trace_header_has_the_digest_that_aws_gives_it() -> None:
    found = digests.of_attributes([Attribute("AWSTraceHeader", "String", TRACE)])
    assert found == "5ae4d5d7636402d80f4eb6d213245a88"


def test_no_attributes_have_no_digest() -> None:
    assert digests.of_attributes([]) is None


def test_a_digest_does_not_depend_on_the_order_and_does_on_type_and_value() -> None:
    a, b = Attribute("a", "String", b"1"), Attribute("b", "Binary.x", b"\0")
    assert digests.of_attributes([a, b]) == digests.of_attributes([b, a])
    others = [Attribute("a", "Number", b"1"), Attribute("a", "Binary", b"1"), Attribute("a", "String.x", b"1")]
    assert len({digests.of_attributes([one]) for one in [a, *others]}) == 4


def test_a_bodys_digest_is_its_md5() -> None:
    assert digests.of_body(b"") == "d41d8cd98f00b204e9800998ecf8427e"
    assert digests.of_body("grüße".encode()) == digests.of_body(b"gr\xc3\xbc\xc3\x9fe")


@pytest.mark.parametrize("module", [None, "refuses"])
def test_a_python_without_an_md5_of_its_own_uses_that_of_hashlib(
    monkeypatch: pytest.MonkeyPatch, module: str | None
) -> None:
    def refuse(*_: bytes) -> None:
        raise ValueError("disabled for FIPS")

    monkeypatch.setitem(sys.modules, "_md5", module and SimpleNamespace(md5=refuse))
    assert run_path(str(digests.__file__))["of_body"](b"a") == "0cc175b9c0f1b6a831c399e269772661"


@pytest.mark.parametrize("length", [1, 999, 1000, 1001, 256 * 1024, 256 * 1024 + 1])
def test_the_digest_of_a_body_is_the_same_whatever_computes_it(length: int) -> None:
    """Short, longer and very long bodies are hashed by different code."""
    body = bytes(range(256)) * (length // 256 + 1)
    assert digests.of_body(body[:length]) == hashlib.md5(body[:length], usedforsecurity=False).hexdigest()

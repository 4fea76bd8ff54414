"""Digests that are computed while other tasks run."""

from __future__ import annotations

import hashlib
import threading

import pytest

from sqs_facade import digests
from tests.eventloop.loops import on_loop
from zaqar_core import eventloop
from zaqar_core.domain.model import Attribute

LARGE = b"x" * (1 << 20)


class _Threads:
    """A hash whose digest is the thread that computed it."""

    def __init__(self, text: bytes) -> None:
        del text

    def hexdigest(self) -> str:
        return str(threading.get_ident())


@pytest.mark.parametrize(("text", "is_elsewhere"), [(b"small", False), (LARGE, True)])
def test_only_a_large_text_is_hashed_in_another_thread(text: bytes, is_elsewhere: bool) -> None:
    [found] = on_loop(lambda: eventloop.hexdigest(_Threads, text))
    assert (found != str(threading.get_ident())) == is_elsewhere


def test_the_digests_of_a_large_body_and_of_large_attributes_are_the_usual_ones() -> None:
    attribute = Attribute("a", "String", LARGE)
    in_thread = (digests.of_body(LARGE), digests.of_attributes([attribute]))
    assert on_loop(lambda: (digests.of_body(LARGE), digests.of_attributes([attribute]))) == [in_thread]
    assert in_thread[0] == hashlib.md5(LARGE, usedforsecurity=False).hexdigest()

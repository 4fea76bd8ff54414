"""The characters that SQS does not allow, in texts of all lengths."""

from __future__ import annotations

import pytest

from zaqar_core.domain.characters import first_not_in_sqs
from zaqar_core.domain.limits import NOT_IN_SQS


@pytest.mark.parametrize("padding", ["", "x" * 5000, "ü" * 5000], ids=["short", "long", "not ASCII"])
def test_every_length_of_text_has_the_same_characters_that_are_not_allowed(padding: str) -> None:
    for number in [*range(0x100), 0xD7FF, 0xD800, 0xDFFF, 0xE000, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x10FFFF]:
        text = padding + chr(number)
        found = NOT_IN_SQS.search(text)
        assert first_not_in_sqs(text) == (found[0] if found else None), hex(number)


@pytest.mark.parametrize("length", [10, 5000])
def test_the_first_of_several_is_found(length: int) -> None:
    assert first_not_in_sqs("x" * length + "\x1f\x01") == "\x1f"

"""Receipt handles: an issued handle is decoded, any other text is refused."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest

from sqs_facade import receipts
from sqs_facade.errors import SqsError
from zaqar_core.domain.model import Receipt

SECRET = b"s" * 32
RECEIPT = Receipt(b"incarnat", 7, 123_456_789_012, b"nonce 8b", 1_700_000_000_123)


def refused(handle: str, secret: bytes = SECRET) -> SqsError:
    with pytest.raises(SqsError) as caught:
        receipts.decode(handle, secret)
    return caught.value


@pytest.mark.parametrize(
    "receipt",
    [RECEIPT, Receipt(b"\0" * 8, 0, 0, b"\0" * 8, 0), Receipt(b"\xff" * 8, 65535, 2**48 - 1, b"\xff" * 8, 2**48 - 1)],
)
def test_a_handle_reads_back(receipt: Receipt) -> None:
    assert receipts.decode(receipts.encode(receipt, SECRET), SECRET) == receipt


def test_a_handle_changed_in_any_byte_is_refused() -> None:
    raw = b64decode(receipts.encode(RECEIPT, SECRET))
    for at in range(len(raw)):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        assert refused(b64encode(changed).decode()).row.code == "ReceiptHandleIsInvalid"


def test_a_handle_of_another_service_is_refused() -> None:
    refused(receipts.encode(RECEIPT, SECRET), b"t" * 32)


@pytest.mark.parametrize("handle", ["", "x", "ü", "====", "A" * 100_000, " ", "\n", "\0"])
def test_a_text_that_is_not_a_handle_is_refused_and_quoted(handle: str) -> None:
    assert refused(handle).message == f'The input receipt handle "{handle}" is not a valid receipt handle.'


@pytest.mark.parametrize("change", ["{}\n", " {}", "{}=", "{}AAAA"])
def test_a_handle_with_something_added_is_refused(change: str) -> None:
    refused(change.format(receipts.encode(RECEIPT, SECRET)))

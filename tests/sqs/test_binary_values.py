"""Binary values are read as leniently as by AWS; errors name only the member."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.sqs.wire import Sqs, binary, md5_of_attributes

BYTES = b"\xfb\xff\xfe~"  # its base64 has plus signs, slashes and padding


def sent_as(text: str) -> dict[str, Any]:
    return {"a": {"DataType": "Binary", "BinaryValue": text}}


@pytest.mark.parametrize(
    "text",
    [
        "+//+fg==", "+//+fg", "+//+fg=", "-__-fg==", "-__-fg", "+//+\r\nfg==", "+//+\nfg\n",
        "+//+fh==",  # the last bits mean nothing
    ],
)  # fmt: skip
def test_a_binary_value_may_lack_its_padding(sqs: Sqs, queue: str, text: str) -> None:
    sent = sqs.call("SendMessage", QueueUrl=queue, MessageBody="x", MessageAttributes=sent_as(text))
    assert sent["MD5OfMessageAttributes"] == md5_of_attributes({"a": binary(BYTES)})
    [found] = sqs.receive(queue, MessageAttributeNames=["All"])
    assert base64.b64decode(found["MessageAttributes"]["a"]["BinaryValue"], validate=True) == BYTES


def test_binary_values_of_a_batch_are_read_alike(sqs: Sqs, queue: str) -> None:
    entry = {"Id": "a", "MessageBody": "x", "MessageAttributes": sent_as("+//+fg")}
    [sent] = sqs.call("SendMessageBatch", QueueUrl=queue, Entries=[entry])["Successful"]
    assert sent["MD5OfMessageAttributes"] == md5_of_attributes({"a": binary(BYTES)})


@pytest.mark.parametrize("text", ["%%", "A", "AAAAA", "AA AA", "AAAA=A", "AA===", "====", "ÄÖ==", "AA.A", "AAAA\0"])
@pytest.mark.parametrize("name", ["BinaryValue", "BinaryListValues"])
def test_a_value_that_is_not_base64_is_refused(sqs: Sqs, queue: str, name: str, text: str) -> None:
    attribute = {"DataType": "Binary", name: [text] if name == "BinaryListValues" else text}
    failure = sqs.error("SendMessage", QueueUrl=queue, MessageBody="x", MessageAttributes={"a": attribute})
    if sqs.protocol == "json":
        assert failure[:2] == ("MalformedInput", 400)
        assert failure.message == "The request body is not valid: BinaryValue must be base64 text."
    else:
        assert failure[:2] == ("InvalidParameterValue", 400)
        assert failure.message == "One or more parameters are invalid. Reason: BinaryValue must be base64 text."
    assert sqs.counts(queue) == ("0", "0", "0")


def test_an_empty_binary_value_has_its_own_error(sqs: Sqs, queue: str) -> None:
    failure = sqs.error("SendMessage", QueueUrl=queue, MessageBody="x", MessageAttributes=sent_as(""))
    assert failure[:2] == ("InvalidParameterValue", 400)
    assert "must contain a non-empty value of type 'Binary'" in failure.message

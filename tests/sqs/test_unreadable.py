"""Unreadable input: the error names the member and contains no text of the decoder."""

from __future__ import annotations

import re

import pytest
import requests

from tests.conftest import Service
from tests.sqs.test_bad_input import FORM_BODIES, JSON_BODIES
from tests.sqs.wire import Sqs

#: Paths into the decoded input, Python's way to show it, and words of msgspec, Python's json and its codecs.
OF_THE_DECODER = re.compile(
    r"\{'|\$|\[\.\.\.\]|\[0\]|`|Expected|codec|malformed|truncated|recursion|line 1|char \d|byte \d|digits"
)
JSON_CASES = [
    (b"{", "The request body is not valid JSON."),
    (b"\xff\xfe", "The request body is not valid JSON."),
    (b'{"QueueUrl":"\xff"}', "The request body is not valid JSON."),
    (b'{"DelaySeconds":NaN}', "The request body is not valid JSON."),
    (b"[" * 100_000, "The request body is nested too deeply."),
    (b'{"a":' * 50_000, "The request body is nested too deeply."),
    (b"[]", "The request body is not valid: it must be a JSON object."),
    (b"null", "The request body is not valid: it must be a JSON object."),
    (b'{"DelaySeconds":true}', "The request body is not valid: DelaySeconds must be an integer."),
    (b'{"DelaySeconds":"1"}', "STRING_VALUE can not be converted to an Integer (DelaySeconds)"),
    (b'{"MessageAttributes":[]}', "The request body is not valid: MessageAttributes must be a structure."),
    (b'{"MessageAttributes":{"a":1}}',
     "The request body is not valid: an entry of MessageAttributes must be a structure."),
    (b'{"MessageAttributes":{"a":{"DataType":1}}}', "NUMBER_VALUE can not be converted to a String (DataType)"),
    (b'{"MessageAttributes":{"a":{"BinaryValue":1}}}',
     "The request body is not valid: BinaryValue must be base64 text."),
    (b'{"MessageAttributes":{"a":{"StringListValues":"x"}}}',
     "The request body is not valid: StringListValues must be a list."),
    (b'{"MessageAttributes":{"a":{"StringListValues":[null]}}}',
     "The request body is not valid: an entry of StringListValues must be a string."),
]  # fmt: skip
FORM_CASES = [
    (b"MessageBody=%FF", "The parameters of the request are not valid: they are not UTF-8."),
    (b"a=1&a.b=2", "The parameters of the request are not valid: a cannot be both a value and a structure."),
    (b"DelaySeconds=soon", "One or more parameters are invalid. Reason: DelaySeconds must be an integer."),
    (b"DelaySeconds=1.5", "One or more parameters are invalid. Reason: DelaySeconds must be an integer."),
    (b"DelaySeconds.x=1", "One or more parameters are invalid. Reason: DelaySeconds must be an integer."),
    (b"MessageAttribute.x.Name=a",
     "One or more parameters are invalid. Reason: the parameters of a list must be numbered from 1."),
    (b"MessageAttribute.1=a", "One or more parameters are invalid. Reason: an entry lacks its Name."),
    (b"MessageAttribute.1.Name=a&MessageAttribute.1.Value=b",
     "One or more parameters are invalid. Reason: an entry of MessageAttributes must be a structure."),
    (b"MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType.x=b",
     "One or more parameters are invalid. Reason: DataType must be a string."),
]  # fmt: skip


@pytest.mark.parametrize(("body", "said"), JSON_CASES)
def test_json_that_cannot_be_read_is_explained(service: Service, lane: str, body: bytes, said: str) -> None:
    headers = {"X-Amz-Target": "AmazonSQS.SendMessage", "x-sqs-facade-lane": lane}
    answer = requests.post(service.url, body, headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["message"]) == (400, said)


@pytest.mark.parametrize(("body", "said"), FORM_CASES)
def test_parameters_that_cannot_be_read_are_explained(service: Service, lane: str, body: bytes, said: str) -> None:
    sqs = Sqs(service.url, "query", lane)
    answer = requests.post(service.url, b"Action=SendMessage&" + body, headers=sqs.headers, timeout=10)
    assert (sqs.failure(answer).status, sqs.failure(answer).message) == (400, said)


def test_no_error_contains_the_text_of_a_decoder(sqs: Sqs) -> None:
    headers = {**sqs.headers, "X-Amz-Target": "AmazonSQS.SendMessage"} if sqs.protocol == "json" else sqs.headers
    for body in JSON_BODIES if sqs.protocol == "json" else FORM_BODIES:
        failure = sqs.failure(requests.post(sqs.url, body, headers=headers, timeout=10))
        assert OF_THE_DECODER.search(failure.message) is None, failure

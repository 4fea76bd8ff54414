"""SendMessage: bodies, sizes, attributes, digests, delay."""

from __future__ import annotations

from base64 import b64encode

import pytest

from tests.sqs.wire import Failure, Sqs, md5, md5_of_attributes, text

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
TRACE_MD5 = "5ae4d5d7636402d80f4eb6d213245a88"


@pytest.mark.parametrize("members", [{}, {"MessageBody": ""}])
def test_an_empty_body_counts_as_missing(sqs: Sqs, queue: str, members: dict[str, str]) -> None:
    assert sqs.error("SendMessage", QueueUrl=queue, **members) == Failure(
        "MissingParameter", 400, "The request must contain the parameter MessageBody."
    )


@pytest.mark.parametrize(
    "body",
    ["x", " x ", "a\rb\r\nc\nd\te", "<&>\"'&amp;&#13;", "grüße 😀 \ud7ff\ue000\ufffd\U0010ffff", "%41+%2B&a=b", " "],
)
def test_a_body_comes_back_byte_for_byte(sqs: Sqs, queue: str, body: str) -> None:
    sent = sqs.send(queue, body)
    assert sent == {"MD5OfMessageBody": md5(body), "MessageId": sent["MessageId"]}
    [found] = sqs.receive(queue)
    assert (found["Body"], found["MD5OfBody"], found["MessageId"]) == (body, md5(body), sent["MessageId"])
    assert set(found) == {"Body", "MD5OfBody", "MessageId", "ReceiptHandle"}


@pytest.mark.parametrize("character", ["\0", "\x01", "\x08", "\x0b", "\x0c", "\x1f", "\ufffe", "\uffff"])
def test_a_forbidden_character_is_refused(sqs: Sqs, queue: str, character: str) -> None:
    assert sqs.error("SendMessage", QueueUrl=queue, MessageBody=f"a{character}b\0") == Failure(
        "InvalidMessageContents",
        400,
        f"Invalid binary character '#x{ord(character):X}' was found in the message body, the set of allowed characters "
        "is #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF].",
    )
    assert sqs.counts(queue) == ("0", "0", "0")


@pytest.mark.parametrize("character", ["x", "ü", "😀"])
def test_the_size_is_counted_in_utf_8_bytes_and_the_limit_is_accepted(
    sqs: Sqs, queue_name: str, character: str
) -> None:
    queue = sqs.queue(queue_name, MaximumMessageSize="1024")
    fits = character * (1024 // len(character.encode()))
    sqs.send(queue, fits)
    assert sqs.error("SendMessage", QueueUrl=queue, MessageBody=fits + "y") == Failure(
        "InvalidParameterValue",
        400,
        "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
    )
    assert sqs.counts(queue) == ("1", "0", "0")


def test_the_size_counts_names_types_and_values_of_attributes(sqs: Sqs, queue_name: str) -> None:
    queue = sqs.queue(queue_name, MaximumMessageSize="1024")
    attributes = {
        "näme": text("välue"),
        "raw": {"DataType": "Binary.png", "BinaryValue": b64encode(b"\0\1\2\3").decode()},
    }
    size = len("näme".encode()) + len("String") + len("välue".encode()) + len("raw") + len("Binary.png") + 4
    sqs.send(queue, "x" * (1024 - size), MessageAttributes=attributes)
    body = "x" * (1025 - size)
    error = sqs.error("SendMessage", QueueUrl=queue, MessageBody=body, MessageAttributes=attributes)
    assert error.message.endswith("Message must be shorter than 1024 bytes.")


def test_a_mebibyte_is_accepted_and_one_byte_more_is_not(sqs: Sqs, queue: str) -> None:
    body = "%" * (1 << 20)
    assert sqs.send(queue, body)["MD5OfMessageBody"] == md5(body)
    [found] = sqs.receive(queue)
    assert found["Body"] == body
    error = sqs.error("SendMessage", QueueUrl=queue, MessageBody=body + "%")
    assert error.message.endswith("Message must be shorter than 1048576 bytes.")


def test_attributes_come_back_with_the_md5_that_clients_compute(sqs: Sqs, queue: str) -> None:
    attributes = {
        "zebra": text("ü\r\n<&>"),
        "Number": text("-12.5e3", "Number.float"),
        "custom.Type_1-a": text("x", "String.my.kind"),
        "label": text("1", "Number.fluffy bunny<&>/größe"),
        "raw": {"DataType": "Binary", "BinaryValue": b64encode(bytes(range(256))).decode()},
        "größe": text("1"),
    }
    sent = sqs.send(queue, "x", MessageAttributes=attributes)
    assert sent["MD5OfMessageAttributes"] == md5_of_attributes(attributes)
    [found] = sqs.receive(queue, MessageAttributeNames=["All"])
    assert found["MessageAttributes"] == attributes
    assert found["MD5OfMessageAttributes"] == md5_of_attributes(attributes)


RESERVED = (
    "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for internal "
    "use."
)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "The request must contain non-empty message (user) attribute names."),
        ("a" * 257, "Message (user) attribute name must be shorter than 256 bytes."),
        *((name, RESERVED) for name in ("aws.x", "AWS.x", "Amazon.x")),
        *((name, f"Message (user) attribute name '{name}' is invalid.") for name in ("a b", "a/b", ".x", "x.", "x..y")),
        ("x\n", None),
    ],
)
def test_an_attribute_name_that_is_not_allowed_is_refused(sqs: Sqs, queue: str, name: str, message: str | None) -> None:
    error = sqs.error("SendMessage", QueueUrl=queue, MessageBody="x", MessageAttributes={name: text("1")})
    assert (error.code, error.status) == ("InvalidParameterValue", 400)
    assert message in (None, error.message)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (text(""), "Message (user) attribute 'x' must contain a non-empty value of type 'String'."),
        (text("", "Number"), "Message (user) attribute 'x' must contain a non-empty value of type 'Number'."),
        (
            text("1", "Text"),
            "The type of message (user) attribute 'x' is invalid. You must use only the following supported type "
            "prefixes: Binary, Number, String.",
        ),
        (text("abc", "Number"), None),
        (text("nan", "Number"), None),
        (text("1_0", "Number"), None),
        (text("a\0b"), None),
        ({"StringValue": "1"}, "The message (user) attribute 'x' must contain a non-empty message attribute type."),
        ({"DataType": ""}, "The message (user) attribute 'x' must contain a non-empty message attribute value."),
        ({"DataType": "String"}, None),
        ({"DataType": "Binary", "StringValue": "x"}, None),
        (text("1", "String" + ".x" * 130), "Message (user) attribute type must be shorter than 256 bytes."),
    ],
)
def test_an_attribute_value_that_is_not_allowed_is_refused(
    sqs: Sqs, queue: str, value: dict[str, str], message: str | None
) -> None:
    error = sqs.error("SendMessage", QueueUrl=queue, MessageBody="x", MessageAttributes={"x": value})
    assert (error.code, error.status) == ("InvalidParameterValue", 400)
    assert message in (None, error.message)
    assert sqs.counts(queue) == ("0", "0", "0")


def test_ten_attributes_are_accepted_and_eleven_are_not(sqs: Sqs, queue: str) -> None:
    ten = {f"a{number}": text("1") for number in range(10)}
    sqs.send(queue, "x", MessageAttributes=ten)
    error = sqs.error("SendMessage", QueueUrl=queue, MessageBody="x", MessageAttributes={**ten, "more": text("1")})
    assert error.code == "InvalidParameterValue"


def test_a_trace_header_is_a_system_attribute_of_its_own_md5(sqs: Sqs, queue: str) -> None:
    sent = sqs.send(queue, "x", MessageSystemAttributes={"AWSTraceHeader": text(TRACE)})
    assert sent["MD5OfMessageSystemAttributes"] == TRACE_MD5
    assert "MD5OfMessageAttributes" not in sent
    [found] = sqs.receive(queue, MessageSystemAttributeNames=["AWSTraceHeader"])
    assert found["Attributes"] == {"AWSTraceHeader": TRACE}


def test_the_trace_header_of_the_request_is_the_default_of_the_messages(sqs: Sqs, queue: str) -> None:
    sent = sqs.call("SendMessage", trace=TRACE, QueueUrl=queue, MessageBody="x")
    assert sent["MD5OfMessageSystemAttributes"] == TRACE_MD5
    given = {"AWSTraceHeader": text("Root=mine")}
    sqs.call("SendMessage", trace=TRACE, QueueUrl=queue, MessageBody="x", MessageSystemAttributes=given)
    found = sqs.receive(queue, MaxNumberOfMessages=10, MessageSystemAttributeNames=["AWSTraceHeader"])
    assert {one["Attributes"]["AWSTraceHeader"] for one in found} == {TRACE, "Root=mine"}


def test_other_system_attributes_are_refused(sqs: Sqs, queue: str) -> None:
    given = {"SenderId": text("me")}
    error = sqs.error("SendMessage", QueueUrl=queue, MessageBody="x", MessageSystemAttributes=given)
    assert error.code == "InvalidParameterValue"
    given = {"AWSTraceHeader": text(TRACE), "SenderId": text("me")}
    error = sqs.error("SendMessage", QueueUrl=queue, MessageBody="x", MessageSystemAttributes=given)
    assert error.code == "InvalidParameterValue"


@pytest.mark.parametrize("value", [{"DataType": "Binary", "BinaryValue": "/w=="}, text("7", "Number"), text("")])
def test_a_trace_header_must_be_a_string(sqs: Sqs, queue: str, value: dict[str, str]) -> None:
    """Bytes that are no text could never be received."""
    error = sqs.error("SendMessage", QueueUrl=queue, MessageBody="x", MessageSystemAttributes={"AWSTraceHeader": value})
    assert (error.code, error.status) == ("InvalidParameterValue", 400)
    assert sqs.counts(queue) == ("0", "0", "0")


@pytest.mark.parametrize("lists", [{"StringListValues": ["one"]}, {"BinaryListValues": ["b25l"]}])
def test_values_that_are_lists_are_refused_and_not_dropped(sqs: Sqs, queue: str, lists: dict[str, list[str]]) -> None:
    attributes = {"x": {"DataType": "String", "StringValue": "x", **lists}}
    assert sqs.error("SendMessage", QueueUrl=queue, MessageBody="x", MessageAttributes=attributes) == Failure(
        "AWS.SimpleQueueService.UnsupportedOperation",
        400,
        "Message attribute list values in SendMessage operation are not supported.",
    )
    empty = {"x": {"DataType": "String", "StringValue": "x", **{name: [] for name in lists}}}
    sqs.send(queue, "x", MessageAttributes=empty)
    assert sqs.counts(queue) == ("1", "0", "0")


def test_system_attributes_do_not_count_in_the_size(sqs: Sqs, queue_name: str) -> None:
    queue = sqs.queue(queue_name, MaximumMessageSize="1024")
    sqs.send(queue, "x" * 1024, MessageSystemAttributes={"AWSTraceHeader": text(TRACE)})


def test_a_delayed_message_is_counted_as_delayed_only(sqs: Sqs, queue: str) -> None:
    sqs.send(queue, "x", DelaySeconds=900)
    assert sqs.counts(queue) == ("0", "0", "1")
    assert sqs.receive(queue) == []


def test_the_queues_delay_holds_unless_the_message_has_its_own(sqs: Sqs, queue_name: str) -> None:
    queue = sqs.queue(queue_name, DelaySeconds="900")
    sqs.send(queue, "late")
    sqs.send(queue, "now", DelaySeconds=0)
    assert sqs.counts(queue) == ("1", "0", "1")
    assert [one["Body"] for one in sqs.receive(queue, MaxNumberOfMessages=10)] == ["now"]


@pytest.mark.parametrize("delay", [-1, 901, 10**12])
def test_a_delay_out_of_bounds_is_refused(sqs: Sqs, queue: str, delay: int) -> None:
    assert sqs.error("SendMessage", QueueUrl=queue, MessageBody="x", DelaySeconds=delay).code == "InvalidParameterValue"


def test_a_standard_queue_accepts_a_group_and_returns_no_sequence_number(sqs: Sqs, queue: str) -> None:
    sent = sqs.send(queue, "x", MessageGroupId="g-1")
    assert "SequenceNumber" not in sent
    [found] = sqs.receive(queue, MessageSystemAttributeNames=["All"])
    assert found["Attributes"]["MessageGroupId"] == "g-1"


@pytest.mark.parametrize("group", ["group 123", "", "x" * 129, "ü", "x\n"])
def test_a_group_of_other_characters_is_refused(sqs: Sqs, queue: str, group: str) -> None:
    assert sqs.error("SendMessage", QueueUrl=queue, MessageBody="x", MessageGroupId=group) == Failure(
        "InvalidParameterValue",
        400,
        f"Value {group} for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric "
        "and punctuation characters. 1 to 128 in length.",
    )

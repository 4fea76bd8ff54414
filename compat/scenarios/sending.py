"""SendMessage: bodies, sizes, delays, group ids and deduplication ids."""

from __future__ import annotations

import hashlib
from typing import Any

from ..bench import Bench
from ..scenario import error, invalid, missing, scenario

_TOO_LONG = error(
    "InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."
)
_CONTENTS = error("InvalidMessageContents")
_PUNCTUATION = "can only include alphanumeric and punctuation characters. 1 to 128 in length."


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _text(value: str, kind: str = "String") -> dict[str, str]:
    return {"DataType": kind, "StringValue": value}


@scenario("SendMessage", "A58 A9", {"MD5OfMessageBody": _md5("hello"), "MessageId": "<id 1>"})
def answer_to_a_send(sqs: Any, bench: Bench) -> Any:
    """The result has the message id and the digest of the body, and no member for what was not sent."""
    return sqs.send_message(QueueUrl=bench.queue(), MessageBody="hello")


@scenario("SendMessage", "R53", missing("MessageBody"))
def empty_body(sqs: Any, bench: Bench) -> Any:
    """An empty body fails with MissingParameter."""
    return sqs.send_message(QueueUrl=bench.queue(), MessageBody="")


@scenario("SendMessage", "A24", missing("MessageBody"))
def no_body(sqs: Any, bench: Bench) -> Any:
    """A message needs a body."""
    return sqs.send_message(QueueUrl=bench.queue())


@scenario("SendMessage", "A11 A22", ["a\r\nb\rc\t<&>\"'&#xD; ü\U0001f600"])
def body_is_kept_byte_for_byte(sqs: Any, bench: Bench) -> Any:
    """A body with carriage returns, quotes, entities and other scripts is returned as it was sent."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="a\r\nb\rc\t<&>\"'&#xD; ü\U0001f600")
    return bench.bodies(url, 1)


@scenario("SendMessage", "A11", ["  x \n"])
def white_space_is_kept(sqs: Any, bench: Bench) -> Any:
    """White space at both ends of a body is kept."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="  x \n")
    return bench.bodies(url, 1)


@scenario("SendMessage", "R54", [_md5("x" * 1024), _TOO_LONG])
def size_limit_of_the_queue(sqs: Any, bench: Bench) -> Any:
    """A message of exactly MaximumMessageSize is accepted, one byte more is refused."""
    url = bench.queue(MaximumMessageSize="1024")
    accepted = sqs.send_message(QueueUrl=url, MessageBody="x" * 1024)["MD5OfMessageBody"]
    return [accepted, bench.refusal(sqs.send_message, QueueUrl=url, MessageBody="x" * 1025)]


@scenario("SendMessage", "R54", _TOO_LONG)
def size_is_counted_in_bytes(sqs: Any, bench: Bench) -> Any:
    """The size of a body is counted in UTF-8 bytes, not in characters."""
    return sqs.send_message(QueueUrl=bench.queue(MaximumMessageSize="1024"), MessageBody="ü" * 513)


@scenario("SendMessage", "R54", ["accepted", _TOO_LONG])
def attributes_count(sqs: Any, bench: Bench) -> Any:
    """The name, type and value of an attribute count toward the size of the message."""
    url = bench.queue(MaximumMessageSize="1024")
    attributes = {"name": _text("value")}  # 4 + 6 + 5 bytes
    sqs.send_message(QueueUrl=url, MessageBody="x" * (1024 - 15), MessageAttributes=attributes)
    too_long = {"MessageBody": "x" * (1024 - 14), "MessageAttributes": attributes}
    return ["accepted", bench.refusal(sqs.send_message, QueueUrl=url, **too_long)]


@scenario("SendMessage", "A59", ["accepted"])
def system_attributes_do_not_count(sqs: Any, bench: Bench) -> Any:
    """System attributes do not count toward the size of the message."""
    trace = _text("Root=1-5759e988-bd862e3fe1be46a994272793")
    sqs.send_message(
        QueueUrl=bench.queue(MaximumMessageSize="1024"),
        MessageBody="x" * 1024,
        MessageSystemAttributes={"AWSTraceHeader": trace},
    )
    return ["accepted"]


@scenario("SendMessage", "R38 R54", "1048576 bytes")
def a_mebibyte(sqs: Any, bench: Bench) -> Any:
    """A message of one mebibyte is sent and received."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x" * (1 << 20))
    return f"{len(bench.bodies(url, 1)[0])} bytes"


@scenario("SendMessage", "A55", _CONTENTS)
def control_character(sqs: Any, bench: Bench) -> Any:
    """A control character in a body is refused."""
    return sqs.send_message(QueueUrl=bench.queue(), MessageBody="a\x08b")


@scenario("SendMessage", "A55", _CONTENTS)
def last_character_of_the_plane(sqs: Any, bench: Bench) -> Any:
    """U+FFFF in a body is refused."""
    return sqs.send_message(QueueUrl=bench.queue(), MessageBody="a\uffffb")


@scenario("SendMessage", "A55", ["\t\n\r\x20\ud7ff\ue000\ufffd\U00010000\U0010ffff"])
def characters_at_the_ends(sqs: Any, bench: Bench) -> Any:
    """The first and last characters of the allowed ranges are accepted."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="\t\n\r\x20\ud7ff\ue000\ufffd\U00010000\U0010ffff")
    return bench.bodies(url, 1)


@scenario("SendMessage", "R61", [[], ["now"]])
def delay_of_zero_overrides_the_queue(sqs: Any, bench: Bench) -> Any:
    """On a standard queue DelaySeconds 0 overrides the queue's delay."""
    url = bench.queue(DelaySeconds="60")
    sqs.send_message(QueueUrl=url, MessageBody="later")
    first = bench.sqs.receive_message(QueueUrl=url).get("Messages", [])
    sqs.send_message(QueueUrl=url, MessageBody="now", DelaySeconds=0)
    return [first, bench.bodies(url, 1)]


@scenario("SendMessage", "D45", [[], ["x"]], needs_seconds=1.1)
def delayed_message(sqs: Any, bench: Bench) -> Any:
    """A delayed message is received when its delay is over."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=1)
    first = bench.sqs.receive_message(QueueUrl=url).get("Messages", [])
    bench.pass_time(1.1)
    return [first, bench.bodies(url, 1)]


@scenario("SendMessage", "D45", error("InvalidParameterValue"))
def delay_out_of_range(sqs: Any, bench: Bench) -> Any:
    """DelaySeconds over 900 is refused."""
    return sqs.send_message(QueueUrl=bench.queue(), MessageBody="x", DelaySeconds=901)


@scenario(
    "SendMessage",
    "R61",
    invalid("2", "DelaySeconds", "The request include parameter that is not valid for this queue type."),
)
def delay_on_fifo(sqs: Any, bench: Bench) -> Any:
    """A FIFO queue refuses DelaySeconds of a message."""
    return sqs.send_message(QueueUrl=bench.queue(fifo=True), MessageBody="x", MessageGroupId="g", DelaySeconds=2)


@scenario("SendMessage", "R61", ["0", "0", "1"])
def delay_of_zero_on_fifo(sqs: Any, bench: Bench) -> Any:
    """On a FIFO queue DelaySeconds 0 means the queue's delay."""
    url = bench.queue(fifo=True, DelaySeconds="60")
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", DelaySeconds=0)
    return bench.counts(url)


@scenario("SendMessage", "R62", ["no sequence", {"MessageGroupId": "tenant"}])
def group_on_a_standard_queue(sqs: Any, bench: Bench) -> Any:
    """A standard queue accepts and returns a MessageGroupId, without a SequenceNumber."""
    url = bench.queue()
    response = sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="tenant")
    found = bench.receive(url, MessageSystemAttributeNames=["MessageGroupId"])
    return [response.get("SequenceNumber", "no sequence"), found[0].get("Attributes")]


@scenario("SendMessage", "R62", invalid("group 123", "MessageGroupId", f"MessageGroupId {_PUNCTUATION}"))
def group_with_a_blank(sqs: Any, bench: Bench) -> Any:
    """A MessageGroupId with a space is refused, even on a standard queue."""
    return sqs.send_message(QueueUrl=bench.queue(), MessageBody="x", MessageGroupId="group 123")


@scenario("SendMessage", "R62", invalid("", "MessageGroupId", f"MessageGroupId {_PUNCTUATION}"))
def empty_group_on_a_standard_queue(sqs: Any, bench: Bench) -> Any:
    """An empty MessageGroupId is refused on a standard queue."""
    return sqs.send_message(QueueUrl=bench.queue(), MessageBody="x", MessageGroupId="")


@scenario("SendMessage", "R62", error("InvalidParameterValue"))
def group_too_long(sqs: Any, bench: Bench) -> Any:
    """A MessageGroupId has at most 128 characters."""
    return sqs.send_message(QueueUrl=bench.queue(fifo=True), MessageBody="x", MessageGroupId="g" * 129)


@scenario("SendMessage", "R63", ["accepted", error("InvalidParameterValue")])
def deduplication_id_too_long(sqs: Any, bench: Bench) -> Any:
    """A MessageDeduplicationId has at most 128 characters."""
    url = bench.queue(fifo=True)
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d" * 128)
    longer = {"MessageBody": "y", "MessageGroupId": "g", "MessageDeduplicationId": "d" * 129}
    return ["accepted", bench.refusal(sqs.send_message, QueueUrl=url, **longer)]


@scenario("SendMessage", "R63", invalid("a b", "MessageDeduplicationId", f"MessageDeduplicationId {_PUNCTUATION}"))
def deduplication_id_with_a_blank(sqs: Any, bench: Bench) -> Any:
    """A MessageDeduplicationId with a space is refused."""
    return sqs.send_message(
        QueueUrl=bench.queue(fifo=True), MessageBody="x", MessageGroupId="g", MessageDeduplicationId="a b"
    )


@scenario("SendMessage", "R63", invalid("", "MessageDeduplicationId", f"MessageDeduplicationId {_PUNCTUATION}"))
def empty_deduplication_id(sqs: Any, bench: Bench) -> Any:
    """An empty MessageDeduplicationId is refused."""
    return sqs.send_message(
        QueueUrl=bench.queue(fifo=True), MessageBody="x", MessageGroupId="g", MessageDeduplicationId=""
    )


@scenario("SendMessage", "R121", error("InvalidParameterValue"))
def deduplication_id_on_a_standard_queue(sqs: Any, bench: Bench) -> Any:
    """A standard queue refuses a MessageDeduplicationId."""
    return sqs.send_message(QueueUrl=bench.queue(), MessageBody="x", MessageDeduplicationId="d")


_PUNCTUATED = "aZ09!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


@scenario("SendMessage", "R62 R63", {"MessageDeduplicationId": _PUNCTUATED, "MessageGroupId": _PUNCTUATED})
def all_punctuation(sqs: Any, bench: Bench) -> Any:
    """Group ids and deduplication ids may contain all ASCII punctuation."""
    url = bench.queue(fifo=True)
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId=_PUNCTUATED, MessageDeduplicationId=_PUNCTUATED)
    names = ["MessageDeduplicationId", "MessageGroupId"]
    return bench.receive(url, MessageSystemAttributeNames=names)[0]["Attributes"]

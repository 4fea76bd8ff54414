"""Message attributes and system attributes: allowed values, digests, and what is returned."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ..bench import Bench
from ..scenario import error, scenario


def _text(value: str, kind: str = "String") -> dict[str, Any]:
    return {"DataType": kind, "StringValue": value}


def _digest(attributes: dict[str, dict[str, Any]]) -> str:
    """Return the MD5 of attributes by the documented algorithm."""
    joined = b""
    for name, one in sorted(attributes.items()):
        binary = one.get("BinaryValue")
        value = one["StringValue"].encode() if binary is None else binary
        for part in (name.encode(), one["DataType"].encode()):
            joined += len(part).to_bytes(4, "big") + part
        joined += (b"\1" if binary is None else b"\2") + len(value).to_bytes(4, "big") + value
    return hashlib.md5(joined, usedforsecurity=False).hexdigest()


_ALL = {
    "Hello": _text("there"),
    "Help.Me": _text("please"),
    "count": _text("42", "Number.int"),
    "data": {"DataType": "Binary.png", "BinaryValue": b"\x00\xff\x80"},
}
_SHOWN = {**_ALL, "data": {"DataType": "Binary.png", "BinaryValue": "bytes:00ff80"}}
_TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def _received(bench: Bench, *names: str) -> Any:
    """Receive a message that has all attributes, and return those that this request selects."""
    url = bench.queue()
    bench.sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=_ALL)
    found = bench.receive(url, MessageAttributeNames=list(names))[0]
    return {name: found[name] for name in ("MessageAttributes", "MD5OfMessageAttributes") if name in found}


def _shown(*names: str) -> dict[str, Any]:
    return {
        "MessageAttributes": {name: _SHOWN[name] for name in names},
        "MD5OfMessageAttributes": _digest({name: _ALL[name] for name in names}),
    }


@scenario("SendMessage", "A58", _digest(_ALL))
def digest_of_a_send(sqs: Any, bench: Bench) -> Any:
    """MD5OfMessageAttributes covers names, types and values, sorted by name."""
    response = sqs.send_message(QueueUrl=bench.queue(), MessageBody="x", MessageAttributes=_ALL)
    return response.get("MD5OfMessageAttributes")


@scenario("ReceiveMessage", "R77 A58", _shown(*_ALL))
def all_of_them(sqs: Any, bench: Bench) -> Any:
    """MessageAttributeNames All returns every attribute as it was sent."""
    return _received(bench, "All")


@scenario("ReceiveMessage", "R77", _shown(*_ALL))
def dot_star(sqs: Any, bench: Bench) -> Any:
    """MessageAttributeNames .* returns all attributes."""
    return _received(bench, ".*")


@scenario("ReceiveMessage", "R77", _shown(*_ALL))
def star(sqs: Any, bench: Bench) -> Any:
    """MessageAttributeNames * returns all attributes."""
    return _received(bench, "*")


@scenario("ReceiveMessage", "R77", _shown("Hello", "Help.Me"))
def prefix(sqs: Any, bench: Bench) -> Any:
    """Hel.* matches every name that begins with Hel."""
    return _received(bench, "Hel.*")


@scenario("ReceiveMessage", "R77", _shown("count"))
def one_name(sqs: Any, bench: Bench) -> Any:
    """A name returns that attribute, and the digest covers that attribute alone."""
    return _received(bench, "count")


@scenario("ReceiveMessage", "R77", {})
def illegal_names(sqs: Any, bench: Bench) -> Any:
    """Unknown and illegal names match nothing and are not an error."""
    return _received(bench, "AWS.", "..foo", "Help", "nobody")


@scenario("ReceiveMessage", "R77", {})
def none_by_default(sqs: Any, bench: Bench) -> Any:
    """Attributes are returned only on request."""
    return _received(bench)


@scenario("SendMessage", "A56", [_digest({"øßä": _text("x")})])
def letters_of_other_scripts(sqs: Any, bench: Bench) -> Any:
    """Attribute names may hold letters beyond ASCII."""
    response = sqs.send_message(QueueUrl=bench.queue(), MessageBody="x", MessageAttributes={"øßä": _text("x")})
    return [response.get("MD5OfMessageAttributes")]


def _sent(bench: Bench, name: str, value: dict[str, Any]) -> Any:
    return bench.sqs.send_message(QueueUrl=bench.queue(), MessageBody="x", MessageAttributes={name: value})


_REFUSED = error("InvalidParameterValue")


@scenario("SendMessage", "A56", _REFUSED)
def reserved_prefix(sqs: Any, bench: Bench) -> Any:
    """Names that begin with AWS. in any case are refused."""
    return _sent(bench, "aWs.name", _text("x"))


@scenario("SendMessage", "A56", _REFUSED)
def reserved_prefix_of_amazon(sqs: Any, bench: Bench) -> Any:
    """Names that begin with Amazon. in any case are refused."""
    return _sent(bench, "AMAZON.name", _text("x"))


@scenario("SendMessage", "A56", _REFUSED)
def leading_dot(sqs: Any, bench: Bench) -> Any:
    """A name that begins with a dot is refused."""
    return _sent(bench, ".name", _text("x"))


@scenario("SendMessage", "A56", _REFUSED)
def trailing_dot(sqs: Any, bench: Bench) -> Any:
    """A name that ends with a dot is refused."""
    return _sent(bench, "name.", _text("x"))


@scenario("SendMessage", "A56", _REFUSED)
def name_with_a_blank(sqs: Any, bench: Bench) -> Any:
    """A name with a space is refused."""
    return _sent(bench, "a b", _text("x"))


@scenario("SendMessage", "A56", _REFUSED)
def name_too_long(sqs: Any, bench: Bench) -> Any:
    """A name has at most 256 characters."""
    return _sent(bench, "n" * 257, _text("x"))


@scenario("SendMessage", "A56", _REFUSED)
def control_character_in_a_value(sqs: Any, bench: Bench) -> Any:
    """A control character in a StringValue is refused."""
    return _sent(bench, "name", _text("a\x08b"))


@scenario("SendMessage", "A56", _REFUSED)
def type_too_long(sqs: Any, bench: Bench) -> Any:
    """A type has at most 256 characters."""
    return _sent(bench, "name", _text("x", "String." + "t" * 250))


@scenario(
    "SendMessage",
    "R57",
    error("InvalidParameterValue", "Message (user) attribute 'name' must contain a non-empty value of type 'String'."),
)
def empty_text(sqs: Any, bench: Bench) -> Any:
    """An empty StringValue is refused."""
    return _sent(bench, "name", _text(""))


@scenario("SendMessage", "P57", _REFUSED)
def empty_number(sqs: Any, bench: Bench) -> Any:
    """An empty number is refused."""
    return _sent(bench, "name", _text("", "Number"))


@scenario(
    "SendMessage",
    "A57",
    error(
        "InvalidParameterValue",
        "The type of message (user) attribute 'name' is invalid. You must use only the following supported type "
        "prefixes: Binary, Number, String.",
    ),
)
def unknown_type(sqs: Any, bench: Bench) -> Any:
    """A type must begin with String, Number or Binary."""
    return _sent(bench, "name", _text("x", "Text"))


@scenario("SendMessage", "A59", ["5ae4d5d7636402d80f4eb6d213245a88", "no digest", _TRACE])
def trace_header(sqs: Any, bench: Bench) -> Any:
    """AWSTraceHeader has a digest of its own and is returned as a system attribute."""
    url = bench.queue()
    response = sqs.send_message(
        QueueUrl=url, MessageBody="x", MessageSystemAttributes={"AWSTraceHeader": _text(_TRACE)}
    )
    found = bench.receive(url, MessageSystemAttributeNames=["AWSTraceHeader"])[0]
    return [
        response.get("MD5OfMessageSystemAttributes"),
        response.get("MD5OfMessageAttributes", "no digest"),
        found.get("Attributes", {}).get("AWSTraceHeader"),
    ]


@scenario("SendMessage", "R60", {"AWSTraceHeader": _TRACE}, protocol="json")
def trace_header_of_the_request(sqs: Any, bench: Bench) -> Any:
    """An X-Amzn-Trace-Id header of the request becomes the message's AWSTraceHeader."""
    url = bench.queue()
    body = f'{{"QueueUrl": "{url}", "MessageBody": "x"}}'.encode()
    bench.json("SendMessage", body, **{"X-Amzn-Trace-Id": _TRACE}).raise_for_status()
    return bench.receive(url, MessageSystemAttributeNames=["AWSTraceHeader"])[0].get("Attributes")


@scenario("SendMessage", "A59", error("InvalidParameterValue"))
def unknown_system_attribute(sqs: Any, bench: Bench) -> Any:
    """Only AWSTraceHeader can be sent as a system attribute."""
    return sqs.send_message(QueueUrl=bench.queue(), MessageBody="x", MessageSystemAttributes={"SenderId": _text("x")})


@scenario("SendMessage", "R121", [error("AWS.SimpleQueueService.UnsupportedOperation")] * 2)
def lists_of_values(sqs: Any, bench: Bench) -> Any:
    """A message attribute with a list of strings or binary values is not supported."""
    lists: list[Any] = [
        {"DataType": "String", "StringListValues": ["one", "two"]},
        {"DataType": "Binary", "BinaryListValues": [b"one", b"two"]},
    ]
    url = bench.queue()
    return [
        bench.refusal(sqs.send_message, QueueUrl=url, MessageBody="x", MessageAttributes={"list": one}) for one in lists
    ]


@scenario("SendMessage", "P60", {"AWSTraceHeader": _TRACE}, protocol="json")
def trace_attribute_wins(sqs: Any, bench: Bench) -> Any:
    """AWSTraceHeader as a system attribute takes precedence over the request's header."""
    url = bench.queue()
    document = {"QueueUrl": url, "MessageBody": "x", "MessageSystemAttributes": {"AWSTraceHeader": _text(_TRACE)}}
    bench.json("SendMessage", json.dumps(document).encode(), **{"X-Amzn-Trace-Id": "Root=1-0-0"}).raise_for_status()
    return bench.receive(url, MessageSystemAttributeNames=["AWSTraceHeader"])[0].get("Attributes")


@scenario("SendMessage", "A56", ["n" * 256])
def longest_name(sqs: Any, bench: Bench) -> Any:
    """A name of 256 characters is accepted and returned."""
    url = bench.queue()
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes={"n" * 256: _text("x")})
    return list(bench.receive(url, MessageAttributeNames=["All"])[0].get("MessageAttributes", {}))

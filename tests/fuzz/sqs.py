"""The grammar of SQS: both protocols and the peek endpoint, from the schema of the operations."""

from __future__ import annotations

import random
from typing import Any

from msgspec import inspect

from sqs_facade import peek
from sqs_facade.face import JSON_TYPE  # importing the face registers the operations
from sqs_facade.registry import OPERATIONS
from tests.fuzz import values
from tests.fuzz.case import ACCOUNT, QUEUES, Case, Memory, escaped

_NAMES = tuple(sorted(OPERATIONS))
_SHAPES = {name: inspect.type_info(one.parameters) for name, one in OPERATIONS.items()}
#: Keys of the map ``Attributes`` that operations know, and some that they do not.
_ATTRIBUTES = (
    "DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "Policy", "VisibilityTimeout", "RedrivePolicy",
    "RedriveAllowPolicy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled", "FifoQueue",
    "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit", "QueueArn", "All", "Foo", "",
    "VisibilityTimeout ",
)  # fmt: skip
_ATTRIBUTE_VALUES = (
    "0", "30", "true", "false", "1024", "262144", "60", "messageGroup", "queue", "perQueue", "perMessageGroupId",
    '{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:b","maxReceiveCount":2}',
    '{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:us-east-1:000000000000:a"]}',
    '{"redrivePermission":1}',
    '{"deadLetterTargetArn":[],"maxReceiveCount":{}}', '{"deadLetterTargetArn":null}', "[[[[",
    '{"maxReceiveCount":1e999}', '"\\ud800"',
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"SQS:*","Resource":"*"}]}',
)  # fmt: skip
#: What stands where a list has the number of an entry.
_INDEXES = (
    "1", "2", "10", "01", "0", "-1", "+1", " 1", "1 ", "", "x", "1.5", "1e1", "0x1", "1_0", "\u0661", "member",
    "member.1", "entry.1.key",
    "9" * 19, "9" * 400, "1.1", "1..", ".1", "Name", "Key", "Value",
)  # fmt: skip
_PIECES = (
    b"&", b"=", b"&&", b"=&=", b".", b"..", b".1", b".1.", b"%", b"%2E", b"%00", b"%ff", b"%ED%A0%80", b"+", b"\xff",
    b"\x00", b"Action=", b"&Action=ListQueues",
    b"&Action.1=x", b"&Tags=", b"&Tag=", b"&Tag", b"&Attribute=", b"&Attribute", b"&Attribute.", b"&Attribute.1",
    b"&Attribute.1=", b"&Attribute.1.", b"&AttributeName=",
    b"&AttributeName", b"&MessageAttribute=", b"&MessageAttribute.1.Value=", b"&.member=x", b"&=", b"&=x", b"&.=x",
    b"&..=", b"&QueueUrl.1=x", b"&QueueUrl=&",
    b"&SendMessageBatchRequestEntry.1.=", b"&Entries=", b"&Entry.1.=x", b"&Tags.1.=x", b"&tags=",
    b"&a.b.c.d.e.f.g.h.i.j.k=x", b"&x=" * 50,
)  # fmt: skip
#: Members that most calls need; others are mostly absent, because each has a check of its own.
_NEEDED = frozenset((
    "QueueUrl", "QueueName", "MessageBody", "Entries", "ReceiptHandle", "Id", "Attributes", "Tags", "TagKeys", "Label",
    "AWSAccountIds", "Actions", "SourceArn", "TaskHandle", "VisibilityTimeout", "DataType", "StringValue",
    "MessageGroupId",
))  # fmt: skip
_FITTING_NUMBERS = {
    "MaxNumberOfMessages": (1, 10), "VisibilityTimeout": (0, 1, 30), "DelaySeconds": (0, 1), "WaitTimeSeconds": (0,),
    "MaxResults": (1, 10), "MaxNumberOfMessagesPerSecond": (1, 500),
}  # fmt: skip
_FITTING_TEXTS = {
    "Id": ("1", "2", "3", "x"), "DataType": ("String", "Number", "Binary", "String.x"),
    "StringValue": ("1", "x", "\u00e4"), "BinaryValue": ("QUJD", "QUI"),
    "AttributeNames": ("All", "VisibilityTimeout", "SenderId"), "MessageSystemAttributeNames": ("All", "SenderId"),
    "MessageAttributeNames": ("All", "a.*", "a"),
    "TagKeys": ("a", "b"), "Label": ("l", "m"), "AWSAccountIds": ("111111111111", "1"), "Actions": ("SendMessage", "*"),
    "MessageGroupId": ("g", "h"),
    "MessageDeduplicationId": ("d", "e"), "ReceiveRequestAttemptId": ("r", "s"), "MessageBody": ("x", "y" * 100),
}  # fmt: skip
_VISIBLE = (
    "text/xml",
    "application/json",
    "*/*",
    "application/json;q=0.5,text/xml;q=x",
    ";;,,;q=",
    "application/*;q=nan",
)
_SIGNED = "AWS4-HMAC-SHA256 Credential=%s/20260101/%s/sqs/aws4_request, SignedHeaders=host, Signature=0"


def creation(source: random.Random, memory: Memory) -> Case:
    """Return a call that creates one of the queues, so that other calls find it."""
    del memory
    name = source.choice(QUEUES)
    fifo = b"&Attribute.1.Name=FifoQueue&Attribute.1.Value=true" if name.endswith(".fifo") else b""
    form = b"Action=CreateQueue&QueueName=" + name.encode() + fifo
    return Case("POST", b"/", b"", [("Content-Type", b"application/x-www-form-urlencoded")], form)


def query(source: random.Random, memory: Memory) -> Case:
    """Return a call by the query protocol: a form, a query string, or both."""
    action = _action(source)
    pairs = [("Action", action if source.random() < 0.97 else values.text(source))]
    pairs += _pairs(source, memory, _SHAPES[action], "")
    for _ in range(source.choice((0, 0, 0, 1, 1, 2))):
        _change(source, pairs)
    if source.random() < 0.3:
        source.shuffle(pairs)
    form = b"&".join(_escape(source, name) + b"=" + _escape(source, value) for name, value in pairs)
    for _ in range(source.choice((0, 0, 0, 0, 1, 2))):
        form = values.damaged(source, form, _PIECES)
    headers = _headers(source)
    if source.random() < 0.2:
        headers.append(("Accept", source.choice(_VISIBLE).encode()))
    path = _path(source)
    if source.random() < 0.15:
        return Case("GET", path, _in_target(form), headers)
    headers.append(
        (
            "Content-Type",
            source.choice((b"application/x-www-form-urlencoded", b"application/x-www-form-urlencoded; charset=utf-8")),
        )
    )
    extra = _in_target(source.choice(_PIECES)) if source.random() < 0.05 else b""
    return Case("POST", path, extra, headers, form)


def json_call(source: random.Random, memory: Memory) -> Case:
    """Return a call by AWS JSON 1.0."""
    action = _action(source)
    document: Any = _members(source, memory, _SHAPES[action])
    if source.random() < 0.03:
        document = values.anything(source)
    headers = _headers(source)
    target = f"AmazonSQS.{action}" if source.random() < 0.98 else values.text(source)
    headers.append(("X-Amz-Target", _header(target)))
    headers.append(("Content-Type", JSON_TYPE.encode()))
    return Case("POST", _path(source), b"", headers, values.written(source, document))


def document(source: random.Random, memory: Memory, action: str) -> bytes:
    """Return the input of an operation as JSON; an empty object if there is no such operation."""
    shape = _SHAPES.get(action)
    return values.written(source, {} if shape is None else _members(source, memory, shape))


def peeked(source: random.Random, memory: Memory) -> Case:
    """Return a call of the peek endpoint."""
    flags = [
        (name, source.choice(("true", "1", "x", "")))
        for name in ("ShowInvisible", "ShowDelayed")
        if source.random() < 0.4
    ]
    pairs = [*flags, ("QueueUrl", _queue_url(source))] if source.random() < 0.8 else flags
    if source.random() < 0.3:
        pairs.append(("Action", source.choice(("ReceiveMessage", "DeleteQueue", ""))))
    for _ in range(source.choice((0, 0, 1))):
        _change(source, pairs)
    encoded = b"&".join(_escape(source, name) + b"=" + _escape(source, value) for name, value in pairs)
    if source.random() < 0.3:
        encoded = values.damaged(source, encoded, _PIECES)
    path = peek.PATH.encode() + source.choice((b"", b"/", b"/us-east-1/000000000000/a", b"/x/y/z", b"/%ff", b"//"))
    headers = [("Accept", source.choice(_VISIBLE).encode())]
    match source.randrange(3):
        case 0:
            return Case("GET", path, _in_target(encoded), headers)
        case 1:
            headers.append(("Content-Type", b"application/x-www-form-urlencoded"))
            return Case("POST", path, b"", headers, encoded)
    call = json_call(source, memory)
    return Case("POST", path, b"", call.headers, call.body)


def _action(source: random.Random) -> str:
    """Return an operation. Queues are rarely deleted, since most other calls need one."""
    action = source.choice(_NAMES)
    return source.choice(_NAMES) if action == "DeleteQueue" and source.random() < 0.8 else action


def _path(source: random.Random) -> bytes:
    drawn = source.random()
    if drawn < 0.75:
        return b"/"
    if drawn < 0.95:
        return f"/{ACCOUNT}/{source.choice(QUEUES)}".encode()
    return b"/" + _escape(source, values.text(source))


def _headers(source: random.Random) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    if source.random() < 0.1:
        found.append(("X-SQS-Facade-Lane", b"flask"))
    if source.random() < 0.1:
        account, region = (source.choice((ACCOUNT, "x", "", "1" * 12)), source.choice(("us-east-1", "x", "", "\u00e4")))
        found.append(("Authorization", _header(source.choice((_SIGNED % (account, region), values.text(source))))))
    if source.random() < 0.02:
        found.append(("X-LocalStack-SQS-Override-Message-Count", _header(values.text(source))))
    if source.random() < 0.05:
        found.append(("X-Amzn-Trace-Id", _header(values.text(source))))
    if source.random() < 0.05:
        found.append(("Origin", _header(values.text(source))))
    return found


def _header(text: str) -> bytes:
    """Return a text as the value of a header."""
    return "".join(one for one in text if one.isprintable()).strip().encode()[:8_000]


def _in_target(encoded: bytes) -> bytes:
    """Return the text with the bytes escaped that no request line can have."""
    return escaped(encoded, safe="%&=+.;/?:@!$'()*,~-_[]\"<>")[:30_000]


def _escape(source: random.Random, text: str) -> bytes:
    encoded = text.encode("utf-8", "surrogatepass")
    return encoded if source.random() < 0.01 else escaped(encoded, safe=".")


def _change(source: random.Random, pairs: list[tuple[str, str]]) -> None:
    """Change one parameter: twice, gone, under the bare name of a list, under another index, or below itself."""
    at = source.randrange(len(pairs)) if pairs else 0
    if not pairs:
        return
    name, value = pairs[at]
    parts = name.split(".")
    match source.randrange(9):
        case 0:
            pairs.append((name, values.text(source)))
        case 1:
            del pairs[at]
        case 2:
            pairs[at] = (parts[0], source.choice(("", value)))
        case 3:
            pairs.append((parts[0], source.choice(("", value))))
        case 4 if len(parts) > 1:
            parts[1] = source.choice(_INDEXES)
            pairs[at] = (".".join(parts), value)
        case 5:
            pairs.append((f"{name}.{source.choice(_INDEXES)}", value))
        case 6:
            pairs[at] = (".".join(parts[: source.randrange(len(parts) + 1)]) + source.choice(("", ".", "..")), value)
        case 7:
            pairs[at] = (f".{name}", value)
        case _:
            pairs[at] = (f"{parts[0]}.{source.choice(_INDEXES)}.{source.choice(_INDEXES)}", value)


def _pairs(source: random.Random, memory: Memory, shape: Any, prefix: str) -> list[tuple[str, str]]:
    """Return the parameters of a structure."""
    found: list[tuple[str, str]] = []
    for field in shape.fields:
        extra, kind = _annotation(field.type)
        if source.random() > (0.9 if field.encode_name in _NEEDED else 0.25):
            continue
        if extra is None:
            found.append((prefix + field.encode_name, _text_of(source, memory, field.encode_name, kind)))
            continue
        name = prefix + source.choice((*extra["query"], *extra["query"], field.encode_name))
        count = source.choice((0, 1, 1, 2, 3, 11))
        if count == 0:
            found.append(
                (name + source.choice(("", "", ".", ".1", ".1.")), source.choice(("", "", values.text(source))))
            )
        for at in range(1, count + 1):
            number = str(at) if source.random() < 0.97 else source.choice(_INDEXES)
            found += _entry(source, memory, f"{name}.{number}", field.encode_name, extra, kind)
    return found


def _entry(
    source: random.Random, memory: Memory, start: str, member: str, extra: dict[str, Any], kind: Any
) -> list[tuple[str, str]]:
    if isinstance(kind, inspect.ListType):
        inner = _plain(kind.item_type)
        if isinstance(inner, inspect.StructType):
            return _pairs(source, memory, inner, f"{start}.")
        return [(start, _text_of(source, memory, member, inner))]
    inner = _plain(kind.value_type)
    found = [(f"{start}.{extra['key']}", _key(source, member))]
    if source.random() < 0.1:
        found = []
    if isinstance(inner, inspect.StructType):
        return found + _pairs(source, memory, inner, f"{start}.{extra['value']}.")
    return [*found, (f"{start}.{extra['value']}", _value(source, member))]


def _members(source: random.Random, memory: Memory, shape: Any) -> dict[str, Any]:
    """Return the members of a structure."""
    found: dict[str, Any] = {}
    for field in shape.fields:
        _, kind = _annotation(field.type)
        if source.random() > (0.9 if field.encode_name in _NEEDED else 0.25):
            continue
        found[field.encode_name] = (
            values.anything(source) if source.random() < 0.05 else _node(source, memory, field.encode_name, kind)
        )
    if source.random() < 0.03:
        found[values.text(source)] = values.anything(source)
    return found


def _node(source: random.Random, memory: Memory, member: str, kind: Any) -> Any:
    if source.random() < 0.02:
        return values.anything(source)
    match kind:
        case inspect.ListType(item_type=item):
            return [_node(source, memory, member, _plain(item)) for _ in range(source.choice((0, 1, 1, 2, 11)))]
        case inspect.DictType(value_type=value):
            inner = _plain(value)
            return {
                _key(source, member): _members(source, memory, inner)
                if isinstance(inner, inspect.StructType)
                else _value(source, member)
                for _ in range(source.choice((0, 1, 2, 11)))
            }
        case inspect.StructType():
            return _members(source, memory, kind)
        case inspect.IntType():
            return _number(source, member)
        case inspect.BoolType():
            return source.random() < 0.5
    return _text_of(source, memory, member, kind)


def _text_of(source: random.Random, memory: Memory, member: str, kind: Any) -> str:
    if source.random() < 0.1:
        return values.text(source)
    match member:
        case "QueueUrl":
            return _queue_url(source)
        case "QueueName":
            return source.choice(QUEUES)
        case "ReceiptHandle":
            return memory.handle(source)
        case "TaskHandle":
            return memory.id(source)
        case "SourceArn" | "DestinationArn":
            return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{source.choice(QUEUES)}"
    if isinstance(kind, inspect.IntType):
        return str(_number(source, member))
    fitting = _FITTING_TEXTS.get(member)
    return source.choice(fitting) if fitting and source.random() < 0.85 else values.text(source)


def _number(source: random.Random, member: str) -> int:
    fitting = _FITTING_NUMBERS.get(member)
    return source.choice(fitting) if fitting and source.random() < 0.7 else values.number(source)


def _queue_url(source: random.Random) -> str:
    name = source.choice(QUEUES)
    return source.choice(
        (
            name,
            f"http://127.0.0.1:9324/{ACCOUNT}/{name}",
            f"/{ACCOUNT}/{name}",
            f"http://x/queue/us-east-1/{ACCOUNT}/{name}",
        )
    )


def _key(source: random.Random, member: str) -> str:
    if member == "Attributes" and source.random() < 0.9:
        return source.choice(_ATTRIBUTES)
    if member == "MessageSystemAttributes":
        return source.choice(("AWSTraceHeader", "x"))
    return values.text(source)


def _value(source: random.Random, member: str) -> str:
    return source.choice(_ATTRIBUTE_VALUES) if member == "Attributes" and source.random() < 0.8 else values.text(source)


def _annotation(info: Any) -> tuple[dict[str, Any] | None, Any]:
    if isinstance(info, inspect.UnionType):
        info = next(one for one in info.types if not isinstance(one, inspect.NoneType))
    if isinstance(info, inspect.Metadata) and info.extra and "query" in info.extra:
        return info.extra, info.type
    return None, _plain(info)


def _plain(info: Any) -> Any:
    if isinstance(info, inspect.UnionType):
        info = next(one for one in info.types if not isinstance(one, inspect.NoneType))
    return _plain(info.type) if isinstance(info, inspect.Metadata) else info

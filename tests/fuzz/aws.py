"""The grammars of CloudWatch, in its three protocols, and of STS."""

from __future__ import annotations

import json
import random
from typing import Any

import cbor2
from msgspec import inspect

from sqs_facade import sts
from sqs_facade.cloudwatch import checks, metrics, protocols, shapes
from sqs_facade.cloudwatch.face import OPERATIONS, PATH
from tests.fuzz import values
from tests.fuzz.case import ACCOUNT, QUEUES, Case, Memory, escaped

_SHAPES = {name: inspect.type_info(getattr(shapes, name)) for name in OPERATIONS}
_FORM = b"application/x-www-form-urlencoded"
#: Values that members can have; without one, a text or a number is drawn.
_FITTING: dict[str, tuple[Any, ...]] = {
    "Namespace": (metrics.NAMESPACE, metrics.NAMESPACE, "AWS/EC2"),
    "MetricName": tuple(metrics.METRICS),
    "Name": ("QueueName", "QueueName", "QueueName", "x"),
    "Value": QUEUES,
    "Id": ("a", "b", "c9", "A"),
    "Stat": ("Sum", "Average", "SampleCount", "p99", "p99.99", "p100", "p0.0", "p101", "tm99", "PR(1:2)"),
    "Statistics": ("Sum", "Average", "Minimum", "Maximum", "SampleCount", "x"),
    "ExtendedStatistics": ("p1", "p99.9", "p" + "9" * 400),
    "Unit": tuple(sorted(checks.UNITS)),
    "Period": (1, 30, 60, 300, 3600, 61),
    "MaxDatapoints": (1, 2, 100_800),
    "ScanBy": ("TimestampDescending", "TimestampAscending"),
    "RecentlyActive": ("PT3H",),
    "AccountId": (ACCOUNT, "1"),
    "OwningAccount": (ACCOUNT, "1"),
    "StartTime": (0, 1, 1_700_000_000, "2026-01-01T00:00:00Z", "2026-01-01", 4_000_000_000),
    "EndTime": (1, 1_700_003_600, 4_000_003_600, "2026-12-31T00:00:00Z", "9999-12-31T23:59:59Z", 253_402_300_799),
    "Expression": (
        'SELECT MAX("ApproximateNumberOfMessagesVisible") FROM "AWS/SQS" WHERE QueueName = \'a\'',
        "SELECT SUM(NumberOfMessagesSent) FROM SCHEMA(\"AWS/SQS\", QueueName) WHERE QueueName = 'a'",
        "SELECT", "SELECT " + "(" * 500, "m1 + m2", "SEARCH('{AWS/SQS,QueueName}', 'Sum')",
    ),
}  # fmt: skip
#: Members that are mostly given, because without them a call ends at its first check.
_NEEDED = frozenset(
    ("MetricDataQueries", "Id", "MetricStat", "Metric", "Namespace", "MetricName", "Dimensions", "Name", "Value")
) | {"StartTime", "EndTime", "Period", "Stat", "Statistics"}
_CBOR_PIECES = (
    b"\xff", b"\x9f", b"\xbf", b"\x5f", b"\x7f", b"\x1b" + b"\xff" * 8, b"\x3b" + b"\xff" * 8, b"\x9b" + b"\xff" * 8,
    b"\xbb\x00\x00\x00\x01\x00\x00\x00\x00", b"\x5b\x7f" + b"\xff" * 7, b"\xc1\x1b" + b"\xff" * 8, b"\xc2\x58\xff",
    b"\xc2\x41\x01", b"\xc1\xf9\x7e\x00", b"\xc1\xfb\x7f\xf0" + bytes(6), b"\xd8\x1c\x81\xd8\x1d\x00", b"\xc0\x60",
    b"\xd9\x01\x02\x80", b"\xf7", b"\xf6", b"\xf8\xff", b"\x81" * 40 + b"\x00", b"\xa1\x00" * 40, b"\xa1\x80\x00",
    b"\x61\xff", b"\xf9\x7c\x00", b"\xfa\x7f\xc0\x00\x00", b"\xd8\x23\x61\x28", b"\xd9\xd9\xf7\xa0", b"\xc4\x82\x1b",
)  # fmt: skip
_FORM_PIECES = (
    b"&", b"=", b"&Dimensions=", b"&Dimensions.member.1=", b"&Dimensions.member.0.Name=x", b"&Statistics.member=Sum",
    b"&Dimensions.member.1.Name.x=y", b"&a.b.c.d.e.f.g.h.i.j=k", b"&StartTime=", b"&Period=1e3",
    b"&Period=" + b"9" * 30,
    b"%", b"%ff", b"&MetricDataQueries.member." + b"9" * 9 + b".Id=a", b"&Version=", b"&Action=GetMetricData",
    b"&StartTime=nan", b"&StartTime=1e999", b"&StartTime=2026-02-30T00:00:00Z",
    b"&EndTime=2026-01-01T00:00:00+99:99",
)  # fmt: skip


def cloudwatch(source: random.Random, memory: Memory) -> Case:
    """Return a call of CloudWatch."""
    name = source.choice(tuple(_SHAPES))
    tree = _structure(source, memory, _SHAPES[name])
    headers = [
        ("Authorization", b"AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/monitoring/aws4_request")
    ]
    if source.random() < 0.7:
        headers = []
    called = name if source.random() < 0.97 else values.text(source)
    match source.randrange(3):
        case 0:
            pairs = [("Action", called), ("Version", protocols.VERSION), *_flat(tree, "")]
            form = b"&".join(_escape(one) + b"=" + _escape(value) for one, value in pairs)
            if source.random() < 0.3:
                form = values.damaged(source, form, _FORM_PIECES)
            if source.random() < 0.1:
                return Case("GET", b"/", escaped(form, safe="%&=+.;/?:@!$'()*,~-_\"<>")[:20_000], headers)
            return Case("POST", b"/", b"", [*headers, ("Content-Type", _FORM)], form)
        case 1:
            target = (protocols.TARGET + called).encode("ascii", "ignore").replace(b"\n", b"").replace(b"\r", b"")
            target = bytes(one for one in target if 32 <= one < 127)[:2_000].strip()
            headers += [("X-Amz-Target", target), ("Content-Type", b"application/x-amz-json-1.0")]
            document = tree if source.random() < 0.97 else values.anything(source)
            return Case("POST", b"/", b"", headers, values.written(source, document))
    headers.append(("smithy-protocol", b"rpc-v2-cbor" if source.random() < 0.97 else b"x"))
    headers.append(("Content-Type", b"application/cbor"))
    body = cbor2.dumps(_encodable(tree) if source.random() < 0.97 else _encodable(values.anything(source)))
    for _ in range(source.choice((0, 0, 1, 2))):
        body = values.damaged(source, body, _CBOR_PIECES)
    path = f"{PATH}/operation/".encode() + escaped(called.encode("utf-8", "surrogatepass"))[:500]
    return Case("POST" if source.random() < 0.97 else "GET", path, b"", headers, body)


def token_service(source: random.Random, memory: Memory) -> Case:
    """Return a call of STS. A service without credentials refuses it."""
    name = source.choice(("GetCallerIdentity", "GetSessionToken", "AssumeRoleWithWebIdentity", values.text(source)))
    pairs = [("Action", name), ("Version", sts.VERSION)]
    fitting = {
        "DurationSeconds": ("900", "3600", "129601", "-1", "1e3", "9" * 30),
        "RoleArn": ("arn:aws:iam::123456789012:role/ci", "arn:aws:iam::x"),
        "RoleSessionName": ("me", "x" * 65, "a b"),
        "WebIdentityToken": ("e30.e30.e30", "a.b.c", ".." , "eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2EifQ."),
        "SerialNumber": ("1",),
        "TokenCode": ("123456",),
        "Policy": ("{}",),
        "PolicyArns.member.1.arn": ("x",),
    }  # fmt: skip
    for parameter, known in fitting.items():
        if source.random() < 0.4:
            pairs.append((parameter, source.choice(known) if source.random() < 0.8 else values.text(source)))
    form = b"&".join(_escape(one) + b"=" + _escape(value) for one, value in pairs)
    if source.random() < 0.3:
        form = values.damaged(source, form, _FORM_PIECES)
    del memory
    return Case("POST", b"/", b"", [("Content-Type", _FORM)], form)


def _structure(source: random.Random, memory: Memory, shape: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in shape.fields:
        if source.random() > (0.93 if field.encode_name in _NEEDED else 0.15):
            continue
        found[field.encode_name] = _value(source, memory, field.encode_name, field.type)
    if source.random() < 0.02:
        found[values.text(source)] = values.anything(source)
    return found


def _value(source: random.Random, memory: Memory, member: str, kind: Any) -> Any:
    if isinstance(kind, inspect.UnionType):
        kind = next(one for one in kind.types if not isinstance(one, inspect.NoneType))
    if source.random() < 0.03:
        return values.anything(source)
    if isinstance(kind, inspect.ListType):
        count = source.choice((0, 1, 1, 1, 2, 11)) if source.random() < 0.999 else 501
        return [_value(source, memory, member, kind.item_type) for _ in range(count)]
    if isinstance(kind, inspect.StructType):
        return _structure(source, memory, kind)
    if member == "NextToken":
        return memory.id(source) if source.random() < 0.5 else values.text(source)
    fitting = _FITTING.get(member)
    if fitting and source.random() < 0.92:
        return source.choice(fitting)
    if isinstance(kind, inspect.BoolType):
        return source.random() < 0.5
    if isinstance(kind, inspect.StrType):
        return values.text(source)
    return source.choice((values.number(source), 0.5, -1, float("1e300")))


def _flat(node: Any, name: str) -> list[tuple[str, str]]:
    """Return the parameters of the query protocol."""
    if isinstance(node, dict):
        return [pair for key, one in node.items() for pair in _flat(one, f"{name}.{key}" if name else key)]
    if isinstance(node, list):
        return [pair for at, one in enumerate(node, 1) for pair in _flat(one, f"{name}.member.{at}")]
    return [(name, node if isinstance(node, str) else json.dumps(node))]


def _encodable(node: Any) -> Any:
    """Replace texts that CBOR cannot hold."""
    if isinstance(node, dict):
        return {_encodable(key): _encodable(one) for key, one in node.items()}
    if isinstance(node, list):
        return [_encodable(one) for one in node]
    return node.encode("utf-8", "replace").decode() if isinstance(node, str) else node


def _escape(text: str) -> bytes:
    return escaped(text.encode("utf-8", "surrogatepass"), safe=".")

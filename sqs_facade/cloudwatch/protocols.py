"""The three protocols of CloudWatch: query with XML, AWS JSON 1.0, and Smithy RPC v2 with CBOR.

A protocol reads a request into the name of the operation and a tree of its parameters, and writes a result or an error.
A result is a tree of dicts, lists, texts, numbers and :class:`Stamp`. Source: botocore's model of the service, and the
Smithy specification of the protocol smithy.protocols#rpcv2Cbor.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import cbor2
import msgspec
import orjson

from sqs_facade.cloudwatch.errors import CloudWatchError
from sqs_facade.codecs import query
from sqs_facade.codecs.unreadable import Unreadable
from zaqar_core.domain.digits import whole_number
from zaqar_core.web.envelope import Reply, Request

VERSION = "2010-08-01"
NAMESPACE = f"http://monitoring.amazonaws.com/doc/{VERSION}/"
#: The name of the service in the header X-Amz-Target, and in paths of RPC v2.
_SERVICE = "GraniteServiceVersion20100801"
TARGET = f"{_SERVICE}."
PATH = f"/service/{_SERVICE}"
_OPERATION_PATH = f"{PATH}/operation/"
_CBOR = "application/cbor"
_JSON = "application/x-amz-json-1.0"
_ACTION = re.compile(rb"(?:^|&)Action=([A-Za-z0-9]*)(?:&|$)")
#: Deepest nesting of a request: MetricDataQueries, query, MetricStat, Metric, Dimensions, dimension, and some more.
_MOST_DEPTH = 16
#: Digits of a member's number. Python converts at most 4,300 of them.
_MOST_DIGITS = 9
#: Lists of the service: the query protocol writes an empty one as an empty text.
_LISTS = frozenset({"MetricDataQueries", "Dimensions", "Statistics", "ExtendedStatistics"})
#: Tags that cbor2 decodes by itself; a request may have only the tag of a time (1).
_OTHER_TAGS = (
    0, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799,
)  # fmt: skip

Tree = dict[str, Any]


class Stamp(int):
    """A time of a result, in seconds since 1970."""


class WireProtocol(Protocol):
    """One protocol."""

    def operation(self, request: Request) -> str:
        """Return the name of the operation as the request has it."""

    def parameters(self, request: Request) -> Tree:
        """Read the parameters. Raises Unreadable."""

    #: Whether numbers and booleans of parameters are texts.
    is_textual: bool

    def result(self, operation: str, result: Tree, request_id: str) -> Reply:
        """Write the result of an operation."""

    def error(self, error: CloudWatchError, request_id: str) -> Reply:
        """Write an error."""


class Query:
    """The query protocol: a form or a query string, answered by XML."""

    is_textual = True

    def operation(self, request: Request) -> str:
        # Found without reading all parameters, whose number a caller without rights chooses.
        found = _ACTION.search(request.body) if request.method == "POST" else None
        found = found or _ACTION.search(request.query.encode("latin-1"))
        return found[1].decode() if found else ""

    def parameters(self, request: Request) -> Tree:
        tree = query.tree(request.query) if request.query else {}
        if request.method == "POST":
            tree.update(query.tree(request.body))
        found = _with_lists(tree)
        return found if isinstance(found, dict) else {}

    def result(self, operation: str, result: Tree, request_id: str) -> Reply:
        body = (
            f'<{operation}Response xmlns="{NAMESPACE}"><{operation}Result>{_xml(result)}</{operation}Result>'
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
        )
        return _reply(200, "text/xml", request_id, body.encode())

    def error(self, error: CloudWatchError, request_id: str) -> Reply:
        row = error.kind.value
        body = (
            f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>{_fault(row.status)}</Type><Code>{row.code}</Code>'
            f"<Message>{query.escaped(error.message)}</Message></Error><RequestId>{request_id}</RequestId>"
            "</ErrorResponse>"
        )
        return _reply(row.status, "text/xml", request_id, body.encode())


class Json:
    """AWS JSON 1.0."""

    is_textual = False

    def operation(self, request: Request) -> str:
        return (request.header("X_AMZ_TARGET") or "").removeprefix(TARGET)

    def parameters(self, request: Request) -> Tree:
        try:
            found = msgspec.json.decode(request.body or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Unreadable("it is not JSON") from None
        return _object(found)

    def result(self, operation: str, result: Tree, request_id: str) -> Reply:
        del operation
        return _reply(200, _JSON, request_id, orjson.dumps(result))

    def error(self, error: CloudWatchError, request_id: str) -> Reply:
        row = error.kind.value
        return _error(error, _JSON, request_id, orjson.dumps({"__type": row.shape, "message": error.message}))


class Cbor:
    """Smithy RPC v2 with CBOR."""

    is_textual = False

    def operation(self, request: Request) -> str:
        is_call = request.method == "POST" and request.path.startswith(_OPERATION_PATH)
        return request.path[len(_OPERATION_PATH) :] if is_call else ""

    def parameters(self, request: Request) -> Tree:
        if request.header("SMITHY_PROTOCOL") != "rpc-v2-cbor":
            raise Unreadable("the header smithy-protocol must be rpc-v2-cbor")
        if not request.body:
            return {}
        try:
            found = cbor2.loads(
                request.body,
                semantic_decoders=_NO_OTHER_TAGS,
                max_depth=_MOST_DEPTH,
                strict_hashable_types=True,
                allow_duplicate_keys=False,
            )
        except (cbor2.CBORError, ValueError, OverflowError):
            raise Unreadable("it is not CBOR of this protocol") from None
        return _object(found)

    def result(self, operation: str, result: Tree, request_id: str) -> Reply:
        del operation
        return self._reply(_reply(200, _CBOR, request_id, cbor2.dumps(result, encoders=_ENCODERS)))

    def error(self, error: CloudWatchError, request_id: str) -> Reply:
        shape = f"com.amazonaws.cloudwatch#{error.kind.value.shape}"
        return self._reply(_error(error, _CBOR, request_id, cbor2.dumps({"__type": shape, "message": error.message})))

    def _reply(self, reply: Reply) -> Reply:
        reply.headers.append(("smithy-protocol", "rpc-v2-cbor"))
        return reply


def _refuse_tag(*_: Any) -> Any:
    raise ValueError("a tag that the protocol does not have")


_NO_OTHER_TAGS = dict.fromkeys(_OTHER_TAGS, _refuse_tag)
_ENCODERS: Mapping[type, Callable[[cbor2.CBOREncoder, Any], Any]] = {
    Stamp: lambda encoder, stamp: encoder.encode_semantic(1, int(stamp))
}


def seconds(value: Any) -> float:
    """Read a time of a request: ISO 8601 (UTC without an offset), or seconds since 1970. Raises ValueError."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("it is not a time")
    if not 0 <= value <= _LAST_SECOND:
        raise ValueError("it is not between the years 1970 and 9999")
    return float(value)


_LAST_SECOND = 253_402_300_799


def _object(found: Any) -> Tree:
    if not isinstance(found, dict):
        raise Unreadable("it is not a structure")
    return found


def _is_number(text: str) -> bool:
    return whole_number(text, most=_MOST_DIGITS) is not None


def _with_lists(node: Any) -> Any:
    """Convert ``{"member": {"1": …}}`` to lists."""
    if not isinstance(node, dict):
        return node
    if node.keys() == {"member"}:
        entries = node["member"]
        if not isinstance(entries, dict) or not all(map(_is_number, entries)):
            raise Unreadable("the members of a list must be numbered from 1")
        return [_with_lists(entries[number]) for number in sorted(entries, key=int)]
    return {name: _with_lists(value) for name, value in node.items() if not (value == "" and name in _LISTS)}


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(
            f"<{name}>{_entries(one) if name == 'ExtendedStatistics' else _xml(one)}</{name}>"
            for name, one in value.items()
        )
    if isinstance(value, list):
        return "".join(f"<member>{_xml(one)}</member>" for one in value)
    if isinstance(value, Stamp):
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return query.escaped(str(value))


def _entries(value: dict[str, float]) -> str:
    """Write a map."""
    return "".join(f"<entry><key>{query.escaped(key)}</key><value>{one}</value></entry>" for key, one in value.items())


def _error(error: CloudWatchError, media_type: str, request_id: str, body: bytes) -> Reply:
    row = error.kind.value
    reply = _reply(row.status, media_type, request_id, body)
    reply.headers.append(("x-amzn-query-error", f"{row.code};{_fault(row.status)}"))
    return reply


def _fault(status: int) -> str:
    return "Receiver" if status >= 500 else "Sender"


def _reply(status: int, media_type: str, request_id: str, body: bytes) -> Reply:
    return Reply(status, [("Content-Type", media_type), ("x-amzn-RequestId", request_id)], body)

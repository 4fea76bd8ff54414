"""Heads that are read by the shape of an earlier one say what llhttp says, and leave no credential behind.

The oracle is the same parser without shapes and remembered heads, so llhttp parses each head.
"""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator

import pytest

from tests.credentials import recordings
from tests.fuzz.wire import PIECES
from zaqar_core.web.server import head_shapes
from zaqar_core.web.server.head_shapes import _CHANGING
from zaqar_core.web.server.heads import Head, HeadParser
from zaqar_core.web.server.refusals import Refused

TOKEN = b"gAAAAABn" + b"Zq_-4" * 30
HEADS = [
    *(one.raw_head for one in recordings.recordings() if not one.is_presigned),
    b"POST /v2/queues/a/messages HTTP/1.1\r\nHost: x:8888\r\nUser-Agent: python-requests/2.32\r\nAccept: */*\r\n"
    b"Client-ID: 3381af92-2b9e-11e3-b191-71861300734c\r\nX-Project-Id: bench\r\nX-Auth-Token: "
    + TOKEN
    + b"\r\nContent-Type: application/json\r\nContent-Length: 212\r\n\r\n",
    b"GET /v2/queues/a HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1, 10.0.0.1\r\nForwarded: for=192.0.2.1\r\n"
    b"X-Real-IP: 192.0.2.1\r\nX-Auth-Token: " + TOKEN + b"\r\n\r\n",
]
#: Parts of values, and what could end one.
_TEXTS = (
    b"0", b"a", b"F", b"-", b"=", b"/", b" ", b"  ", b"\t", b"\0", b"\x7f", b"\xe9", b"\r", b"\n",
    b"\r\n", b"\r\n ", b"\r\n\r\n", b"\r\nA: b", b"\r\nHost: y", b", ", b",", b":", b"+1", b"18446744073709551616",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _each_head_has_a_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_shapes, "_HEADS_OF_A_SHAPE", 1)


class Llhttp(HeadParser):
    """The oracle."""

    def parse(self, head: bytes) -> Head:
        return Head(self._parse(head))


def outcome(parser: HeadParser, head: bytes) -> tuple[object, ...]:
    """Return all that follows from a head, or its refusal."""
    try:
        found = parser.parse(head)
    except Refused as refused:
        return refused.reason, refused.reply().status, refused.reply().body
    return found.fields, found.length, found.is_head, found.connection


def mutated(source: random.Random, head: bytes) -> bytes:
    """Return the head with a change: mostly one that keeps its length, and mostly within a value."""
    lines = head[:-4].split(b"\r\n")
    at = source.randrange(1, len(lines))
    if source.random() < 0.6:
        at = source.choice([at for at, line in enumerate(lines) if line.partition(b":")[0].lower() in _CHANGING])
    name, _, value = lines[at].partition(b": ")
    text = source.choice(_TEXTS)
    place = source.choice((0, max(0, len(value) - len(text)), source.randrange(len(value) + 1)))
    match source.randrange(10):
        case 0 | 1 | 2 | 3:  # in place of other bytes of a value
            lines[at] = name + b": " + (value[:place] + text + value[place + len(text) :])
        case 4:  # other bytes of the same number
            begin = value.find(b"Signature=") + 10 if b"Signature=" in value else 0
            characters = source.choice((b"0123456789", b"0123456789abcdefXYZ", b"0123456789abc-=/+.,;: \t\xe9"))
            lines[at] = name + b": " + value[:begin] + bytes(source.choices(characters, k=len(value) - begin))
        case 5:
            lines[at] = name + b": " + value[:place] + text + value[place:]
        case 6:
            lines.insert(at, source.choice(lines[1:]))
        case 7:
            lines[at] = source.choice((name.upper(), name.replace(b"-", b"_"), name + b" ", b"")) + b": " + value
        case 8:
            lines.insert(at, source.choice(PIECES).removesuffix(b"\r\n"))
        case _:
            whole = bytearray(head)
            whole[source.randrange(len(head))] = source.randrange(256)
            return bytes(whole)
    return b"\r\n".join((*lines, b"", b""))


def whole_heads(seed: int, count: int) -> Iterator[tuple[bytes, bytes]]:
    """Iterate over pairs of a head and a changed one. Each ends with its first empty line, as the server passes it."""
    source = random.Random(seed)
    while count:
        head = source.choice(HEADS)
        changed = mutated(source, head)
        if source.random() < 0.3:
            changed = mutated(source, changed) if changed.endswith(b"\r\n\r\n") else changed
        end = changed.find(b"\r\n\r\n") + 4
        if end > 4:
            count -= 1
            yield head, changed[:end]


def has_shape(parser: HeadParser, head: bytes) -> bool:
    """Return whether a known shape reads the head, without llhttp."""
    return parser._shapes.read(head) is not None


def compare(seed: int, count: int) -> int:
    """Compare so many changed heads; return how many of them were read by a shape."""
    parser, oracle, by_shape = HeadParser(), Llhttp(), 0
    for head, changed in whole_heads(seed, count):
        parser.parse(head)
        by_shape += has_shape(parser, changed)
        assert outcome(parser, changed) == outcome(oracle, changed), (seed, changed)
    return by_shape


def test_changed_heads_are_accepted_and_refused_as_llhttp_does() -> None:
    assert compare(seed=random.randrange(1 << 32), count=1_500) > 50


@pytest.mark.slow
def test_many_changed_heads_are_accepted_and_refused_as_llhttp_does() -> None:
    assert compare(seed=random.randrange(1 << 32), count=20_000) > 1_000


@pytest.mark.parametrize("head", HEADS, ids=[str(number) for number in range(len(HEADS))])
def test_the_next_head_of_a_client_is_read_by_the_shape_of_the_first(head: bytes) -> None:
    parser, source = HeadParser(), random.Random(1)
    parser.parse(head)
    for name in (b"Signature=", b"X-Amz-Date: ", b"x-amz-date: ", b"Auth-Token: ", b"nvocation-Id: ", b"-length: "):
        _, found, rest = head.partition(name)
        value = rest.partition(b"\r\n")[0]
        if found:
            head = head.replace(name + value, name + bytes(source.choices(b"123456789", k=len(value))))
    assert has_shape(parser, head)
    assert outcome(parser, head) == outcome(Llhttp(), head)


def _texts(start: object) -> Iterator[str]:
    """Iterate over all texts that an object keeps in memory, as texts of latin-1."""
    seen, left = set(), [start]
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, type) or callable(one):
            continue
        seen.add(id(one))
        if isinstance(one, bytes):
            yield one.decode("latin-1")
        elif isinstance(one, str):
            yield one
        left += gc.get_referents(one)


def test_no_credential_is_kept() -> None:
    parser = HeadParser()
    secrets = [TOKEN.decode()]
    for one in recordings.recordings():
        parser.parse(one.raw_head)
        secrets += filter(None, (one.signature, one.header("x-amz-security-token")))
    for head in HEADS:
        parser.parse(head)
    kept = "\n".join(_texts(parser._shapes))
    assert "Credential=AKIDEXAMPLE" in kept, "shapes are found"
    assert [secret for secret in secrets if secret in kept] == []


@pytest.mark.parametrize(
    "line",
    [
        b"Authorization: Basic YTpi",
        b"Authorization: Bearer abc",
        b"Authorization: AWS4-HMAC-SHA256 Signature=00, Credential=a/b/c/d/e, SignedHeaders=host",
        b"Cookie: a=b",
        b"X-Api-Key: a",
        b"X-Service-Token: a",
        b"URL-Signature: a",
        b"Transfer-Encoding: chunked",
        b"Upgrade: h2c",
        b"X-Amz-Date: a b",
        b"X-Amz-Date:20260101T000000Z",
        b"X-Amz-Date: 20260101T000000Z ",
        b"X-Amz-Date: 20260101T000000Z\r\n folded",
        b"X-Amz-Date: 20260101T000000Z\r\nx-amz-date: 20260101T000000Z",
        b"User-Agent: \xe9",
    ],
)
def test_heads_with_other_headers_or_values_have_no_shape(line: bytes) -> None:
    parser, head = HeadParser(), b"POST / HTTP/1.1\r\nHost: x\r\nX-Auth-Token: a\r\n" + line + b"\r\n\r\n"
    expected = outcome(Llhttp(), head)
    for _ in range(2):
        assert outcome(parser, head) == expected
        assert not has_shape(parser, head)


def test_any_number_of_shapes_needs_little_memory() -> None:
    parser = HeadParser()
    shapes = parser._shapes._shapes
    for number in range(head_shapes._MOST_SHAPES + 50):
        agent = b"%d" % number + b"a" * (number % 700)
        parser.parse(b"POST / HTTP/1.1\r\nHost: x\r\nUser-Agent: " + agent + b"\r\nX-Auth-Token: a\r\n\r\n")
        assert len(shapes) <= head_shapes._MOST_SHAPES
    assert 0 < sum(map(len, shapes.values())) <= 50
    for number in range(50):
        parser.parse(b"POST / HTTP/1.1\r\nHost: x\r\nUser-Agent: %d\r\nX-Auth-Token: a\r\n\r\n" % (100 + number))
    assert max(map(len, shapes.values())) <= head_shapes._MOST_OF_A_LENGTH


def test_heads_without_a_shape_seldom_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """To make a shape costs more than to parse a head, so clients whose heads never come again pay for few."""
    monkeypatch.setattr(head_shapes, "_HEADS_OF_A_SHAPE", 8)
    parser = HeadParser()
    for number in range(80):
        parser.parse(
            b"POST / HTTP/1.1\r\nHost: x\r\nUser-Agent: b%s\r\nX-Auth-Token: a\r\n\r\n" % (b"a" * number + b"b")
        )
    assert sum(map(len, parser._shapes._shapes.values())) == 10

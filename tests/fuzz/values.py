"""Values that break programs: texts, numbers and JSON of every kind."""

from __future__ import annotations

import json
import random
from typing import Any

TEXTS = (
    "", " ", "x", "All", "a b", "a\tb", "a\nb", "a\rb", "\0", "\x01", "\x7f", "\x85", "\u00e4", "\u20ac", "\ufffe",
    "\uffff",
    "\U0001f600", "<&>\"'", "]]>", "&amp;", "%", "%%", "%zz", "+", "=", "&", ".", "..", "../..", "/", "//", "?", "#",
    ";", "null",
    "None", "true", "false", "True", "nan", "inf", "-0", "0", "1", "-1", "1e3", "1e999", "0x10", "1_0", " 1", "1 ",
    "\u0661", "9" * 20,
    "9" * 400, "x" * 81, "x" * 129, "x" * 300, "a.fifo", ".fifo", "x.fifo.fifo", "aws.x", "Amazon.x", "a..b", "a.",
    ".a", "String",
    "Number", "Binary", "String.x", "Number." + "y" * 300, "*", "a.*", "${x}", "{detail}", "{0}", "%s",
    "arn:aws:sqs:us-east-1:000000000000:a",
    "arn:aws:sqs:us-east-1:000000000000:none", "arn:aws:sqs", "arn:::::", "http://127.0.0.1/000000000000/a", "http://[",
    "http://",
    "https://sqs.us-east-1.amazonaws.com/000000000000/b", "queue/us-east-1/000000000000/a", "000000000000/a",
    "1/2/3/4/5", "a", "b",
    "d.fifo", "QUJD", "QUJ", "====", "Root=1-63441c4a-abcdef012345678912345678", "{}", "[]", "{", '{"a":1}', "1.5",
    "1" * 39,
)  # fmt: skip
#: Long texts; rare, because they are slow.
LONG_TEXTS = ("x" * 2_000, "\u00e4" * 9_000, "x" * 263_000, "<" * 30_000)
#: None is from 1 to 20, which are seconds that a receive would wait.
NUMBERS = (
    0, -1, 21, 43_200, 43_201, 86_400, 1_209_600, 1_209_601, 1 << 31, 1 << 32, 1 << 53, (1 << 63) - 1, 1 << 63,
    -(1 << 63) - 1,
    1 << 64, 10**40,
)  # fmt: skip
_JUNK_JSON = (
    b"NaN", b"Infinity", b"-Infinity", b"1e400", b"-1e400", b"1E+2", b"0.1", b"-0", b"-0.0", b"1e-400", b"9" * 50,
    b"9" * 5_000, b"null", b"true", b"{}", b"[]",
    b'""', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b'"\xff"', b'"\xed\xa0\x80"', b'"', b"{", b"[", b"}", b"]",
    b",", b":", b"\\", b"'a'", b"01",
    b'{"a":1,"a":2}', b"[" * 200 + b"]" * 200, b'{"a":' * 150 + b"1" + b"}" * 150,
    b"[" * 270 + b"]" * 270, b'{"a":' * 900 + b"1" + b"}" * 900,
    b"[" * 3_000, b'{"a":' * 1_500,
    b"/**/1", b"\xef\xbb\xbf1", b"\x001",
)  # fmt: skip


def text(source: random.Random) -> str:
    """Return a text."""
    drawn = source.random()
    if drawn < 0.003:
        return source.choice(LONG_TEXTS)
    if drawn < 0.15:
        return "".join(
            chr(source.choice((32, 65, 97, 48, 46, 45, 0x7F, 0xE9, 0x20AC))) for _ in range(source.randrange(12))
        )
    return source.choice(TEXTS)


def number(source: random.Random) -> int:
    """Return an integer."""
    return source.choice(NUMBERS)


def anything(source: random.Random, depth: int = 3) -> Any:
    """Return a value that JSON can hold."""
    kind = source.randrange(9 if depth else 6)
    if kind == 0:
        return None
    if kind == 1:
        return source.random() < 0.5
    if kind == 2:
        return number(source)
    if kind == 3:
        return source.choice((0.5, -1.5, 1e300, 1e-300, -0.0))
    if kind < 6:
        return text(source)
    if kind == 6:
        return [anything(source, depth - 1) for _ in range(source.randrange(4))]
    return {text(source): anything(source, depth - 1) for _ in range(source.randrange(4))}


def written(source: random.Random, document: Any) -> bytes:
    """Return the document as JSON; sometimes broken, or with a value that only the text of JSON can have."""
    body = json.dumps(
        document, ensure_ascii=source.random() < 0.5, separators=source.choice(((",", ":"), (", ", ": ")))
    )
    encoded = body.encode("utf-8", "surrogatepass")
    if source.random() < 0.9:
        return encoded
    return damaged(source, encoded, _JUNK_JSON)


def damaged(source: random.Random, body: bytes, pieces: tuple[bytes, ...]) -> bytes:
    """Return the text with one place changed: cut, doubled, removed, or replaced by one of the pieces."""
    start = source.randrange(len(body) + 1)
    end = min(len(body), start + source.choice((0, 1, 2, 8, 64)))
    match source.randrange(6):
        case 0:
            return body[:start]
        case 1:
            return body[:start] + body[end:]
        case 2:
            return body[:end] + body[start:]
        case 3:
            return body[:start] + bytes([source.randrange(256)]) + body[end:]
        case 4 if b":" in body:
            # In place of a whole value, so that the rest stays valid.
            at = source.choice([place for place, one in enumerate(body[:4_000]) if one == 58] or [0]) + 1
            rest = min((place for stop in (b",", b"}", b"]") if (place := body.find(stop, at)) >= 0), default=len(body))
            return body[:at] + source.choice(pieces) + body[rest:]
    return body[:start] + source.choice(pieces) + body[end:]

"""The grammar of the console: its API, its files, and the heads that decide who may call it."""

from __future__ import annotations

import random

from sqs_facade.console.api import API
from sqs_facade.console.face import PATH
from tests.fuzz import sqs, values
from tests.fuzz.case import QUEUES, Case, Memory, escaped

_NAMES = (*API, "session", "sign-in", "sign-out", "none")
_PARAMETERS = ("queue", "queue", "queue", "search", "order", "descending", "offset", "limit", "fresh", "after", "id",
               "inFlight", "delayed", "account", "region")  # fmt: skip
_ORDERS = ("name", "visible", "oldest", "inFlight", "x")
_TOKEN = "X-Console-Token"


def call(source: random.Random, memory: Memory) -> Case:
    """Return a request to the console."""
    if source.random() < 0.05:
        rest = source.choice(
            (b"", b"/", b"/x", b"/assets/", b"/assets/console.css", b"/assets/../x", b"/api", b"/api/")
        )
        return Case(source.choice(("GET", "HEAD", "POST")), PATH.encode() + rest)
    name = source.choice(_NAMES)
    entry = API.get(name)
    method = "POST" if (entry is not None and entry.changes) or name.startswith("sign-") else "GET"
    if source.random() < 0.03:
        method = source.choice(("GET", "POST", "PUT", "DELETE", "OPTIONS"))
    headers = [("Content-Type", b"application/json")]
    if source.random() < 0.3:
        headers.append(("Sec-Fetch-Site", source.choice((b"same-origin", b"cross-site", b"none", b"x"))))
    if source.random() < 0.1:
        headers.append(
            ("Origin", source.choice((b"http://127.0.0.1:9324", b"null", b"http://evil.example", b"http://[")))
        )
    if source.random() < 0.2:
        cookie = source.choice((b"sqs-facade-session=", b"sqs-facade-session=x.y", b"a=b; a=b", b"=", b";;", b"\xff"))
        headers.append(("Cookie", cookie))
    if memory.console_token:
        headers.append((_TOKEN, memory.console_token.encode() if source.random() < 0.95 else b"\xff"))
    body = b""
    if name == "sign-in":
        document = {"accessKeyId": values.text(source), "secretAccessKey": values.text(source)}
        body = values.written(source, document if source.random() < 0.8 else values.anything(source))
    elif method == "POST":
        body = sqs.document(source, memory, name)
    return Case(method, f"{PATH}/api/{name}".encode(), _query(source, memory), headers, body)


def _query(source: random.Random, memory: Memory) -> bytes:
    pairs = []
    for _ in range(source.choice((1, 1, 2, 3, 33) if source.random() < 0.05 else (1, 1, 2, 3))):
        name = source.choice(_PARAMETERS)
        value = values.text(source)
        if source.random() < 0.85:
            fitting = {"queue": QUEUES, "order": _ORDERS, "id": (memory.id(source),), "after": (memory.id(source),)}
            value = source.choice(fitting.get(name, ("1", "0", "10", "us-east-1", "000000000000")))
        pairs.append(f"{name}={escaped(value.encode('utf-8', 'surrogatepass')).decode()}")
    return "&".join(pairs).encode()[:20_000]

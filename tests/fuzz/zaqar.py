"""The grammar of Zaqar's REST API in all versions, from the routes."""

from __future__ import annotations

import random
import re
from typing import Any

from tests.fuzz import values
from tests.fuzz.case import QUEUES, Case, Memory, escaped
from zaqar_core.rest.dialect import DIALECTS
from zaqar_core.rest.routes import ROUTES

_VARIABLE = re.compile(r"\{(\w+)\}")
#: Pools and flavors are off by default.
_SERVED = tuple(route for route in ROUTES if not route.pooling)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
#: Members of bodies, of any resource.
_MEMBERS = (
    "messages", "body", "ttl", "delay", "grace", "limit", "subscriber", "options", "age", "paths", "methods", "expires",
    "confirmed",
    "resource_types", "uri", "weight", "flavor", "pool_list", "group", "_default_message_ttl",
    "_max_messages_post_size",
    "_default_message_delay", "_dead_letter_queue", "_max_claim_count", "_dead_letter_queue_messages_ttl",
    "_enable_encrypt_messages",
    "_flavor", "_reserved", "checksum", "post_data", "post_headers", "_retry_policy", "retries_with_no_delay", "from",
    "subject",
)  # fmt: skip
_PARAMETERS = (
    "marker",
    "limit",
    "detailed",
    "echo",
    "include_claimed",
    "include_delayed",
    "ids",
    "claim_ids",
    "claim_id",
    "pop",
    "name",
    "with_count",
)
_CLIENTS = (
    "3381af92-2b9e-11e3-b191-71861300734c",
    "3381AF922B9E11E3B19171861300734C",
    "x",
    "",
    "{3381af92-2b9e-11e3-b191-71861300734c}",
)
_TYPES = (
    "application/json",
    "application/openstack-messaging-v2.0-json-patch",
    "application/x-www-form-urlencoded",
    "text/plain",
    "",
)
_PATCH = ("add", "replace", "remove", "move", "", 1, None)
_PIECES = (
    b"&",
    b"=",
    b"%",
    b"%ff",
    b"%00",
    b"&limit=",
    b"&limit=-1",
    b"&pop=x",
    b"&ids=,,,",
    b"&ids=" + b"a," * 30,
    b"+",
    b";",
    b"&&",
    b"&detailed=\xc3\xa4",
)


def call(source: random.Random, memory: Memory) -> Case:
    """Return a call of any version."""
    route = source.choice(ROUTES if source.random() < 0.1 else _SERVED)
    dialect = source.choice(route.versions if source.random() < 0.9 else DIALECTS)
    path = f"{dialect.prefix}/{route.path}".encode()
    path = _VARIABLE.sub(lambda found: _segment(source, memory, found[1]), path.decode()).encode()
    if source.random() < 0.03:
        path = values.damaged(source, path, (b"/", b"//", b"%2f", b"%00", b"%ff", b"..", b"/v2", b"%"))
        path = b"/" + escaped(path.lstrip(b"/"), safe="/%.-_")
    method = route.method if source.random() < 0.95 else source.choice(_METHODS)
    headers: list[tuple[str, bytes]] = []
    if source.random() < 0.95:
        client = _CLIENTS[0] if source.random() < 0.9 else source.choice(_CLIENTS)
        headers.append(("Client-ID", client.encode()))
    if source.random() < 0.95:
        project = "p" if source.random() < 0.9 else source.choice(("", "x" * 300, "\u00e4", "000000000000", "a b"))
        headers.append(("X-Project-Id", project.encode()))
    if source.random() < 0.1:
        headers.append(("X-SQS-Facade-Lane", b"flask"))
    if source.random() < 0.05:
        headers.append(
            ("Accept", source.choice(("*/*", "text/html", "application/json;q=0", ";", "a/b,,;q=x")).encode())
        )
    if source.random() < 0.02:
        headers += [
            (f"URL-{name}", source.choice(("x", "", "GET,PUT", "/v2/queues/a", "\u00e4"))[:50].encode())
            for name in ("Signature", "Expires", "Methods", "Paths")
        ]
    body = b""
    if method in ("POST", "PUT", "PATCH") or source.random() < 0.02:
        kind = source.choice(route.bodies or ("application/json",)) if source.random() < 0.9 else source.choice(_TYPES)
        headers.append(("Content-Type", kind.encode()))
        body = values.written(source, _body(source, memory, route.relation, method)) if source.random() < 0.97 else b""
    return Case(method, path, _query(source, memory), headers, body)


def _segment(source: random.Random, memory: Memory, variable: str) -> str:
    if source.random() < 0.05:
        return escaped(values.text(source).encode("utf-8", "surrogatepass")[:300]).decode() or "x"
    return source.choice(QUEUES) if variable.endswith("_name") else memory.id(source)


def _query(source: random.Random, memory: Memory) -> bytes:
    pairs = []
    for _ in range(source.choice((0, 0, 1, 2, 3))):
        value = source.choice(
            (
                str(values.number(source)),
                "true",
                "5",
                memory.id(source),
                f"{memory.id(source)},{memory.id(source)}",
                values.text(source),
            )
        )
        pairs.append(f"{source.choice(_PARAMETERS)}={escaped(value.encode('utf-8', 'surrogatepass')).decode()}")
    encoded = "&".join(pairs).encode()
    if source.random() < 0.1:
        encoded = escaped(values.damaged(source, encoded, _PIECES), safe="%&=+,;")
    return encoded[:20_000]


def _body(source: random.Random, memory: Memory, name: str, method: str) -> Any:
    if source.random() < 0.1:
        return values.anything(source)
    if method == "PATCH" and source.random() < 0.5:
        return [
            {
                "op": source.choice(_PATCH),
                "path": source.choice(
                    ("/metadata/a", "/metadata/_default_message_ttl", "/metadata", "/", "", "/metadata/~1~0~2", 1)
                ),
                "value": values.anything(source),
            }
            for _ in range(source.randrange(4))
        ]
    if name in ("post_messages", "topic_messages"):
        messages: Any = [message(source) for _ in range(source.choice((0, 1, 1, 2, 30)))]
        kinds: Any = ({"messages": messages}, {"messages": messages}, messages, messages, values.anything(source))
        return source.choice(kinds)
    if name.startswith(("subscription", "topic_subscription")):
        # Port 1 of loopback refuses connections: no notification leaves the machine.
        subscriber = source.choice(
            (
                "http://127.0.0.1:1/",
                "mailto:a@127.0.0.1",
                "trust+http://127.0.0.1:1",
                "http://[",
                "ftp://x",
                values.text(source),
            )
        )
        return {
            "subscriber": subscriber,
            "ttl": source.choice((60, 300, values.number(source))),
            "options": members(source),
            "confirmed": source.choice((True, 1)),
        }
    return members(source) | ({"ttl": 60, "grace": 60} if source.random() < 0.6 else {})


def message(source: random.Random) -> Any:
    """Return a message of a POST."""
    if source.random() < 0.05:
        return values.anything(source)
    return {
        "body": values.anything(source),
        "ttl": source.choice((60, 60, 300, 300, values.number(source))),
        **(members(source) if source.random() < 0.1 else {}),
    }


def members(source: random.Random) -> dict[str, Any]:
    """Return an object with members of any resource."""
    return {source.choice(_MEMBERS): values.anything(source) for _ in range(source.randrange(5))}

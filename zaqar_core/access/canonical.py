"""Canonical requests of Signature Version 4: the bytes that a client signed, built again from a request.

Where SDKs differ, or a proxy or library changes a request on its way, a request has more than one candidate. Each
covers the same request, so accepting one of them accepts nothing that was not signed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote, quote_from_bytes, unquote_to_bytes

from zaqar_core.access.signatures import Claim, SignedHeaders
from zaqar_core.eventloop import hexdigest

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
#: A path that its canonical form does not change: no escapes, no empty segments, no segments that begin with a dot.
_PLAIN_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)*/?")
_SPACES = re.compile(r"[ \t]+")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def payload(environ: Mapping[str, Any], body: bytes, *, allows_unsigned: bool) -> str | None:
    """Return the hash of the body as it is signed; None if the request declares another one.

    While a large body is hashed, other tasks run. ``allows_unsigned``: over TLS a request may declare that its
    signature does not cover the body.
    """
    declared: str | None = environ.get("HTTP_X_AMZ_CONTENT_SHA256")
    if declared == UNSIGNED_PAYLOAD and allows_unsigned and environ.get("wsgi.url_scheme") == "https":
        return UNSIGNED_PAYLOAD
    found = hexdigest(sha256, body)
    return found if declared is None or declared == found else None


def probable(claim: Claim, method: str, environ: Mapping[str, Any], payload_hash: str) -> bytes:
    """Return the most probable canonical request."""
    path, query = raw_path(environ), environ.get("QUERY_STRING", "")
    if query:
        query = normal_query(query, is_presigned=claim.expires is not None)
    signed = claim.headers
    try:
        headers = signed.template % signed.values(environ)
    except KeyError:
        headers = _headers(signed, environ, environ.get("HTTP_HOST", ""))
    else:
        if _has_blanks(headers):
            headers = _headers(signed, environ, environ.get("HTTP_HOST", ""))
    return _joined(method, "/" if path == "/" else normal_path(path), query, headers, signed, payload_hash)


def others(
    claim: Claim, method: str, environ: Mapping[str, Any], payload_hash: str, base_path: str = ""
) -> Iterator[bytes]:
    """Iterate over all other canonical requests. ``base_path`` is a path that a proxy may have removed."""
    path, query = raw_path(environ), environ.get("QUERY_STRING", "")
    is_presigned = claim.expires is not None
    paths = [normal_path(path)]
    if base_path and not path.startswith(base_path):
        paths.append(normal_path(base_path + path))
    queries = [normal_query(query, is_presigned=is_presigned) if query else ""]
    as_sent = sorted_query(query, is_presigned=is_presigned) if query else ""
    if as_sent != queries[0]:
        queries.append(as_sent)
    is_first = True
    for one_host in _hosts(environ.get("HTTP_HOST", ""), environ):
        headers = _headers(claim.headers, environ, one_host)
        for one_path in paths:
            for one_query in queries:
                if not is_first:
                    yield _joined(method, one_path, one_query, headers, claim.headers, payload_hash)
                is_first = False


def _joined(method: str, path: str, query: str, headers: str, signed: SignedHeaders, payload_hash: str) -> bytes:
    text = f"{method}\n{path}\n{query}\n{headers}\n{signed.text}\n{payload_hash}"
    return text.encode("latin-1", "replace")


def _headers(signed: SignedHeaders, environ: Mapping[str, Any], host: str) -> str:
    """Return the canonical headers. A header that is repeated has its values joined by a comma, as in WSGI."""
    get = environ.get
    lines = [f"{name}:{host if key == 'HTTP_HOST' else get(key, '')}\n" for name, key in signed.keys]
    text = "".join(lines)
    return "".join(_stripped(line) for line in lines) if _has_blanks(text) else text


def _has_blanks(headers: str) -> bool:
    """Return whether headers may have blanks that their canonical form has not."""
    if " " in headers:
        return "  " in headers or ": " in headers or " \n" in headers or "\t" in headers
    return "\t" in headers


def _stripped(line: str) -> str:
    """Return a canonical header without blanks around its value, and with one blank in place of several."""
    name, _, value = line[:-1].partition(":")
    return f"{name}:{_SPACES.sub(' ', value).strip(' ')}\n"


def _hosts(host: str, environ: Mapping[str, Any]) -> Iterator[str]:
    """Iterate over the host as the client may have signed it: in lower case, without or with the scheme's port."""
    yield host
    port = _DEFAULT_PORTS.get(environ.get("wsgi.url_scheme", "http"), "")
    lower = host.lower()
    if lower != host:
        yield lower
    if lower.endswith(port):
        yield lower.removesuffix(port)
    elif ":" not in lower.rpartition("]")[2]:
        yield lower + port


def raw_path(environ: Mapping[str, Any]) -> str:
    """Return the path as the client sent it, with its escapes; built again where the server does not keep it."""
    target: str | None = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if target is None:
        path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        if path == "/":  # of most calls
            return "/"
        return path if _PLAIN_PATH.fullmatch(path) else quote(path, safe="/~", encoding="latin-1", errors="replace")
    if not target.startswith("/"):
        rest = target.partition("://")[2]
        target = rest[rest.find("/") :] if "/" in rest else "/"
    return target.partition("?")[0].partition("#")[0]


def normal_path(path: str) -> str:
    """Return the canonical path: without dot segments and empty segments, and its escapes escaped again."""
    if _PLAIN_PATH.fullmatch(path):
        return path or "/"
    found: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            if found:
                found.pop()
        elif segment not in ("", "."):
            found.append(segment)
    joined = "/" + "/".join(found)
    if found and path.endswith("/"):
        joined += "/"
    return quote(joined, safe="/~", encoding="latin-1", errors="replace")


def is_normal(environ: Mapping[str, Any]) -> bool:
    """Return whether the path is the one that its signature covers, without dot segments and empty segments."""
    path = raw_path(environ)
    return _PLAIN_PATH.fullmatch(path) is not None or (
        "//" not in path and not any(segment in (".", "..") for segment in path.split("/"))
    )


def _pairs(query: str, *, is_presigned: bool) -> list[tuple[str, str]]:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return [(name, value) for name, _, value in pairs if not (is_presigned and name == "X-Amz-Signature")]


def normal_query(query: str, *, is_presigned: bool) -> str:
    """Return the canonical query: every name and value decoded and encoded, and sorted."""
    pairs = sorted((_encoded(name), _encoded(value)) for name, value in _pairs(query, is_presigned=is_presigned))
    return "&".join(f"{name}={value}" for name, value in pairs)


def sorted_query(query: str, *, is_presigned: bool) -> str:
    """Return the query sorted and otherwise as it was sent, as clients sign it that do not encode it again."""
    return "&".join(f"{name}={value}" for name, value in sorted(_pairs(query, is_presigned=is_presigned)))


def _encoded(text: str) -> str:
    if text.isalnum() and text.isascii():
        return text
    return quote_from_bytes(unquote_to_bytes(text.replace("+", " ").encode("latin-1", "replace")), safe="~")

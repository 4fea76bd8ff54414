"""Signed requests as SDKs sent them, and ways to change them.

``python -m tests.sdk --record`` writes the files of ``recorded``: the clients' own bytes, the secret of the store that
sealed their session tokens, and the secrets of these sessions. The signer here knows nothing of the service's own code.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, unquote_plus

from tests.sdk.running import KEYS

_FOLDER = Path(__file__).with_name("recorded")
_SIGNED_HEADERS = re.compile(r"SignedHeaders=([^,&\s]+)")
_CREDENTIAL = re.compile(r"Credential=([^,&\s]+)")
_SIGNATURE = re.compile(r"Signature=([0-9a-f]+)")


@dataclass(frozen=True)
class Recording:
    """One request. ``head`` is the request line and the headers, ``secret`` that of its access key.

    ``store_secret`` and ``session_key_id`` are for requests with temporary credentials, which the latter names.
    """

    name: str
    head: tuple[str, ...]
    body: bytes
    secret: str
    store_secret: bytes
    session_key_id: str = ""

    @property
    def raw_head(self) -> bytes:
        return "\r\n".join((*self.head, "", "")).encode("latin-1")

    @property
    def is_presigned(self) -> bool:
        return "X-Amz-Signature=" in self.head[0]

    @property
    def is_json(self) -> bool:
        return self.header("x-amz-target") is not None

    def header(self, name: str) -> str | None:
        """Return the value of a header."""
        return next((value.strip() for one, value in self._headers() if one.lower() == name.lower()), None)

    def _headers(self) -> Iterator[tuple[str, str]]:
        for line in self.head[1:]:
            name, _, value = line.partition(":")
            yield name, value

    @property
    def _proof(self) -> str:
        """The text that has the parameters of the signature."""
        return self.head[0] if self.is_presigned else self.header("authorization") or ""

    @property
    def credential(self) -> list[str]:
        """Key id, date, region, service and terminator."""
        found = _CREDENTIAL.search(self._proof)
        assert found is not None
        return unquote(found[1]).split("/")

    @property
    def signed_headers(self) -> list[str]:
        """The names of the signed headers, in lower case."""
        found = _SIGNED_HEADERS.search(self._proof)
        assert found is not None
        return unquote(found[1]).split(";")

    @property
    def signature(self) -> str:
        found = _SIGNATURE.search(self._proof)
        assert found is not None
        return found[1]

    @property
    def moment(self) -> str:
        found = re.search(r"X-Amz-Date=(\w+)", self.head[0])
        return found[1] if found else self.header("x-amz-date") or ""

    @property
    def time(self) -> float:
        """The time of the signature in seconds since 1970."""
        return datetime.strptime(self.moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()

    def with_header(self, name: str, value: str) -> Recording:
        """Return the request with another value of a header that it has."""
        lines = [
            f"{line.partition(':')[0]}: {value}" if line.lower().startswith(f"{name.lower()}:") else line
            for line in self.head
        ]
        assert self.header(name) is not None
        return replace(self, head=tuple(lines))

    def without_header(self, name: str) -> Recording:
        return replace(self, head=tuple(line for line in self.head if not line.lower().startswith(f"{name}:")))

    def moved(self, seconds: int, *, with_scope: bool = True) -> Recording:
        """Return the request with another date, and by default with that date in the scope; it is not signed again."""
        moment = datetime.fromtimestamp(self.time + seconds, UTC).strftime("%Y%m%dT%H%M%SZ")
        if self.is_presigned:
            changed = replace(self, head=(self.head[0].replace(self.moment, moment), *self.head[1:]))
        else:
            changed = self.with_header("x-amz-date", moment)
        key_id, _, *rest = self.credential
        return changed.scoped(key_id, moment[:8], *rest) if with_scope else changed

    def scoped(self, *credential: str) -> Recording:
        """Return the request with another credential; it is not signed again."""
        before, after = "/".join(self.credential), "/".join(credential)
        return self._with_proof(before, after)

    def with_signed_headers(self, names: list[str]) -> Recording:
        """Return the request with another list of signed headers; it is not signed again."""
        return self._with_proof(";".join(self.signed_headers), ";".join(names))

    def _with_proof(self, before: str, after: str) -> Recording:
        if self.is_presigned:
            line = (
                self.head[0].replace(quote(before, safe=""), quote(after, safe="")).replace(f"={before}&", f"={after}&")
            )
            return replace(self, head=(line, *self.head[1:]))
        return self.with_header("authorization", self._proof.replace(before, after))

    def signed_again(self, secret: str | None = None) -> Recording:
        """Return the request with the right signature for what it has become."""
        return self._with_proof(self.signature, self.calculated(secret))

    def calculated(self, secret: str | None = None) -> str:
        """Return the signature of the request by the secret of its key, or by another one."""
        method, target, _ = self.head[0].split(" ")
        path, _, query = target.partition("?")
        pairs = sorted(
            "=".join(quote(unquote_plus(text), safe="~") for text in pair.split("="))
            for pair in query.split("&")
            if pair and not pair.startswith("X-Amz-Signature=")
        )
        names = self.signed_headers
        headers = [f"{name}:{' '.join((self.header(name) or '').split())}" for name in names]
        payload = self.header("x-amz-content-sha256") or sha256(self.body).hexdigest()
        request = "\n".join([method, path, "&".join(pairs), *headers, "", ";".join(names), payload])
        scope = self.credential[1:]
        key = f"AWS4{self.secret if secret is None else secret}".encode()
        for part in scope:
            key = hmac.digest(key, part.encode(), "sha256")
        text = f"AWS4-HMAC-SHA256\n{self.moment}\n{'/'.join(scope)}\n{sha256(request.encode('latin-1')).hexdigest()}"
        return hmac.new(key, text.encode(), "sha256").hexdigest()

    def signed_parts(self) -> Iterator[tuple[str, int, int]]:
        """Iterate over the parts that the signature covers, and its own: name, and the place in head and body."""
        raw = self.raw_head.decode("latin-1")
        line = self.head[0]
        path_start, path_end = line.index(" ") + 1, line.rindex(" ")
        query_start = line.find("?")
        yield "method", 0, path_start - 1
        yield "path", path_start, path_end if query_start < 0 else query_start
        if query_start >= 0:
            at = query_start + 1
            for pair in line[at:path_end].split("&"):
                name, _, value = pair.partition("=")
                yield f"query {name}", at + len(name) + 1, at + len(name) + 1 + len(value)
                yield f"name of query {name}", at, at + len(name)
                at += len(pair) + 1
        for name in self.signed_headers:
            found = re.search(rf"\r\n{re.escape(name)}: *([^\r]*)\r\n", raw, re.IGNORECASE)
            assert found is not None, name
            yield f"header {name}", *found.span(1)
        if not self.is_presigned:
            yield from self._parts_of_authorization(raw)
        if self.body:
            yield "body", len(raw), len(raw) + len(self.body)

    def _parts_of_authorization(self, raw: str) -> Iterator[tuple[str, int, int]]:
        at = raw.index(self._proof)
        yield "algorithm", at, at + len("AWS4-HMAC-SHA256")
        at = raw.index("Credential=") + len("Credential=")
        for name, part in zip(("key", "date", "region", "service", "terminator"), self.credential, strict=True):
            yield name, at, at + len(part)
            at += len(part) + 1
        for name in ("SignedHeaders", "Signature"):
            found = re.search(rf"{name}=([^,\s]+)", raw)
            assert found is not None
            yield name, *found.span(1)

    def flipped(self, at: int, bit: int) -> Recording:
        """Return the request with one other bit; ``at`` is the place in head and body."""
        text = bytearray(self.raw_head + self.body)
        text[at] ^= 1 << bit
        head = len(self.raw_head)
        return replace(
            self, head=tuple(bytes(text[: head - 4]).decode("latin-1").split("\r\n")), body=bytes(text[head:])
        )


def recordings() -> list[Recording]:
    """Return all requests of all clients."""
    found = []
    for file in sorted(_FOLDER.glob("*.json")):
        document = json.loads(file.read_text())
        secret, session = bytes.fromhex(document["store_secret"]), document["session"]
        found += [_read(f"{file.stem} {name}", one, KEYS.secret, secret) for name, one in document["requests"].items()]
        found += [
            _read(f"{file.stem} {name} with a session", one, session["secret"], secret, session["key_id"])
            for name, one in document["session_requests"].items()
        ]
    return found


def _read(name: str, request: dict[str, Any], secret: str, store_secret: bytes, session: str = "") -> Recording:
    return Recording(name, tuple(request["head"]), request["body"].encode(), secret, store_secret, session)

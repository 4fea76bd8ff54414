"""Tokens of pages: where the next page begins, and a digest of the request that it belongs to."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

import msgspec

from sqs_facade.cloudwatch.errors import CloudWatchError, Kind


class _Token(msgspec.Struct, array_like=True):
    digest: str
    text: str
    number: int


_decode = msgspec.json.Decoder(_Token).decode


def write(request: Any, text: str, number: int) -> str:
    """Return the token of a place, which is a text and a number."""
    return urlsafe_b64encode(msgspec.json.encode(_Token(_digest(request), text, number))).decode()


def read(token: str, request: Any) -> tuple[str, int]:
    """Return the place of a token. Raises CloudWatchError if it is not one of such a request."""
    try:
        found = _decode(urlsafe_b64decode(token))
    except (ValueError, msgspec.DecodeError):
        found = None
    if found is None or found.digest != _digest(request) or found.number < 0:
        raise CloudWatchError(Kind.INVALID_TOKEN, "The parameter NextToken is not valid for this request.")
    return found.text, found.number


def _digest(request: Any) -> str:
    """Digest a request without its token."""
    parts = msgspec.structs.asdict(request)
    del parts["next_token"]
    return sha256(msgspec.json.encode(parts, enc_hook=float)).hexdigest()[:16]

"""MD5 digests of message bodies and attributes, which SDKs compare with their own."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from hashlib import md5
from importlib import import_module
from typing import Any

from zaqar_core.domain.model import Attribute
from zaqar_core.eventloop import hash_text, hexdigest

_STRING, _BINARY = b"\x01", b"\x02"
_md5 = partial(md5, usedforsecurity=False)
try:
    _short_md5: Any = import_module("_md5").md5  # CPython's own, for which there are no stubs
    _short_md5(b"")
except (ImportError, ValueError):  # some builds for FIPS have it, and refuse each call
    _short_md5 = _md5
#: Up to here CPython's own MD5 is faster than OpenSSL's, which takes 0.5 µs more for its beginning.
_SHORT_BYTES = 1000


def of_body(body: bytes) -> str:
    """Return the MD5 of a UTF-8 body, in hexadecimal."""
    if len(body) <= _SHORT_BYTES:
        return str(_short_md5(body).hexdigest())
    return hexdigest(_md5, body)


def of_attributes(attributes: Collection[Attribute]) -> str | None:
    """Return the MD5 of attributes, in hexadecimal; None if there are no attributes.

    It covers, for each attribute in the order of names: length (4 bytes, big endian) and name, length and type, one
    byte 1 (text) or 2 (binary), length and value.
    """
    if not attributes:
        return None
    return hash_text(sum([len(one.value) for one in attributes]), _of_attributes, attributes)


def _of_attributes(attributes: Collection[Attribute]) -> str:
    digest = _md5()
    for attribute in sorted(attributes, key=lambda one: one.name):
        name, kind = attribute.name.encode(), attribute.data_type.encode()
        marker = _BINARY if attribute.data_type.startswith("Binary") else _STRING
        digest.update(len(name).to_bytes(4) + name + len(kind).to_bytes(4) + kind + marker)
        digest.update(len(attribute.value).to_bytes(4) + attribute.value)
    return digest.hexdigest()

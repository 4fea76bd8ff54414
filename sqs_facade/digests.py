"""The MD5s that SDKs check."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import md5

from zaqar_core.domain.model import Attribute

_STRING, _BINARY = b"\x01", b"\x02"


def of_body(body: bytes) -> str:
    """MD5 of the UTF-8 body, hex."""
    return md5(body, usedforsecurity=False).hexdigest()


def of_attributes(attributes: Iterable[Attribute]) -> str | None:
    """MD5 over the attributes sorted by name: length (4 bytes, big endian) + name, length + type, one byte 1 or 2 for
    text or binary, length + value. None when there is none."""
    digest = None
    for attribute in sorted(attributes, key=lambda one: one.name):
        digest = digest or md5(usedforsecurity=False)
        name, kind = attribute.name.encode(), attribute.data_type.encode()
        marker = _BINARY if attribute.data_type.startswith("Binary") else _STRING
        digest.update(len(name).to_bytes(4) + name + len(kind).to_bytes(4) + kind + marker)
        digest.update(len(attribute.value).to_bytes(4) + attribute.value)
    return digest.hexdigest() if digest else None

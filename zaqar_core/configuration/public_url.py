"""The setting ``public_url``: the URL at which clients reach the service behind a proxy or TLS."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

#: Key of the environ with the base path that a trusted proxy has removed and named. No header has such a key.
FORWARDED_PREFIX = "sqs_facade.prefix"
#: Labels of letters, digits, hyphens and, for container networks, underscores.
_HOST_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?", re.ASCII)
_BASE_PATH = re.compile(r"(/(?!\.\.?(/|\Z))[A-Za-z0-9._~-]+)*", re.ASCII)
#: First path segments that the service itself uses, such as SQS accounts: a base path would hide them.
_SERVED = re.compile(r"v1|v1\.1|v2|health|moto-api|_.*|[0-9]{12}", re.ASCII)


class PublicUrlInvalid(ValueError):
    """The URL cannot be used. The text is a predicate without the URL, which may contain a password."""


class PublicUrl(NamedTuple):
    """A parsed public URL. ``host`` includes the port. ``base_path`` is "" or begins with a slash and ends without."""

    scheme: str
    host: str
    base_path: str


@lru_cache(maxsize=16)
def parse(text: str) -> PublicUrl:
    """Parse a public URL. Raises PublicUrlInvalid."""
    if not text.lower().startswith(("http://", "https://")):
        raise PublicUrlInvalid("must begin with http:// or https://, such as https://queues.example.org")
    # urlsplit would remove line feeds and tabs.
    if not text.isascii() or not text.isprintable():
        raise PublicUrlInvalid("has no valid host: it must be printable ASCII")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise PublicUrlInvalid("has no valid host") from None
    if "@" in parts.netloc or "?" in text or "#" in text:
        raise PublicUrlInvalid("must not contain a user, a query or a fragment")
    return PublicUrl(parts.scheme, _host(parts), _base_path(parts.path.rstrip("/")))


def _host(parts: SplitResult) -> str:
    name = parts.hostname or ""
    if "[" in parts.netloc:
        try:
            ip_address(name)
        except ValueError:
            raise PublicUrlInvalid("has no valid host") from None
    elif not _HOST_NAME.fullmatch(name):
        raise PublicUrlInvalid("has no valid host")
    try:
        is_port_valid = parts.port != 0
    except ValueError:
        is_port_valid = False
    if not is_port_valid:
        raise PublicUrlInvalid("has no valid port")
    return parts.netloc.lower().removesuffix(":")


def _base_path(path: str) -> str:
    if not _BASE_PATH.fullmatch(path):
        raise PublicUrlInvalid("has a base path with characters other than letters, digits and . _ ~ -")
    first = "/".join(path.split("/", 2)[:2])
    if _SERVED.fullmatch(first[1:]):
        raise PublicUrlInvalid(f"has a base path that the service itself uses: {first}")
    return path

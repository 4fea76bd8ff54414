"""Which hosts, as called, are this machine's own."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit


def is_own(host: str, allowed: Collection[str]) -> bool:
    """Whether a Host header names loopback, or a host of ``allowed`` (with or without its port).

    A web page can make a browser send any request to this machine under a name of the page's own; what is not meant
    for other machines answers only to names that no page can own.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if host in allowed or name in allowed or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False

"""The check of the Host header for endpoints that only this machine may call."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit


def is_own(host: str, allowed: Collection[str]) -> bool:
    """Return whether a Host header names loopback, or a host of ``allowed`` (with or without its port).

    A web page can point a host name of its own at this machine (DNS rebinding) and call it from the browser. Endpoints
    for this machine only therefore accept only names that no web page can own.
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

"""Recognize requests that a web browser sent, by headers that other programs do not send.

A page can make a browser call any URL by GET, by an image or a link, and the browser then sends no Origin. Such a call
must not change anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Headers that only browsers send, as keys of an environ; those of the Fetch Metadata standard have a prefix.
_MARKS = ("HTTP_ORIGIN", "HTTP_REFERER")
_LANGUAGE = "HTTP_ACCEPT_LANGUAGE"
_FETCH_METADATA = "HTTP_SEC_FETCH_"
#: What ``fetch`` of Node.js sends of these. A browser sends Sec-Fetch-Site and Sec-Fetch-Dest beside the mode.
_NODE = {_LANGUAGE: "*", "HTTP_SEC_FETCH_MODE": "cors"}
_PAGES = ("text/html", "application/xhtml+xml")
#: The Accept header of Java's HttpURLConnection by default, without blanks: up to JDK 20, and of later ones.
_JAVA = frozenset((
    "text/html,image/gif,image/jpeg,*;q=.2,*/*;q=.2",
    "text/html,image/gif,image/jpeg,*/*;q=0.2",
    "text/html,image/gif,image/jpeg,*/*;q=.2",
))  # fmt: skip


def is_marked(environ: Mapping[str, Any]) -> bool:
    """Return whether a request carries any mark of a browser."""
    return (
        environ.get("HTTP_USER_AGENT", "").lower().startswith("mozilla/")
        or any(name in environ for name in _MARKS)
        or _preferences(environ) not in ({}, _NODE)
        or _accepts_pages(environ.get("HTTP_ACCEPT", ""))
    )


def _preferences(environ: Mapping[str, Any]) -> dict[str, Any]:
    """Return the language and the Fetch Metadata of a request."""
    return {name: value for name, value in environ.items() if name == _LANGUAGE or name.startswith(_FETCH_METADATA)}


def _accepts_pages(accept: str) -> bool:
    """Return whether an Accept header names images or HTML, and is not Java's default."""
    plain = "".join(accept.split()).lower()
    if plain in _JAVA:
        return False
    types = [part.partition(";")[0] for part in plain.split(",")]
    return any(one in _PAGES or one.startswith("image/") for one in types)

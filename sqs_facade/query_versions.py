"""Services of the query protocol beside SQS: a request names its service by the version of the API."""

from __future__ import annotations

import re

from zaqar_core.web.envelope import Request


class QueryVersion:
    """The requests of one version."""

    __slots__ = ("_given", "_pattern", "_text")

    def __init__(self, version: str) -> None:
        self._text = f"Version={version}"
        self._given = self._text.encode()
        self._pattern = re.compile(rf"(?:^|&)Version={version}(?:&|$)")

    def is_asked(self, request: Request) -> bool:
        """Return whether a request of the query protocol names this version."""
        if request.path not in ("", "/"):
            return False
        if self._text in request.query and self._pattern.search(request.query):
            return True
        if request.method != "POST" or self._given not in request.body:
            return False
        return self._pattern.search(request.body.decode("latin-1")) is not None

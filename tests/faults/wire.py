"""Connections that tell three outcomes apart: done, refused, and unknown. They repeat nothing by themselves."""

from __future__ import annotations

import http.client
import json
import random
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

ACCOUNT = "000000000000"
#: Longer than the longest poll and the service's own time-out for the store.
_TIMEOUT_SECONDS = 15.0


class Refused(Exception):
    """The service said that the request is wrong (4xx). ``code`` is its error code or status."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Unknown(Exception):
    """There is no response, or a 5xx: the operation may have been executed or not."""


class Unsent(Unknown):
    """No service accepted the connection, so nothing was executed."""


class Connection:
    """One keep-alive connection to any of the services, which is opened when it is needed."""

    def __init__(self, url: Callable[[], str]) -> None:
        """``url`` returns the address of a service, which may differ from call to call."""
        self._url = url
        self._http: http.client.HTTPConnection | None = None

    def sqs(self, operation: str, **members: Any) -> dict[str, Any]:
        """Call SQS; return the result. Raises Refused, Unknown, Unsent."""
        headers = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": "application/x-amz-json-1.0"}
        status, document = self._exchange("POST", "/", members, headers)
        if status != 200:
            raise Refused(str(document.get("__type", status)).rpartition("#")[2])
        return document

    def zaqar(self, method: str, path: str, document: Any = None) -> tuple[dict[str, Any], str]:
        """Call Zaqar; return the document, and the path in the header Location. Raises Refused, Unknown, Unsent."""
        headers = {"Client-ID": str(uuid.uuid4()), "X-Project-Id": ACCOUNT, "Content-Type": "application/json"}
        status, answer = self._exchange(method, f"/v2/queues/{path}", document, headers)
        if status >= 300:
            raise Refused(str(status))
        return answer, self._location

    def close(self) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None

    def _exchange(self, method: str, path: str, document: Any, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        body = None if document is None else json.dumps(document)
        connected = self._connected()
        try:
            connected.request(method, path, body, headers)
            answer = connected.getresponse()
            text = answer.read()
            found = json.loads(text) if text else {}
        except (OSError, http.client.HTTPException, ValueError) as problem:
            self.close()
            raise Unknown(repr(problem)) from None
        if answer.status >= 500:
            raise Unknown(f"{answer.status} {text.decode(errors='replace')}")
        self._location = answer.headers.get("Location", "")
        return answer.status, found

    def _connected(self) -> http.client.HTTPConnection:
        if self._http is None:
            where = urlsplit(self._url())
            opened = http.client.HTTPConnection(where.hostname or "", where.port, timeout=_TIMEOUT_SECONDS)
            try:
                opened.connect()
            except OSError as problem:
                raise Unsent(repr(problem)) from None
            self._http = opened
        return self._http


def any_of(urls: Callable[[], list[str]], rng: random.Random) -> Callable[[], str]:
    """Return a function that returns the address of a random service."""
    return lambda: rng.choice(urls())

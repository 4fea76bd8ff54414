"""A session of ``requests`` for Zaqar, for one account."""

from __future__ import annotations

import uuid
from typing import Any

import requests


class ZaqarSession(requests.Session):
    """Accepts paths below ``/v2``, and paths as the service returns them. The account is the project."""

    def __init__(self, url: str, account: str) -> None:
        super().__init__()
        self._url = url
        self.trust_env = False  # use no proxy and no netrc: the service runs on this machine
        self.headers.update({"X-Project-Id": account, "Client-ID": str(uuid.uuid4()), "Accept": "application/json"})

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **more: Any) -> requests.Response:
        """Send a request as ``requests`` does; ``url`` may be a path."""
        path = url.decode() if isinstance(url, bytes) else url
        if "://" not in path:
            path = self._url + (path if path.startswith("/v2/") else f"/v2{path}")
        return super().request(method, path, *args, **more)

"""Zaqar by plain HTTP, for one account."""

from __future__ import annotations

import uuid
from typing import Any

import requests


class ZaqarSession(requests.Session):
    """Paths are below ``/v2``, or as answers give them; the account is the project."""

    def __init__(self, url: str, account: str) -> None:
        super().__init__()
        self._url = url
        self.trust_env = False  # the service is on this machine: no proxy, no netrc
        self.headers.update({"X-Project-Id": account, "Client-ID": str(uuid.uuid4()), "Accept": "application/json"})

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **more: Any) -> requests.Response:
        """As ``requests``; a path stands for its URL."""
        path = url.decode() if isinstance(url, bytes) else url
        if "://" not in path:
            path = self._url + (path if path.startswith("/v2/") else f"/v2{path}")
        return super().request(method, path, *args, **more)

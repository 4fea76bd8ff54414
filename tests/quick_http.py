"""A session of requests for the many small calls of tests: half the cost of a call, which thousands of tests pay."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import requests
import urllib3
from requests.structures import CaseInsensitiveDict
from requests.utils import default_headers, get_encoding_from_headers

_FORM = "application/x-www-form-urlencoded"


class QuickSession(requests.Session):
    """Sends plain requests by urllib3 itself. Any other argument than these goes the way of requests.

    Nothing of the user's environment is used, no cookie is kept, and no redirect is followed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False  # the environment and .netrc of the user say nothing about services of the tests
        self._pool = urllib3.PoolManager(maxsize=32)
        self._defaults = dict(default_headers())

    def request(  # type: ignore[override] # the arguments that tests give
        self,
        method: str,
        url: str,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        timeout: float = 30,
        **more: Any,
    ) -> requests.Response:
        more.pop("allow_redirects", None)  # what ``get`` and ``head`` add
        is_plain = isinstance(data, bytes | dict | None) and isinstance(params, dict | None)
        is_plain = is_plain and None not in (headers or {}).values()  # a header that requests leaves out
        if not is_plain or any(value is not None for value in more.values()):
            return super().request(method, url, params, data, headers, timeout=timeout, **more)
        sent = CaseInsensitiveDict(self._defaults)
        sent.update(headers or {})
        if isinstance(data, dict):
            data = urlencode(data, doseq=True).encode() or None
            sent.setdefault("Content-Type", _FORM)
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params, doseq=True)
        try:
            answer = self._pool.request(
                method, url, body=data, headers=dict(sent.items()), redirect=False, retries=False, timeout=timeout
            )
        except urllib3.exceptions.HTTPError as problem:
            raise requests.ConnectionError(problem) from problem
        found = requests.Response()
        found.status_code, found.reason, found.url = answer.status, answer.reason or "", url
        found.headers = CaseInsensitiveDict(answer.headers)
        found.encoding = get_encoding_from_headers(found.headers)
        found._content = answer.data
        return found

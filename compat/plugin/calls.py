"""Calls to the service in the name of moto's accounts and regions."""

from __future__ import annotations

import json
import os
from typing import Any

import urllib3
from moto.core import exceptions as core_exceptions
from moto.sqs import exceptions

from ..embedded import CALL_SECONDS
from . import shared

#: What moto's services catch, or answer with; moto had no name for SQS's own before 5.1.9.
Refused: type[Exception] = getattr(exceptions, "SQSException", None) or core_exceptions.RESTError

_OWN_HEADERS = frozenset({"content-length", "connection", "transfer-encoding", "server", "date"})

#: Connections to the service.
_http: urllib3.PoolManager
#: Whether the service holds something that a reset must remove.
_is_used = False


def _connect() -> None:
    """Connections of this process: a forked one must not read the answers of its parent."""
    global _http
    _http = urllib3.PoolManager(maxsize=64, timeout=CALL_SECONDS, retries=False)


_connect()
os.register_at_fork(after_in_child=_connect)


def signed(account: str, region: str) -> str:
    """Names account and region; nobody checks the signature."""
    return f"AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/sqs/aws4_request, SignedHeaders=host, Signature=0"


def send(method: str, path: str, query: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """One request: status, headers and body of the answer."""
    global _is_used
    _is_used = True
    url = f"{shared.facade().url}{path}{'?' if query else ''}{query}"
    answer = _http.request(method, url, body=body, headers=headers, redirect=False)
    given = {name: value for name, value in answer.headers.items() if name.lower() not in _OWN_HEADERS}
    return answer.status, given, answer.data


def call(backend: Any, operation: str, **members: Any) -> dict[str, Any]:
    """A call in the name of a backend's account and region. Raises moto's QueueDoesNotExist, else Refused."""
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"AmazonSQS.{operation}",
        "Host": f"sqs.{backend.region_name}.amazonaws.com",
        "Authorization": signed(backend.account_id, backend.region_name),
    }
    status, given, answer = send("POST", "/", "", json.dumps(members).encode(), headers)
    document: dict[str, Any] = json.loads(answer or b"{}")
    if status == 200:
        return document
    shape = document["__type"].rpartition("#")[2]
    if shape == "QueueDoesNotExist":
        raise exceptions.QueueDoesNotExist
    code = next((value for name, value in given.items() if name.lower() == "x-amzn-query-error"), shape)
    raise Refused(code.partition(";")[0], document["message"])


def url(backend: Any, name: str) -> str:
    """Of a queue, as AWS gives it."""
    return f"https://sqs.{backend.region_name}.amazonaws.com/{backend.account_id}/{name}"


def reset() -> None:
    """The service is empty."""
    global _is_used
    if _is_used and shared.is_running():
        _is_used = False
        shared.facade().hook("reset", all=True)
        for one in shared.after_reset:
            one()

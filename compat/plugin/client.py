"""Requests to the service for the accounts and regions of moto."""

from __future__ import annotations

import json
import os
from typing import Any

import urllib3
from moto.core import exceptions as core_exceptions
from moto.sqs import exceptions

from ..service import CALL_SECONDS
from . import shared

#: The exception that moto's other services handle. moto has no class for the errors of SQS before 5.1.9.
Refused: type[Exception] = getattr(exceptions, "SQSException", None) or core_exceptions.RESTError

_OWN_HEADERS = frozenset({"content-length", "connection", "transfer-encoding", "server", "date"})

#: Connections to the service.
_http: urllib3.PoolManager
#: Whether the service may contain data that a reset must delete.
_is_used = False


def _connect() -> None:
    """Open a connection pool for this process: a forked process must not read the responses to its parent."""
    global _http
    _http = urllib3.PoolManager(maxsize=64, timeout=CALL_SECONDS, retries=False)


_connect()
os.register_at_fork(after_in_child=_connect)


def authorization(account: str, region: str) -> str:
    """Return an Authorization header with account and region. The service does not check the signature."""
    return f"AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/sqs/aws4_request, SignedHeaders=host, Signature=0"


def send(method: str, path: str, query: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """Send a request and return status, headers and body of the response."""
    global _is_used
    _is_used = True
    url = f"{shared.facade().url}{path}{'?' if query else ''}{query}"
    response = _http.request(method, url, body=body, headers=headers, redirect=False)
    received = {name: value for name, value in response.headers.items() if name.lower() not in _OWN_HEADERS}
    return response.status, received, response.data


def run(backend: Any, operation: str, **members: Any) -> dict[str, Any]:
    """Run an operation for the account and region of a backend. Raises moto's QueueDoesNotExist, else Refused."""
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"AmazonSQS.{operation}",
        "Host": f"sqs.{backend.region_name}.amazonaws.com",
        "Authorization": authorization(backend.account_id, backend.region_name),
    }
    status, received, content = send("POST", "/", "", json.dumps(members).encode(), headers)
    document: dict[str, Any] = json.loads(content or b"{}")
    if status == 200:
        return document
    shape = document["__type"].rpartition("#")[2]
    if shape == "QueueDoesNotExist":
        raise exceptions.QueueDoesNotExist
    code = next((value for name, value in received.items() if name.lower() == "x-amzn-query-error"), shape)
    raise Refused(code.partition(";")[0], document["message"])


def queue_url(backend: Any, name: str) -> str:
    """Return the URL of a queue in the form of AWS."""
    return f"https://sqs.{backend.region_name}.amazonaws.com/{backend.account_id}/{name}"


def reset() -> None:
    """Delete all data of the service."""
    global _is_used
    if _is_used and shared.is_running():
        _is_used = False
        shared.facade().hook("reset", all=True)
        for callback in shared.after_reset:
            callback()

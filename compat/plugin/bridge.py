"""Under moto's mocks SQS is the facade's: calls that moto took for its own SQS go there as they are.

moto decides as ever which calls it takes, which account they are of and when everything is emptied; only what answers
is another. What its SNS, S3, EventBridge and CloudFormation do with queues arrives there too. The service is started by
the first call.
"""

from __future__ import annotations

import json
import os
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlencode, urlsplit

import urllib3
from moto.core.base_backend import BackendDict
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sqs import exceptions
from moto.sqs.models import Queue, SQSBackend
from moto.sqs.responses import SQSResponse

from compat.embedded import CALL_SECONDS
from compat.plugin import shared

ACCOUNT: str = DEFAULT_ACCOUNT_ID

_FORWARDED = ("Content-Type", "X-Amz-Target", "Accept", "X-Amzn-Query-Mode", "X-Amzn-Trace-Id")
#: Operations whose results hold queue URLs.
_GIVE_URLS = frozenset({"CreateQueue", "GetQueueUrl", "ListQueues", "ListDeadLetterSourceQueues"})
_OWN_HEADERS = frozenset({"content-length", "connection", "transfer-encoding", "server", "date"})

_patches: list[Any] = []
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


def install() -> None:
    """From now on, until :func:`remove`."""
    if _patches:
        return
    reset, create, delete = BackendDict.reset, SQSBackend.create_queue, SQSBackend.delete_queue

    def reset_both() -> None:
        reset()
        _reset()

    def create_both(self: Any, name: str, tags: dict[str, str] | None = None, **kwargs: Any) -> Any:
        queue = create(self, name=name, tags=tags, **kwargs)
        _create(self, queue.name, tags or {}, kwargs)
        return queue

    def delete_both(self: Any, queue_name: str) -> None:
        _call(self, "DeleteQueue", QueueUrl=_url(self, queue_name))
        if queue_name in self.queues:
            delete(self, queue_name)

    replaced: list[tuple[Any, str, Any]] = [
        (BackendDict, "reset", staticmethod(reset_both)),
        (SQSResponse, "_dispatch", _dispatch),
        (SQSBackend, "create_queue", create_both),
        (SQSBackend, "delete_queue", delete_both),
        (SQSBackend, "get_queue", _get_queue),
        (SQSBackend, "get_queue_attributes", _get_queue_attributes),
        (SQSBackend, "send_message", _send_message),
    ]
    for place, name, stand_in in replaced:
        one = patch.object(place, name, stand_in)
        one.start()
        _patches.append(one)


def remove() -> None:
    """moto is as it was."""
    while _patches:
        _patches.pop().stop()


def _reset() -> None:
    global _is_used
    if _is_used and shared.is_running():
        _is_used = False
        shared.facade().hook("reset", all=True)
        for call in shared.after_reset:
            call()


def _dispatch(self: Any, request: Any, full_url: str | None = None, headers: Any = None) -> tuple[int, Any, bytes]:
    """Stands for SQSResponse._dispatch: the facade's answer to a request that moto took."""
    del headers
    self.headers, self.querystring = request.headers, {}
    account = self.get_current_account()
    address = urlsplit(full_url or request.url)
    body = request.get_data()
    if not body and request.form:
        body = urlencode(list(request.form.items(multi=True))).encode()
    sent = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
    scope = _region_of(request.headers.get("Authorization", "")) or "us-east-1"
    sent |= {"Host": address.netloc, "Authorization": _signed(account, scope)}
    status, given, answer = _send(request.method, address.path or "/", address.query, body, sent)
    if address.scheme == "https" and _operation(sent, body, address.query) in _GIVE_URLS:
        # It was called by HTTP, and names its queues so.
        answer = answer.replace(f"http://{address.netloc}/".encode(), f"https://{address.netloc}/".encode())
    return status, given, answer


def _operation(headers: dict[str, str], body: bytes, query: str) -> str:
    target = headers.get("X-Amz-Target")
    if target:
        return target.rpartition(".")[2]
    given = parse_qs(query) | parse_qs(body.decode("latin-1"))
    return given.get("Action", [""])[0]


def _region_of(authorization: str) -> str:
    parts = authorization.partition("Credential=")[2].partition(",")[0].split("/")
    return parts[2] if len(parts) == 5 else ""


def _signed(account: str, region: str) -> str:
    """Names account and region; nobody checks the signature."""
    return f"AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/sqs/aws4_request, SignedHeaders=host, Signature=0"


def _send(
    method: str, path: str, query: str, body: bytes, headers: dict[str, str]
) -> tuple[int, dict[str, str], bytes]:
    global _is_used
    _is_used = True
    url = f"{shared.facade().url}{path}{'?' if query else ''}{query}"
    answer = _http.request(method, url, body=body, headers=headers, redirect=False)
    given = {name: value for name, value in answer.headers.items() if name.lower() not in _OWN_HEADERS}
    return answer.status, given, answer.data


# -- what other services of moto do with queues -----------------------------------------------------------------------


def _call(backend: Any, operation: str, **members: Any) -> dict[str, Any]:
    """A call in the name of a backend's account and region. Raises moto's QueueDoesNotExist, else RuntimeError."""
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"AmazonSQS.{operation}",
        "Host": f"sqs.{backend.region_name}.amazonaws.com",
        "Authorization": _signed(backend.account_id, backend.region_name),
    }
    status, _, answer = _send("POST", "/", "", json.dumps(members).encode(), headers)
    document: dict[str, Any] = json.loads(answer)
    if status == 200:
        return document
    if document["__type"].endswith("#QueueDoesNotExist"):
        raise exceptions.QueueDoesNotExist
    raise RuntimeError(f"{operation}: {document['message']}")


def _url(backend: Any, name: str) -> str:
    return f"https://sqs.{backend.region_name}.amazonaws.com/{backend.account_id}/{name}"


def _attributes(backend: Any, name: str) -> dict[str, str]:
    found = _call(backend, "GetQueueAttributes", QueueUrl=_url(backend, name), AttributeNames=["All"])
    return dict(found["Attributes"])


def _get_queue(self: Any, queue_name: str) -> Any:
    """A queue of moto's kind that shows the facade's. Raises QueueDoesNotExist."""
    attributes = _attributes(self, queue_name)
    if queue_name in self.queues:
        return self.queues[queue_name]
    kept = ("FifoQueue", "ContentBasedDeduplication")
    return Queue(
        queue_name, self.region_name, self.account_id, **{name: attributes[name] for name in kept if name in attributes}
    )


def _get_queue_attributes(self: Any, queue_name: str, attribute_names: list[str]) -> dict[str, str]:
    found = _attributes(self, queue_name)
    found.setdefault("ContentBasedDeduplication", "false")
    wanted = found if "All" in attribute_names or not attribute_names else attribute_names
    return {name: found[name] for name in wanted if name in found}


def _send_message(
    self: Any,
    queue_name: str,
    message_body: str,
    message_attributes: dict[str, Any] | None = None,
    delay_seconds: int | None = None,
    deduplication_id: str | None = None,
    group_id: str | None = None,
    system_attributes: dict[str, Any] | None = None,
    validate_group_id: bool = True,
) -> None:
    """A message that another service of moto sends."""
    del validate_group_id
    given = {
        "MessageBody": message_body,
        "MessageAttributes": message_attributes,
        "DelaySeconds": delay_seconds,
        "MessageDeduplicationId": deduplication_id,
        "MessageGroupId": group_id,
        "MessageSystemAttributes": system_attributes,
    }
    members = {name: value for name, value in given.items() if value is not None and value != {}}
    _call(self, "SendMessage", QueueUrl=_url(self, queue_name), **members)


def _create(backend: Any, name: str, tags: dict[str, str], attributes: dict[str, Any]) -> None:
    """The queue that CloudFormation made is made here too."""
    wanted = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in attributes.items()
        if key[0].isupper() and key not in ("QueueName", "Tags")
    }
    _call(backend, "CreateQueue", QueueName=name, Attributes=wanted, tags=tags)

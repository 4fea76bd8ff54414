"""Under moto's mocks SQS is the facade's: calls that moto took for its own SQS go there as they are.

moto decides as ever which calls it takes, which account they are of and when everything is emptied; only what answers
is another. What its SNS, S3, EventBridge, CloudFormation and Lambda do with queues arrives there too, and so does time
that a test moves. The service is started by the first call.
"""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlencode, urlsplit

from moto.core.base_backend import BackendDict
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sqs.models import Queue, SQSBackend
from moto.sqs.responses import SQSResponse

from . import calls, moved_time, queues

ACCOUNT: str = DEFAULT_ACCOUNT_ID

_FORWARDED = ("Content-Type", "X-Amz-Target", "Accept", "X-Amzn-Query-Mode", "X-Amzn-Trace-Id")
#: Operations whose results hold queue URLs.
_GIVE_URLS = frozenset({"CreateQueue", "GetQueueUrl", "ListQueues", "ListDeadLetterSourceQueues"})

_patches: list[Any] = []


def install() -> None:
    """From now on, until :func:`remove`."""
    if _patches:
        return
    reset, update = BackendDict.reset, Queue.update_from_cloudformation_json

    def reset_both() -> None:
        reset()
        moved_time.forget()
        calls.reset()

    def update_both(**given: Any) -> Any:
        queue = update(**given)
        backend = queues.backend_of(queue)
        wanted = _settings(given["cloudformation_json"]["Properties"])
        calls.call(backend, "SetQueueAttributes", QueueUrl=calls.url(backend, queue.name), Attributes=wanted)
        return queue

    replaced: list[tuple[Any, str, Any]] = [
        (BackendDict, "reset", staticmethod(reset_both)),
        (SQSResponse, "_dispatch", _dispatch),
        (SQSBackend, "create_queue", _create_queue),
        (SQSBackend, "get_queue_attributes", _get_queue_attributes),
        (SQSBackend, "send_message", _send_message),
        (Queue, "update_from_cloudformation_json", staticmethod(update_both)),
    ]
    for place, name, stand_in in replaced:
        _patches.append(patch.object(place, name, stand_in))
    # A property goes before what backends that are there already have of that name.
    _patches.append(patch.object(SQSBackend, "queues", property(queues.Queues, _ignore), create=True))
    for one in _patches:
        one.start()


def _ignore(backend: Any, value: Any) -> None:
    """moto begins with no queues; the facade's are what they are."""
    del backend, value


def remove() -> None:
    """moto is as it was."""
    while _patches:
        _patches.pop().stop()


def _dispatch(self: Any, request: Any, full_url: str | None = None, headers: Any = None) -> tuple[int, Any, bytes]:
    """Stands for SQSResponse._dispatch: the facade's answer to a request that moto took."""
    del headers
    self.headers, self.querystring = request.headers, {}
    account = self.get_current_account()
    region = self.get_region_from_url(request, full_url or request.url)
    address = urlsplit(full_url or request.url)
    body = _body(request)
    sent = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
    sent |= {"Host": address.netloc, "Authorization": calls.signed(account, region)}
    moved_time.follow(account)
    status, given, answer = calls.send(request.method, address.path or "/", address.query, body, sent)
    operation = _operation(sent, body, address.query)
    if address.scheme == "https" and operation in _GIVE_URLS:
        # It was called by HTTP, and names its queues so.
        answer = answer.replace(f"http://{address.netloc}/".encode(), f"https://{address.netloc}/".encode())
    if status == 200 and operation == "DeleteQueue":
        queues.forget(account, region, _queue(sent, body, address.query, address.path))
    elif status == 200 and operation in ("SendMessage", "SendMessageBatch") and queues.are_fed(account, region):
        queues.feed(account, region, _queue(sent, body, address.query, address.path))
    return status, given, answer


def _body(request: Any) -> bytes:
    """Of werkzeug's request; or, where moto is older than 5.2 and not a server, of the client's own."""
    if not hasattr(request, "get_data"):
        body = request.body.read() if hasattr(request.body, "read") else request.body
        return body.encode() if isinstance(body, str) else body or b""
    given: bytes = request.get_data()
    if not given and request.form:
        return urlencode(list(request.form.items(multi=True))).encode()
    return given


def _operation(headers: dict[str, str], body: bytes, query: str) -> str:
    target = headers.get("X-Amz-Target")
    if target:
        return target.rpartition(".")[2]
    return _form(body, query).get("Action", [""])[0]


def _queue(headers: dict[str, str], body: bytes, query: str, path: str) -> str:
    """The name of the queue that a request was about."""
    if "X-Amz-Target" in headers:
        at = json.loads(body).get("QueueUrl", path)
    else:
        at = _form(body, query).get("QueueUrl", [path])[0]
    return str(at).rstrip("/").rpartition("/")[2]


def _form(body: bytes, query: str) -> dict[str, list[str]]:
    return parse_qs(query) | parse_qs(body.decode("latin-1"))


# -- what other services of moto do with queues -----------------------------------------------------------------------


def _create_queue(self: Any, name: str, tags: dict[str, str] | None = None, **attributes: Any) -> Any:
    """The queue that CloudFormation makes."""
    calls.call(self, "CreateQueue", QueueName=name, Attributes=_settings(attributes), tags=tags or {})
    return self.queues[name]


def _settings(properties: dict[str, Any]) -> dict[str, str]:
    """A template's properties as SQS's attributes."""
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in properties.items()
        if key[0].isupper() and key not in ("QueueName", "Tags")
    }


def _get_queue_attributes(self: Any, queue_name: str, attribute_names: list[str]) -> dict[str, str]:
    at = calls.url(self, queue_name)
    found: dict[str, str] = calls.call(self, "GetQueueAttributes", QueueUrl=at, AttributeNames=["All"])["Attributes"]
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
        "MessageAttributes": {name: _attribute(one) for name, one in (message_attributes or {}).items()},
        "DelaySeconds": delay_seconds,
        "MessageDeduplicationId": deduplication_id,
        "MessageGroupId": group_id,
        "MessageSystemAttributes": system_attributes,
    }
    members = {name: value for name, value in given.items() if value is not None and value != {}}
    moved_time.follow(self.account_id)
    calls.call(self, "SendMessage", QueueUrl=calls.url(self, queue_name), **members)
    queues.feed(self.account_id, self.region_name, queue_name)


def _attribute(given: dict[str, Any]) -> dict[str, Any]:
    """As SQS spells its members; moto's topics before 5.1.9 say ``data_type``."""
    return {name.title().replace("_", "") if "_" in name else name: value for name, value in given.items()}

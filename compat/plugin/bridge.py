"""Replace the SQS of moto by the facade: SQS requests that moto intercepts are forwarded unchanged.

moto still decides which requests it intercepts, to which account they belong, and when its state is reset. The queue
operations of its SNS, S3, EventBridge, CloudFormation and Lambda are forwarded too, and the service follows time that
a test moves. The first request starts the service.
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

from . import client, moved_time, queues

ACCOUNT: str = DEFAULT_ACCOUNT_ID

_FORWARDED = ("Content-Type", "X-Amz-Target", "Accept", "X-Amzn-Query-Mode", "X-Amzn-Trace-Id")
#: Operations whose results contain queue URLs.
_RETURN_URLS = frozenset({"CreateQueue", "GetQueueUrl", "ListQueues", "ListDeadLetterSourceQueues"})

_patches: list[Any] = []


def install() -> None:
    """Replace moto's SQS until :func:`remove`."""
    if _patches:
        return
    reset, update = BackendDict.reset, Queue.update_from_cloudformation_json

    def reset_both() -> None:
        reset()
        moved_time.forget()
        client.reset()

    def update_both(**given: Any) -> Any:
        queue = update(**given)
        backend = queues.backend_of(queue)
        wanted = _settings(given["cloudformation_json"]["Properties"])
        client.run(backend, "SetQueueAttributes", QueueUrl=client.queue_url(backend, queue.name), Attributes=wanted)
        return queue

    replaced: list[tuple[Any, str, Any]] = [
        (BackendDict, "reset", staticmethod(reset_both)),
        (SQSResponse, "_dispatch", _dispatch),
        (SQSBackend, "create_queue", _create_queue),
        (SQSBackend, "get_queue_attributes", _get_queue_attributes),
        (SQSBackend, "send_message", _send_message),
        (Queue, "update_from_cloudformation_json", staticmethod(update_both)),
    ]
    for owner, name, replacement in replaced:
        _patches.append(patch.object(owner, name, replacement))
    # A property of the class takes precedence over the attribute that existing backends have.
    _patches.append(patch.object(SQSBackend, "queues", property(queues.Queues, _ignore), create=True))
    for one in _patches:
        one.start()


def _ignore(backend: Any, value: Any) -> None:
    """Ignore the dictionary that moto assigns to a new backend."""
    del backend, value


def remove() -> None:
    """Restore moto's own SQS."""
    while _patches:
        _patches.pop().stop()


def _dispatch(self: Any, request: Any, full_url: str | None = None, headers: Any = None) -> tuple[int, Any, bytes]:
    """Replace SQSResponse._dispatch: forward an intercepted request and return the response of the facade."""
    del headers
    self.headers, self.querystring = request.headers, {}
    account = self.get_current_account()
    region = self.get_region_from_url(request, full_url or request.url)
    address = urlsplit(full_url or request.url)
    body = _body(request)
    sent = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
    sent |= {"Host": address.netloc, "Authorization": client.authorization(account, region)}
    moved_time.follow(account)
    status, received, content = client.send(request.method, address.path or "/", address.query, body, sent)
    operation = _operation(sent, body, address.query)
    if address.scheme == "https" and operation in _RETURN_URLS:
        # The service was called over HTTP and returns such URLs.
        content = content.replace(f"http://{address.netloc}/".encode(), f"https://{address.netloc}/".encode())
    if status == 200 and operation == "DeleteQueue":
        queues.forget(account, region, _queue(sent, body, address.query, address.path))
    elif status == 200 and operation in ("SendMessage", "SendMessageBatch") and queues.have_mappings(account, region):
        queues.deliver(account, region, _queue(sent, body, address.query, address.path))
    return status, received, content


def _body(request: Any) -> bytes:
    """Return the body of werkzeug's request; without moto's server, before moto 5.2, of the client's request."""
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
    """Return the name of the queue of a request."""
    if "X-Amz-Target" in headers:
        at = json.loads(body).get("QueueUrl", path)
    else:
        at = _form(body, query).get("QueueUrl", [path])[0]
    return str(at).rstrip("/").rpartition("/")[2]


def _form(body: bytes, query: str) -> dict[str, list[str]]:
    return parse_qs(query) | parse_qs(body.decode("latin-1"))


# -- queue operations of moto's other services -------------------------------------------------------------------------


def _create_queue(self: Any, name: str, tags: dict[str, str] | None = None, **attributes: Any) -> Any:
    """Create a queue for CloudFormation."""
    client.run(self, "CreateQueue", QueueName=name, Attributes=_settings(attributes), tags=tags or {})
    return self.queues[name]


def _settings(properties: dict[str, Any]) -> dict[str, str]:
    """Convert the properties of a template to attributes of SQS."""
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in properties.items()
        if key[0].isupper() and key not in ("QueueName", "Tags")
    }


def _get_queue_attributes(self: Any, queue_name: str, attribute_names: list[str]) -> dict[str, str]:
    at = client.queue_url(self, queue_name)
    found: dict[str, str] = client.run(self, "GetQueueAttributes", QueueUrl=at, AttributeNames=["All"])["Attributes"]
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
    """Send a message for another service of moto."""
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
    client.run(self, "SendMessage", QueueUrl=client.queue_url(self, queue_name), **members)
    queues.deliver(self.account_id, self.region_name, queue_name)


def _attribute(given: dict[str, Any]) -> dict[str, Any]:
    """Convert member names to those of SQS: moto's SNS before 5.1.9 uses ``data_type``."""
    return {name.title().replace("_", "") if "_" in name else name: value for name, value in given.items()}

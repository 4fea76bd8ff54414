"""Generate the reference of the SQS face from its tables: ``python -m sqs_facade.reference > docs/sqs.md``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import inspect

from sqs_facade import attributes, errors
from sqs_facade.operations import load_all
from sqs_facade.operations.receiving import SYSTEM_ATTRIBUTES
from sqs_facade.registry import EVERY_OPERATION, OPERATIONS, WITH_CREDENTIALS, Operation
from zaqar_core.domain import limits
from zaqar_core.markdown import code, table

_HEAD = """# Amazon SQS, operation by operation

Generated from the operation table by `python -m sqs_facade.reference > docs/sqs.md`; do not edit.

Each operation is served by AWS JSON 1.0 (`X-Amz-Target: AmazonSQS.<Operation>`) and by the query protocol
(`Action=<Operation>`, GET or POST), at `/` and at a queue's own path. Sizes are UTF-8 bytes. If a request has several
errors and its queue does not exist, the error is that of the missing queue.

Responses of the query protocol are XML, or JSON for a client whose `Accept` header prefers `application/json` to XML
(API Gateway's and axios' do, browsers' do not). As on AWS, that JSON is
`{"<Operation>Response": {"<Operation>Result": …, "ResponseMetadata": {"RequestId": …}}}`. A result has all of its
members, null if they are absent or empty. Lists have their own names (`messages`, `queueUrls`, `Successful`), even with
one element. Attributes and tags are lists of `Name` and `Value`, `Key` and `Value`. An error is
`{"Error": {"Code": …, "Message": …, "Type": "Sender"}, "RequestId": …}`.
"""

#: Intended differences from AWS, as a client observes them.
DIFFERENCES = (
    "Signatures are checked if `credentials_file` is set ([security](security.md)). Without it any credentials are "
    "accepted: a 12-digit access key is the account, and with any other key the account is `default_account`. The "
    "region is that of the called host (`sqs.<region>.…`), else that of the credential scope.",
    "Queue URLs begin with the called host, unless `queue_url_host` or `public_url` is set "
    "([operations](operations.md#queue-urls)). As input, every known form of URL is accepted, and a bare name too.",
    "`QueueDeletedRecently` is off by default (`recreate_delay_seconds`; AWS: 60), so that tools can create a deleted "
    "queue again without waiting. `RequestThrottled` is off by default (`max_requests_per_second`, per "
    "account).",
    "In JSON, CreateQueue and ListQueues also run on a queue's own path: clients whose endpoint is a queue URL send "
    "them there. In the query protocol they are refused, as on AWS.",
    "A queue that Zaqar created may have dots in its name. SQS operations can use it; CreateQueue does not create one.",
    "`KmsMasterKeyId` and `KmsDataKeyReusePeriodSeconds` are stored and returned, and exclude `SqsManagedSseEnabled` "
    "as on AWS; no key service is called.",
    "`SqsManagedSseEnabled` is returned as `true` if it was never set, as on AWS. Messages are encrypted only if it "
    "was set (or Zaqar's `_enable_encrypt_messages`), with the first key of the setting `encryption_keys`; without a "
    "key, setting it is `InvalidAttributeValue`. A message that cannot be decrypted stays in the queue, and receives "
    "leave it out; a receive that finds no other message returns `KmsNotFound` or `KmsInvalidState`.",
    "`Policy` is stored, and AddPermission and RemovePermission edit it. It is enforced only with `enforce_policies`: "
    'see "Policies" in `docs/security.md`. An operation then may also return AccessDenied (403).',
    "A `RedriveAllowPolicy` is enforced when a source queue sets its dead-letter queue, not for each message.",
    "`RedrivePolicy` is returned with `maxReceiveCount` as a number, even if it was sent as text, as on AWS.",
    "`x-localstack-sqs-override-message-count` and `-wait-time-seconds` lift ReceiveMessage's limits for tests (to "
    f"{limits.OVERRIDDEN_MESSAGES.most:,} and {limits.OVERRIDDEN_WAIT_SECONDS.most:,} s).",
    "`GET` or `POST /_aws/sqs/messages` shows a queue's messages without receiving them.",
)


def text() -> str:
    """Return the whole document."""
    load_all()
    parts = [_HEAD, *(_operation(OPERATIONS[name]) for name in sorted(OPERATIONS))]
    parts += [_queue_attributes(), _message_attributes(), _errors(), _differences()]
    return "\n".join(parts)


def _operation(operation: Operation) -> str:
    summary = " ".join((operation.run.__doc__ or "").split()).split(" Raises ")[0]
    parts = [f"## {operation.name}\n", f"{summary}\n"]
    members = list(_members(inspect.type_info(operation.parameters), "", ""))
    parts.append(table(("JSON member", "query parameter", "type", "limits"), members))
    if operation.result is not None:
        result = inspect.type_info(operation.result)
        assert isinstance(result, inspect.StructType)
        parts.append(f"Returns {', '.join(code(field.encode_name) for field in result.fields)}.\n")
    if not operation.on_queue_path:
        parts.append("The query protocol does not accept it on a queue's own path.\n")
    if operation.raises:
        parts.append(table(("error (JSON)", "code (query)", "status"), map(_error, operation.raises)))
    return "\n".join(parts)


def _error(name: str) -> tuple[str, ...]:
    kind = errors.ERROR_TABLE[name]
    return code(kind.shape), code(kind.code), str(kind.status)


def _members(info: inspect.Type, json: str, query: str) -> Iterator[tuple[str, ...]]:
    """Yield a row for each member of a structure; members of inner structures follow their parent."""
    assert isinstance(info, inspect.StructType)
    for field in info.fields:
        inner, limits, extra = _plain(field.type)
        name = json + field.encode_name
        match inner:
            case inspect.ListType():
                at = f"{query}{extra['query'][0]}.N"
                item, _, _ = _plain(inner.item_type)
                yield code(name), code(at), f"list of {_type(item)}", limits
                if isinstance(item, inspect.StructType):
                    yield from _members(item, f"{name}[].", f"{at}.")
            case inspect.DictType():
                at = f"{query}{extra['query'][0]}.N"
                item, _, _ = _plain(inner.value_type)
                pair = (f"{at}.{extra['key']}", f".{extra['value']}")
                yield code(name), ", ".join(map(code, pair)), f"map of {_type(item)}", limits
                if isinstance(item, inspect.StructType):
                    yield from _members(item, f"{name}{{}}.", f"{at}.{extra['value']}.")
            case _:
                yield code(name), code(query + field.encode_name), _type(inner), limits


def _plain(info: inspect.Type) -> tuple[inspect.Type, str, dict[str, Any]]:
    """Return a type without annotations and None, with its limits as text and its names in the query protocol."""
    limits = ""
    extra: dict[str, Any] = {}
    while True:
        if isinstance(info, inspect.Metadata):
            limits = (info.extra_json_schema or {}).get("description", limits)
            extra = info.extra or extra
            info = info.type
        elif isinstance(info, inspect.UnionType):
            info = next(one for one in info.types if not isinstance(one, inspect.NoneType))
        else:
            return info, limits, extra


def _type(info: inspect.Type) -> str:
    match info:
        case inspect.IntType():
            return "integer"
        case inspect.BoolType():
            return "boolean"
        case inspect.BytesType():
            return "base64 text"
        case inspect.StructType():
            return "structure"
    return "string"


def _queue_attributes() -> str:
    rows: list[tuple[str, ...]] = []
    for name in sorted(attributes.NAMES - {"All"}):
        if name in attributes.NUMBERS:
            spec = attributes.NUMBERS[name]
            default = (
                f"{limits.SQS_RETENTION_SECONDS} (queues created by Zaqar: Zaqar's default)"
                if spec.default is None
                else str(spec.default)
            )
            rows.append((code(name), f"{spec.least} to {spec.most:,} {spec.unit}", default))
        elif name in attributes.CHOICES:
            words = attributes.CHOICES[name].words
            rows.append((code(name), "FIFO only: " + " or ".join(map(code, words)), words[0]))
        elif name in attributes.READ_ONLY:
            rows.append((code(name), "read only", ""))
        else:
            rows.append((code(name), *_WORDS[name]))
    return "# Attributes of queues\n\nAn empty value removes an attribute, or resets it to its default.\n\n" + table(
        ("attribute", "values", "default"), rows
    )


_REUSE = limits.KMS_REUSE_SECONDS
_WORDS = {
    "ContentBasedDeduplication": ("FIFO only: `true` or `false`", "false"),
    "FifoQueue": ("`true`, at creation, with a name that ends in `.fifo`", ""),
    "KmsDataKeyReusePeriodSeconds": (
        f"{_REUSE.least} to {_REUSE.most:,} s; returned only with a key",
        attributes.KMS_REUSE_DEFAULT,
    ),
    "KmsMasterKeyId": ("any text; switches `SqsManagedSseEnabled` off", ""),
    "Policy": (f"a JSON object of at most {limits.POLICY_BYTES:,} bytes", ""),
    "RedriveAllowPolicy": (
        "JSON: `redrivePermission` is `allowAll`, `denyAll` or `byQueue`, the last with 1 to "
        f"{limits.SOURCE_QUEUES} `sourceQueueArns`",
        "",
    ),
    "RedrivePolicy": (
        "JSON: `deadLetterTargetArn` of a queue of the same type, `maxReceiveCount` "
        f"{limits.RECEIVE_COUNT.least} to {limits.RECEIVE_COUNT.most:,}",
        "",
    ),
    "SqsManagedSseEnabled": ("`true` or `false`; if set to `true`, new messages are encrypted at rest", "true"),
}


def _message_attributes() -> str:
    names = ", ".join(code(name) for name in sorted(SYSTEM_ATTRIBUTES))
    return f"# System attributes of messages\n\n{names}. Only `AWSTraceHeader` can be sent.\n"


def _errors() -> str:
    unmodelled = sorted(name for name, kind in errors.ERROR_TABLE.items() if kind.namespace == errors.UNMODELLED)
    rows = [(code(name), reason) for name, reason in sorted(errors.NEVER_RETURNED.items())]
    rows += [(f"`{name}`, except of {by}", reason) for name, (by, reason) in sorted(errors.RETURNED_ONLY_BY.items())]
    rows += [(f"`{name}` of {by}", reason) for (by, name), reason in sorted(errors.NEVER_RETURNED_BY.items())]
    return (
        "# Errors\n\nEvery operation can return these errors: the first (JSON) and the second (query) for input that "
        "cannot be read, the second also for values out of bounds, and the third if a rate limit is set.\n\n"
        + table(("error (JSON)", "code (query)", "status"), map(_error, EVERY_OPERATION))
        + "\nA service with credentials (`credentials_file`) also returns these:\n\n"
        + table(("error (JSON)", "code (query)", "status"), map(_error, WITH_CREDENTIALS))
        + "\nIn JSON the header `x-amzn-query-error` contains the code of the query protocol, and `__type` the error "
        f"with a namespace: `{errors.MODELLED}#` for errors of the service model, else `{errors.UNMODELLED}#`. "
        "Errors outside the service model, some of which are returned before an operation is chosen:\n\n"
        + table(("error (JSON)", "code (query)", "status"), map(_error, unmodelled))
        + "\nErrors that the service model declares and this service never returns:\n\n"
        + table(("error", "reason"), rows)
    )


def _differences() -> str:
    return "# Differences from AWS\n\n" + "\n".join(f"- {item}" for item in DIFFERENCES) + "\n"


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 # the document goes to standard output

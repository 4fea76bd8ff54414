"""The reference of the SQS face, written from its tables: ``python -m sqs_facade.reference > docs/sqs.md``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import inspect

from sqs_facade import attributes, errors
from sqs_facade.operations import load_all
from sqs_facade.operations.receiving import SYSTEM_ATTRIBUTES
from sqs_facade.registry import EVERY_OPERATION, OPERATIONS, Operation
from zaqar_core.domain import limits
from zaqar_core.markdown import code, table

_HEAD = """# Amazon SQS, operation by operation

Generated from the operation table by `python -m sqs_facade.reference > docs/sqs.md`; do not edit.

Each operation is served by AWS JSON 1.0 (`X-Amz-Target: AmazonSQS.<Operation>`) and by the query protocol
(`Action=<Operation>`, GET or POST), at `/` and at a queue's own path. Sizes are UTF-8 bytes. Of several things wrong
with a request, a queue that does not exist is named first.

The query protocol answers in XML, or in JSON to a client whose `Accept` header prefers `application/json` to XML (API
Gateway's and axios' do, browsers' do not). As on AWS, that JSON is
`{"<Operation>Response": {"<Operation>Result": …, "ResponseMetadata": {"RequestId": …}}}`, where a result has all of its
members: null where they are absent or empty; lists under their own names (`messages`, `queueUrls`, `Successful`), also
with one element; attributes and tags as lists of `Name` and `Value`, `Key` and `Value`. An error is
`{"Error": {"Code": …, "Message": …, "Type": "Sender"}, "RequestId": …}`.
"""

#: What differs from AWS on purpose. Each item says what a client sees.
DIFFERENCES = (
    "Signatures are not checked yet: any credentials do. A 12-digit access key names the account, else it is "
    "`default_account`; the region is that of the called host (`sqs.<region>.…`), else of the credential scope.",
    "Queue URLs begin with the host as it was called, unless `queue_url_host` or `public_url` says otherwise "
    "([operations](operations.md#queue-urls)). As input every known shape names the queue, also a bare name.",
    "`QueueDeletedRecently` is off by default (`recreate_delay_seconds`; AWS: 60), so that tools may re-create a queue "
    "at once. `RequestThrottled` is off by default (`max_requests_per_second`: of one account, by one worker).",
    "By JSON, CreateQueue and ListQueues also run on a queue's own path: clients whose endpoint is a queue URL send "
    "them there. By query they are refused, as on AWS.",
    "A queue that Zaqar made may have dots in its name; SQS operations reach it, CreateQueue does not make one.",
    "`KmsMasterKeyId` and `KmsDataKeyReusePeriodSeconds` are kept and shown, and exclude `SqsManagedSseEnabled` as on "
    "AWS; no key service is called.",
    "`SqsManagedSseEnabled` shows `true` where it was never set, as on AWS; messages are encrypted where it was set "
    "(or where Zaqar's `_enable_encrypt_messages` was), under the first key of the setting `encryption_keys`. Without "
    "one setting it is `InvalidAttributeValue`. A message that cannot be decrypted stays in the queue and is left out "
    "of receives; `KmsNotFound` or `KmsInvalidState` where nothing else was found.",
    "`Policy` is kept and edited by AddPermission and RemovePermission; it is not enforced yet.",
    "A `RedriveAllowPolicy` is enforced when a source names its dead-letter queue, not again for each message.",
    "`RedrivePolicy` reads back with `maxReceiveCount` as a number, whichever way it was sent, as on AWS.",
    "`x-localstack-sqs-override-message-count` and `-wait-time-seconds` lift ReceiveMessage's limits for tests (to "
    f"{limits.OVERRIDDEN_MESSAGES.most:,} and {limits.OVERRIDDEN_WAIT_SECONDS.most:,} s).",
    "`GET` or `POST /_aws/sqs/messages` shows a queue's messages without receiving them.",
)


def text() -> str:
    """The whole document."""
    load_all()
    parts = [_HEAD, *(_operation(OPERATIONS[name]) for name in sorted(OPERATIONS))]
    parts += [_queue_attributes(), _message_attributes(), _errors(), _differences()]
    return "\n".join(parts)


def _operation(operation: Operation) -> str:
    summary = " ".join((operation.run.__doc__ or "").split(" Raises ")[0].split())
    parts = [f"## {operation.name}\n", f"{summary}\n"]
    members = list(_members(inspect.type_info(operation.asked), "", ""))
    parts.append(table(("JSON member", "query parameter", "type", "limits"), members))
    if operation.result is not None:
        result = inspect.type_info(operation.result)
        assert isinstance(result, inspect.StructType)
        parts.append(f"Answers {', '.join(code(field.encode_name) for field in result.fields)}.\n")
    if not operation.on_queue_path:
        parts.append("By query, not on a queue's own path.\n")
    if operation.raises:
        parts.append(table(("error (JSON)", "code (query)", "status"), map(_error, operation.raises)))
    return "\n".join(parts)


def _error(name: str) -> tuple[str, ...]:
    kind = errors.ERROR_TABLE[name]
    return code(kind.shape), code(kind.code), str(kind.status)


def _members(info: inspect.Type, json: str, query: str) -> Iterator[tuple[str, ...]]:
    """Rows of a structure's members, those of inner structures below their own."""
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
    """A type without annotations and None, with its limits in words and what the query protocol calls it."""
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
                f"{limits.SQS_RETENTION_SECONDS} (made by Zaqar: its own)"
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
    return "# Attributes of queues\n\nAn empty value takes an attribute away, or back to its default.\n\n" + table(
        ("attribute", "values", "default"), rows
    )


_REUSE = limits.KMS_REUSE_SECONDS
_WORDS = {
    "ContentBasedDeduplication": ("FIFO only: `true` or `false`", "false"),
    "FifoQueue": ("`true`, at creation, with a name that ends in `.fifo`", ""),
    "KmsDataKeyReusePeriodSeconds": (
        f"{_REUSE.least} to {_REUSE.most:,} s; shown only with a key",
        attributes.KMS_REUSE_DEFAULT,
    ),
    "KmsMasterKeyId": ("any text; turns `SqsManagedSseEnabled` off", ""),
    "Policy": ("a JSON object", ""),
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
    "SqsManagedSseEnabled": ("`true` or `false`; set to `true`, new messages are encrypted at rest", "true"),
}


def _message_attributes() -> str:
    names = ", ".join(code(name) for name in sorted(SYSTEM_ATTRIBUTES))
    return f"# System attributes of messages\n\n{names}. Only `AWSTraceHeader` can be sent.\n"


def _errors() -> str:
    unmodelled = sorted(name for name, kind in errors.ERROR_TABLE.items() if kind.namespace == errors.UNMODELLED)
    rows = [(code(name), reason) for name, reason in sorted(errors.NEVER_GIVEN.items())]
    rows += [(f"`{name}` but by {by}", reason) for name, (by, reason) in sorted(errors.GIVEN_ONLY_BY.items())]
    rows += [(f"`{name}` of {by}", reason) for (by, name), reason in sorted(errors.NEVER_GIVEN_BY.items())]
    return (
        "# Errors\n\nAny operation may give these: the first by JSON, the second by query, for input that cannot be "
        "read; the second also for values outside their limits; the third where a limit is set.\n\n"
        + table(("error (JSON)", "code (query)", "status"), map(_error, EVERY_OPERATION))
        + "\nBy JSON the header `x-amzn-query-error` has the code of the query protocol, and `__type` is the error "
        f"in a namespace: `{errors.MODELLED}#` where the service model has the error, else `{errors.UNMODELLED}#`. "
        "Errors outside the model, some of them before an operation is chosen:\n\n"
        + table(("error (JSON)", "code (query)", "status"), map(_error, unmodelled))
        + "\nDeclared by the service model and never given here:\n\n"
        + table(("error", "because"), rows)
    )


def _differences() -> str:
    return "# Differences from AWS\n\n" + "\n".join(f"- {item}" for item in DIFFERENCES) + "\n"


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 # the document goes to standard output

"""The commands ``sqs-facade queues …``: list, show, create, change, empty and delete queues."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import click
import orjson

from sqs_facade.commands.connecting import (
    PARTLY,
    as_json,
    assume_yes,
    complete_queues,
    confirm,
    connected,
    queue_argument,
)
from sqs_facade.commands.output import count, json_document, table, warning

if TYPE_CHECKING:
    from sqs_facade.remote.service import Service

#: Attribute of SQS -> name in the output.
_COUNTS = {
    "ApproximateNumberOfMessages": "visible",
    "ApproximateNumberOfMessagesNotVisible": "in_flight",
    "ApproximateNumberOfMessagesDelayed": "delayed",
}
_DURATION = re.compile(r"([0-9]+)([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60}
_FIFO = ".fifo"
_AT_ONCE = 8
_MOST_RECEIVES = 3


@click.group("queues")
def command() -> None:
    """List, show, create, change, empty and delete queues."""


@command.command("ls")
@click.argument("prefix", default="", shell_complete=complete_queues)
@click.option("--names", is_flag=True, help="Print names only, one a line, without asking for counts.")
@as_json
@connected
def ls(service: Service, prefix: str, *, names: bool, as_json: bool) -> None:
    """List queues with the counts of their messages.

    PREFIX is the beginning of their names. --json prints a list of objects with name, url, visible, in_flight and
    delayed.
    """
    from sqs_facade.remote import queues

    found = queues.urls(service, prefix)
    if names:
        for url in found:
            click.echo(queues.name(url))
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        rows = sorted((row for row in pool.map(lambda url: _counted(service, url), found) if row), key=_name)
    if as_json:
        json_document(rows)
    elif rows:
        columns = ["name", *_COUNTS.values()]
        cells = ([row["name"], *(f"{row[column]:,}" for column in columns[1:])] for row in rows)
        table([column.replace("_", " ") for column in columns], cells, numbers=(1, 2, 3))


def _name(row: Mapping[str, Any]) -> str:
    name: str = row["name"]
    return name


def _counted(service: Service, url: str) -> dict[str, Any] | None:
    """Return the row of a queue; None if it was deleted meanwhile. Raises RemoteError."""
    from sqs_facade.remote import queues
    from sqs_facade.remote.errors import Refused

    try:
        found = queues.attributes(service, url, *_COUNTS)
    except Refused as problem:
        if problem.code.endswith(("NonExistentQueue", "QueueDoesNotExist")):
            return None
        raise
    return {"name": queues.name(url), "url": url} | {
        name: int(found.get(attribute, 0)) for attribute, name in _COUNTS.items()
    }


@command.command("show")
@queue_argument()
@as_json
@connected
def show(service: Service, queue: str, *, as_json: bool) -> None:
    """Show the attributes and tags of a queue.

    Also shows which queues have it as their dead-letter queue. --json prints an object with name, url, attributes (by
    their names in SQS), tags and dead_letter_sources.
    """
    from sqs_facade.remote import queues

    url = queues.url(service, queue)
    attributes = dict(sorted(queues.attributes(service, url).items()))
    tags: dict[str, str] = dict(sorted(service.call("ListQueueTags", QueueUrl=url).get("Tags", {}).items()))
    sources = service.call("ListDeadLetterSourceQueues", QueueUrl=url).get("queueUrls", [])
    if as_json:
        names = [queues.name(one) for one in sources]
        document = {"name": queues.name(url), "url": url, "attributes": attributes, "tags": tags}
        json_document(document | {"dead_letter_sources": names})
        return
    rows = [("QueueUrl", url), *((name, _readable(name, value)) for name, value in attributes.items())]
    rows += [(f"tag {name}", value) for name, value in tags.items()]
    rows += [("dead-letter queue of", queues.name(one)) for one in sources]
    table(("attribute", "value"), rows)


def _readable(name: str, value: str) -> str:
    """Return a policy as it is, and a time in milliseconds or seconds with its meaning."""
    if name in ("CreatedTimestamp", "LastModifiedTimestamp") and value.isdecimal():
        from datetime import UTC, datetime

        return f"{value} ({datetime.fromtimestamp(int(value), UTC):%Y-%m-%d %H:%M:%S} UTC)"
    return value


def _setting_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for the attributes that are set most often; -a sets any."""
    for option in (
        click.option("-a", "--attribute", "pairs", multiple=True, metavar="NAME=VALUE", help="Any attribute; repeat."),
        click.option("--max-receives", type=int, help="Receives before a message moves to the --dlq.  [default: 3]"),
        click.option("--dlq", metavar="QUEUE", help="Dead-letter queue.", shell_complete=complete_queues),
        click.option("--max-bytes", metavar="N", help="Longest message, in bytes."),
        click.option("--wait", metavar="TIME", help="Time that receives wait for a message."),
        click.option("--delay", metavar="TIME", help="Time until a new message is visible."),
        click.option("--retention", metavar="TIME", help="Time until a message expires."),
        click.option("--visibility", metavar="TIME", help="Visibility timeout: 30, 30s, 5m, 2h."),
    ):
        option(command)
    return command


@command.command("create")
@click.argument("queue")
@_setting_options
@click.option("--deduplicate-content", is_flag=True, help="FIFO: deduplicate messages by their content.")
@click.option("-t", "--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag; repeat for more.")
@as_json
@connected
def create(
    service: Service, queue: str, *, deduplicate_content: bool, tags: Sequence[str], as_json: bool, **settings: Any
) -> None:
    """Create a queue and print its URL. A name that ends in .fifo makes a FIFO queue.

    A queue that exists with the same attributes is no error. --json prints an object with name and url.
    """
    from sqs_facade.remote import queues

    attributes = _attributes(service, **settings)
    if queue.endswith(_FIFO):
        attributes.setdefault("FifoQueue", "true")
    if deduplicate_content:
        attributes["ContentBasedDeduplication"] = "true"
    given = dict(map(_pair, tags))
    url = service.call("CreateQueue", QueueName=queue, Attributes=attributes or None, tags=given or None)["QueueUrl"]
    if as_json:
        json_document({"name": queues.name(url), "url": url})
    else:
        click.echo(url)


@command.command("set")
@queue_argument()
@click.argument("given", metavar="[NAME=VALUE]...", nargs=-1)
@_setting_options
@click.option("--remove", "removed", multiple=True, metavar="NAME", help="Remove a policy or key; repeat for more.")
@connected
def set_attributes(
    service: Service, queue: str, given: Sequence[str], removed: Sequence[str], pairs: Sequence[str], **settings: Any
) -> None:
    """Change attributes of a queue.

    Attributes are named by options, or as in SQS: DelaySeconds=5.
    """
    from sqs_facade.remote import queues

    attributes = _attributes(service, pairs=(*pairs, *given), **settings) | dict.fromkeys(removed, "")
    if not attributes:
        raise click.UsageError("name at least one attribute")
    service.call("SetQueueAttributes", QueueUrl=queues.url(service, queue), Attributes=attributes)


@command.command("tag")
@queue_argument()
@click.argument("given", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--remove", "removed", multiple=True, metavar="KEY", help="Remove a tag; repeat for more.")
@as_json
@connected
def tag(service: Service, queue: str, given: Sequence[str], removed: Sequence[str], *, as_json: bool) -> None:
    """Set, remove or print tags of a queue.

    Without KEY=VALUE and --remove, the tags are printed; --json prints them as an object.
    """
    from sqs_facade.remote import queues

    url, tags = queues.url(service, queue), dict(map(_pair, given))
    if tags:
        service.call("TagQueue", QueueUrl=url, Tags=tags)
    if removed:
        service.call("UntagQueue", QueueUrl=url, TagKeys=list(removed))
    if not tags and not removed:
        found = dict(sorted(service.call("ListQueueTags", QueueUrl=url).get("Tags", {}).items()))
        if as_json:
            json_document(found)
        for key, value in found.items() if not as_json else ():
            click.echo(f"{key}={value}")


@command.command("delete")
@queue_argument(several=True)
@assume_yes
@connected
def delete(service: Service, queues: Sequence[str], *, yes: bool) -> None:
    """Delete queues with all their messages."""
    _each(service, queues, "DeleteQueue", "deleted", yes=yes)


@command.command("purge")
@queue_argument(several=True)
@assume_yes
@connected
def purge(service: Service, queues: Sequence[str], *, yes: bool) -> None:
    """Delete all messages of queues."""
    _each(service, queues, "PurgeQueue", "purged", yes=yes)


def _each(service: Service, names: Sequence[str], operation: str, done: str, *, yes: bool) -> None:
    """Run an operation on each queue after a confirmation. If it fails for some, exit with PARTLY."""
    from sqs_facade.remote import queues
    from sqs_facade.remote.errors import RemoteError

    urls = [queues.url(service, name) for name in names]
    if not yes:
        verb = "Delete" if operation == "DeleteQueue" else "Delete all messages of"
        confirm(f"{verb} {', '.join(_counted_name(service, url) for url in urls)}?")
    failed = 0
    for url in urls:
        try:
            service.call(operation, QueueUrl=url)
            click.echo(f"{done} {queues.name(url)}")
        except RemoteError as problem:
            failed += 1
            warning(f"{queues.name(url)}: {problem}")
    if failed:
        raise SystemExit(PARTLY if failed < len(urls) else 1)


def _counted_name(service: Service, url: str) -> str:
    row = _counted(service, url)
    messages = sum(row[name] for name in _COUNTS.values()) if row else 0
    return f"{url} with {count(messages, 'message')}"


def _attributes(
    service: Service,
    *,
    pairs: Iterable[str],
    visibility: str | None,
    retention: str | None,
    delay: str | None,
    wait: str | None,
    max_bytes: str | None,
    dlq: str | None,
    max_receives: int | None,
) -> dict[str, str]:
    """Return the attributes that the options name. Raises click.UsageError, RemoteError."""
    from sqs_facade.remote import queues

    times = {
        "VisibilityTimeout": visibility,
        "MessageRetentionPeriod": retention,
        "DelaySeconds": delay,
        "ReceiveMessageWaitTimeSeconds": wait,
    }
    found = {name: seconds(time) for name, time in times.items() if time is not None}
    if max_bytes is not None:
        found["MaximumMessageSize"] = max_bytes
    if dlq is not None:
        arn = (
            dlq
            if dlq.startswith("arn:")
            else queues.attributes(service, queues.url(service, dlq), "QueueArn")["QueueArn"]
        )
        policy = {"deadLetterTargetArn": arn, "maxReceiveCount": max_receives or _MOST_RECEIVES}
        found["RedrivePolicy"] = orjson.dumps(policy).decode()
    elif max_receives is not None:
        raise click.UsageError("--max-receives needs --dlq")
    return found | dict(map(_pair, pairs))


def seconds(time: str) -> str:
    """Return a time such as 30, 30s, 5m, 2h or 4d in seconds. Raises click.UsageError."""
    parts = _DURATION.fullmatch(time)
    if parts is None:
        raise click.UsageError(f"a time is a number of seconds, or a number with s, m, h or d: {time}")
    return str(int(parts[1]) * _SECONDS[parts[2]])


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"write NAME=VALUE: {text}")
    return name, value

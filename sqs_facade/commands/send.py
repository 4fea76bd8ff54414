"""The command ``sqs-facade send``."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sqs_facade.commands import inputs
from sqs_facade.commands.connecting import PARTLY, as_json, connected, queue_argument
from sqs_facade.commands.output import count, json_line, note, warning

if TYPE_CHECKING:
    from sqs_facade.remote.batches import Outcome, Outgoing
    from sqs_facade.remote.service import Service

#: What a FIFO queue needs of each message -> how it is given.
_ADVICE = {
    "MessageGroupId": "give --group",
    "MessageDeduplicationId": "give --deduplication-id, or set ContentBasedDeduplication",
}


@click.command("send")
@queue_argument()
@click.argument("body", required=False)
@click.option("-f", "--file", "files", multiple=True, type=click.Path(path_type=Path), help="Body from a file; repeat.")
@click.option("--lines", is_flag=True, help="Each line of the input is a body.")
@click.option("--json-lines", is_flag=True, help="Each line of the input is a message as a JSON object.")
@click.option("--base64", "encodes", is_flag=True, help="Encode the body in base64, for content that is not text.")
@click.option("-a", "--attribute", "attributes", multiple=True, metavar="NAME[:TYPE]=VALUE",
              help="Message attribute; @FILE is the content of a file. Repeat for more.")  # fmt: skip
@click.option("--group", metavar="ID", help="Message group.")
@click.option("--deduplication-id", metavar="ID", help="Deduplication id, of one message.")
@click.option("--delay", metavar="TIME", help="Time until it is visible: 30, 30s, 5m.")
@as_json
@connected
def command(
    service: Service,
    queue: str,
    body: str | None,
    files: Sequence[Path],
    *,
    lines: bool,
    json_lines: bool,
    encodes: bool,
    attributes: Sequence[str],
    group: str | None,
    deduplication_id: str | None,
    delay: str | None,
    as_json: bool,
) -> None:
    """Send messages: BODY, files, or standard input.

    Standard input is one body, without its last line end; with --lines or --json-lines each line is a message. A JSON
    line has a body and may have attributes, group_id, deduplication_id, trace_header and delay_seconds:
    {"body": "hello", "attributes": {"colour": "blue"}}. Messages are sent in their order, in batches of ten, as soon
    as no further line arrives. A message that the endpoint did not store is sent again a few times; one whose outcome
    is unknown is not.

    Prints the id of one message, or how many were sent. --json prints an object for each message in one line: place
    (in the input, from 1), and message_id and sequence_number, or error with code, message and unknown. The exit code
    is 3 if some messages were not sent.
    """
    if body is not None and (files or lines or json_lines):
        raise click.UsageError("give a BODY, or files, or lines")
    if lines and json_lines:
        raise click.UsageError("use only one of --lines and --json-lines")
    from sqs_facade.commands.queues import seconds
    from sqs_facade.remote import queues

    defaults = {
        "MessageAttributes": dict(map(_attribute, attributes)) or None,
        "MessageGroupId": group,
        "MessageDeduplicationId": deduplication_id,
        "DelaySeconds": int(seconds(delay)) if delay is not None else None,
    }
    sending = Sending(service, queues.url(service, queue), as_json=as_json)
    given = {name: value for name, value in defaults.items() if value is not None}
    if lines or json_lines:
        sending.run(_of_lines(files, given, json_lines=json_lines, encodes=encodes, failed=sending.refuse))
    else:
        sending.run(_whole(body, files, given, encodes=encodes, failed=sending.refuse))
    sending.finish()


Failed = Callable[[int, str, str], None]


class Sending:
    """Sends messages, prints the outcomes, and counts them."""

    def __init__(self, service: Service, queue_url: str, *, as_json: bool) -> None:
        self._service, self._url, self._as_json = service, queue_url, as_json
        self._sent = self._failed = 0
        self._last_id = ""

    def run(self, messages: Iterator[Outgoing | None]) -> None:
        """Send the messages. Raises RemoteError; what was sent before is told."""
        from sqs_facade.remote import batches
        from sqs_facade.remote.errors import RemoteError

        try:
            for batch in batches.grouped(messages):
                for outcome in batches.send(self._service, self._url, batch):
                    if outcome.stop is not None:
                        raise outcome.stop
                    self._report(outcome)
        except (RemoteError, KeyboardInterrupt):
            if self._sent or self._failed:
                note(f"{count(self._sent, 'message')} sent before that")
            raise

    def _report(self, outcome: Outcome) -> None:
        if outcome.code is not None:
            self.refuse(outcome.message.place, outcome.code, outcome.text, unknown=outcome.is_unknown)
            return
        self._sent += 1
        self._last_id = outcome.message_id
        if self._as_json:
            row = {"place": outcome.message.place, "message_id": outcome.message_id}
            number = outcome.sequence_number
            json_line(row | ({} if number is None else {"sequence_number": number}))

    def refuse(self, place: int, code: str, text: str, *, unknown: bool = False) -> None:
        """Report a message that was not sent, or may not have been."""
        self._failed += 1
        if self._as_json:
            json_line({"place": place, "error": {"code": code, "message": text, "unknown": unknown}})
        else:
            advice = "".join(f" ({one})" for name, one in _ADVICE.items() if name in text)
            warning(f"message {place}: {code}: {text}{advice}{' (it may have been sent)' if unknown else ''}")

    def finish(self) -> None:
        """Print the summary. Exits if some messages were not sent."""
        if not self._as_json and self._sent:
            click.echo(self._last_id if self._sent == 1 else f"sent {count(self._sent, 'message')}")
        if self._failed:
            raise SystemExit(PARTLY if self._sent else 1)


def _whole(
    body: str | None, files: Sequence[Path], given: dict[str, Any], *, encodes: bool, failed: Failed
) -> Iterator[Outgoing]:
    """Iterate over messages whose bodies are whole inputs."""
    from sqs_facade.remote.batches import Outgoing

    def contents() -> Iterator[tuple[str, bytes]]:
        if body is not None and body != "-":
            yield "BODY", body.encode(errors="surrogateescape")
        for file in files:
            with inputs.opened(file) as stream:
                yield str(file), stream.read()
        if not files and body in (None, "-"):
            content = inputs.standard_input().read()
            yield "standard input", content if encodes else content.removesuffix(b"\n").removesuffix(b"\r")

    for place, (source, content) in enumerate(contents(), 1):
        if not content:
            failed(place, "MissingParameter", f"{source} is empty, and a message needs a body")
            continue
        try:
            text = base64.b64encode(content).decode() if encodes else inputs.text(content)
        except ValueError as problem:
            failed(place, "InvalidMessageContents", str(problem))
            continue
        yield Outgoing(place, {**given, "MessageBody": text})


def _of_lines(
    files: Sequence[Path], given: dict[str, Any], *, json_lines: bool, encodes: bool, failed: Failed
) -> Iterator[Outgoing | None]:
    """Iterate over the messages of lines; lines without content are left out."""
    from sqs_facade.remote import records
    from sqs_facade.remote.batches import Outgoing

    place = 0
    for line in _lines(files):
        if line is None:
            yield None
            continue
        place += 1
        if not line.strip():
            continue
        try:
            if json_lines:
                found = records.entry(records.parsed(line))
                if "MessageAttributes" in given:
                    found["MessageAttributes"] = given["MessageAttributes"] | found.get("MessageAttributes", {})
                yield Outgoing(place, {**given, **found})
            else:
                text = base64.b64encode(line).decode() if encodes else inputs.text(line)
                yield Outgoing(place, {**given, "MessageBody": text})
        except (records.RecordInvalid, ValueError) as problem:
            failed(place, "InvalidLine", str(problem))


def _lines(files: Sequence[Path]) -> Iterator[bytes | None]:
    if not files:
        yield from inputs.lines(inputs.standard_input())
    for file in files:
        with inputs.opened(file) as stream:
            yield from inputs.lines(stream)


def _attribute(text: str) -> tuple[str, dict[str, Any]]:
    """Return the attribute that NAME[:TYPE]=VALUE names. Raises click.UsageError."""
    name, equals, value = text.partition("=")
    name, _, kind = name.partition(":")
    if not equals or not name:
        raise click.UsageError(f"write NAME=VALUE or NAME:TYPE=VALUE: {text}")
    content = value.encode(errors="surrogateescape")
    if value.startswith("@"):
        with inputs.opened(Path(value[1:])) as stream:
            content = stream.read()
    if kind.startswith("Binary"):
        return name, {"DataType": kind, "BinaryValue": content}
    try:
        return name, {"DataType": kind or "String", "StringValue": inputs.text(content)}
    except ValueError as problem:
        raise click.UsageError(f"attribute {name}: {problem}") from None

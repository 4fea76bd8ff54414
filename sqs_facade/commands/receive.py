"""The command ``sqs-facade receive``."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from sqs_facade.commands import messages
from sqs_facade.commands.connecting import PARTLY, connected, queue_argument
from sqs_facade.commands.output import warning

if TYPE_CHECKING:
    from sqs_facade.remote.service import Service


@click.command("receive")
@queue_argument()
@click.option("-n", "--max", "most", type=click.IntRange(1), default=1, show_default=True, help="Most messages.")
@click.option("-w", "--wait", metavar="TIME", default="0", help="Time to wait for the first message: 5, 20s, 2m.")
@click.option("-d", "--delete", "deletes", is_flag=True, help="Delete each message after it was printed.")
@click.option("--visibility", metavar="TIME", help="Visibility timeout.  [default: the queue's]")
@messages.form_options
@connected
def command(
    service: Service,
    queue: str,
    most: int,
    wait: str,
    *,
    deletes: bool,
    visibility: str | None,
    as_json: bool,
    body_only: bool,
) -> None:
    """Receive messages and print them.

    They are in flight afterwards, until their visibility timeout ends; with --delete they are gone. --json prints the
    members that send --json-lines and import read, and receipt_handle. The exit code is 3 if nothing was received, or
    if a message could not be deleted.
    """
    from sqs_facade.commands.queues import seconds
    from sqs_facade.remote import queues, receiving, records

    form = messages.form(as_json=as_json, body_only=body_only)
    url = queues.url(service, queue)
    deadline = time.monotonic() + int(seconds(wait))
    timeout = int(seconds(visibility)) if visibility is not None else None
    received = failed = 0
    while received < most:
        left = max(0.0, deadline - time.monotonic()) if not received else 0.0
        wait_seconds = min(receiving.LONGEST_WAIT_SECONDS, -int(-left // 1))
        found = receiving.receive(service, url, most - received, wait_seconds=wait_seconds, visibility=timeout)
        for one in found:
            messages.show(records.of_message(one), form)
        sys.stdout.flush()  # a closed pipe ends the command here, before the deletion
        if deletes and found:
            for problem in receiving.delete(service, url, found):
                failed += 1
                warning(problem)
        received += len(found)
        if not found and (received or time.monotonic() >= deadline):
            break
    if failed or not received:
        raise SystemExit(PARTLY)

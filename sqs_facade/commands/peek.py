"""The command ``sqs-facade peek``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sqs_facade.commands import messages
from sqs_facade.commands.connecting import connected, queue_argument

if TYPE_CHECKING:
    from sqs_facade.remote.service import Service

_ADVICE = "sqs-facade receive --visibility 0 shows messages and returns them at once, but counts as a receive"


@click.command("peek")
@queue_argument()
@click.option("-n", "--max", "most", type=click.IntRange(1), default=10, show_default=True, help="Most messages.")
@click.option("--all", "shows_all", is_flag=True, help="Show all messages.")
@click.option("--visible", "only_visible", is_flag=True, help="Leave out messages in flight and delayed messages.")
@messages.form_options
@connected
def command(
    service: Service,
    queue: str,
    most: int,
    *,
    shows_all: bool,
    only_visible: bool,
    as_json: bool,
    body_only: bool,
) -> None:
    """Show the first messages of a queue without receiving them.

    Messages in flight and delayed messages are shown too, and marked. Needs an endpoint that can do this: this
    service's, or LocalStack's. --json prints the members that send --json-lines and import read, and state.
    """
    from sqs_facade.remote import peeking, queues, records

    form = messages.form(as_json=as_json, body_only=body_only)
    found = peeking.messages(
        service,
        queues.url(service, queue),
        limit=None if shows_all else most,
        hidden=not only_visible,
        advice=_ADVICE,
    )
    for one in found:
        messages.show(records.of_message(one.message), form)

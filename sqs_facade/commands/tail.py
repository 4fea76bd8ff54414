"""The command ``sqs-facade tail``."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from time import sleep
from typing import TYPE_CHECKING, Any

import click

from sqs_facade.commands import messages
from sqs_facade.commands.connecting import connected, queue_argument
from sqs_facade.commands.output import warning

if TYPE_CHECKING:
    from sqs_facade.remote.peeking import Peeked
    from sqs_facade.remote.service import Service

Show = Callable[[dict[str, Any]], None]

_ADVICE = "--consume receives and deletes them"
_MOST_PAUSE_SECONDS = 5.0
#: How much further back the next look for the last messages begins, if some of the positions are empty.
_FURTHER = 8


@click.command("tail")
@queue_argument()
@click.option("-f", "--follow", is_flag=True, help="Wait for further messages until Ctrl-C.")
@click.option("-n", "--lines", "most", type=click.IntRange(0), default=10, show_default=True,
              help="Messages that are there at the start.")  # fmt: skip
@click.option("--interval", type=click.FloatRange(0.05), default=0.5, show_default=True, help="Seconds between looks.")
@click.option("--consume", is_flag=True, help="Receive the messages and delete them, at any endpoint.")
@messages.form_options
@connected
def command(
    service: Service,
    queue: str,
    most: int,
    interval: float,
    *,
    follow: bool,
    consume: bool,
    as_json: bool,
    body_only: bool,
) -> None:
    """Show the last messages of a queue, and with -f those that are sent from then on.

    Nothing is received: consumers get all messages. A message is shown when it is sent, also if it is delayed or at
    once in flight. One that is sent and deleted between two looks is not shown. With --consume, all visible messages
    are received, printed and then deleted.
    """
    from sqs_facade.remote import queues, records

    form = messages.form(as_json=as_json, body_only=body_only)
    url = queues.url(service, queue)
    if consume:
        _consume(service, url, lambda message: messages.show(records.of_message(message), form), follow=follow)
        return

    def show(peeked: Peeked) -> None:
        messages.show(records.of_message(peeked.message), form)

    _tail(service, url, show, most, follow=follow, interval=interval)


def _consume(service: Service, url: str, show: Show, *, follow: bool) -> None:
    from sqs_facade.remote import receiving

    wait_seconds = receiving.LONGEST_WAIT_SECONDS if follow else 0
    while True:
        found = receiving.receive(service, url, wait_seconds=wait_seconds)
        for message in found:
            show(message)
        sys.stdout.flush()  # a closed pipe ends the command here, before the deletion
        for problem in receiving.delete(service, url, found) if found else ():
            warning(problem)
        if not found and not follow:
            return


def _tail(
    service: Service, url: str, show: Callable[[Peeked], None], most: int, *, follow: bool, interval: float
) -> None:
    from sqs_facade.remote import peeking
    from sqs_facade.remote.errors import NoResponse, NotReachable, Refused

    last = peeking.last_position(service, url, advice=_ADVICE)
    seen: set[str] = set()  # ids, at an endpoint without positions
    for one in _last(service, url, last, most, seen):
        show(one)
        last = one.position
    if last is None and not seen:
        last = 0
    pause = interval
    created: str | None = _created(service, url) if follow else None
    while follow:
        sleep(pause)
        try:
            if (now := _created(service, url)) != created:
                warning("the queue was deleted and created again; following the new one")
                created, last = now, 0
                seen.clear()
            for one in peeking.messages(service, url, after=last or 0, advice=_ADVICE):
                if one.position is not None or one.message["MessageId"] not in seen:
                    show(one)
                last = one.position
                if last is None:
                    seen.add(one.message["MessageId"])
            sys.stdout.flush()
            pause = interval
        except (NotReachable, NoResponse, Refused) as problem:
            if isinstance(problem, Refused) and not (
                problem.was_not_run or problem.outcome_is_unknown or problem.is_missing_queue
            ):
                raise
            if isinstance(problem, Refused) and problem.is_missing_queue:
                created = None  # a queue of this name is another one
            if pause == interval:
                warning(f"{problem}; trying again")
            pause = min(2 * pause, _MOST_PAUSE_SECONDS)


def _created(service: Service, url: str) -> str:
    """Return when the queue was created, "" if the caller may not know. Raises RemoteError."""
    from sqs_facade.remote import queues
    from sqs_facade.remote.errors import Refused

    try:
        return queues.attributes(service, url, "CreatedTimestamp").get("CreatedTimestamp", "")
    except Refused as problem:
        if problem.code.rpartition(".")[2].startswith("AccessDenied"):
            return ""
        raise


def _last(service: Service, url: str, last: int | None, most: int, seen: set[str]) -> list[Peeked]:
    """Return the last messages, ``most`` of them; ``seen`` gets the ids of all if the endpoint has no positions."""
    from sqs_facade.remote import peeking

    found: deque[Peeked] = deque(maxlen=most)
    if last is None:
        for one in peeking.messages(service, url, advice=_ADVICE):
            seen.add(one.message["MessageId"])
            found.append(one)
        return list(found)
    if not most:
        return []
    span, start = most, last
    while start > 0 and len(found) < most:
        start = max(0, last - span)
        found.clear()
        found.extend(peeking.messages(service, url, after=start, advice=_ADVICE))
        span *= _FURTHER
    return list(found)

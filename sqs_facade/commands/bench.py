"""The command ``sqs-facade bench``."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING

import click

from sqs_facade.commands.connecting import PARTLY, as_json, connected
from sqs_facade.commands.output import json_document, note, table
from zaqar_core.domain import limits

if TYPE_CHECKING:
    from sqs_facade.remote.measuring import Measured, Plan
    from sqs_facade.remote.service import Service

_COLUMNS = ("what", "messages", "per second", "p50 ms", "p99 ms", "errors")
_BATCH, _BYTES = click.IntRange(1, limits.BATCH_ENTRIES), click.IntRange(1, limits.MESSAGE_BYTES)
#: From this part of a processor on, this client is what limits the figures.
_BUSY = 0.8


@click.command("bench")
@click.option("--seconds", type=click.FloatRange(0.05), default=5.0, show_default=True, help="Time of each part.")
@click.option("--threads", type=click.IntRange(1, 200), default=8, show_default=True, help="Calls at the same time.")
@click.option("--batch", type=_BATCH, default=1, show_default=True, help="Messages of a call.")
@click.option("--bytes", "size", type=_BYTES, default=100, show_default=True, help="Body.")
@as_json
@connected
def command(service: Service, seconds: float, threads: int, batch: int, size: int, *, as_json: bool) -> None:
    """Measure an endpoint: sends, receives with deletions, and whole cycles.

    Uses two new standard queues and deletes them. The times are those of a call, of a receive with its deletion, and
    of a cycle of send, receive and delete, as this client sees them. A client in Python needs much CPU itself: the
    last line says if it was the limit. --json prints an object with the options and a list of results.
    """
    from sqs_facade.remote import measuring
    from sqs_facade.remote.service import Service, Where

    client = Service(Where(service.endpoint, service.region, service.profile), connections=threads)
    plan = measuring.Plan(threads, seconds, batch, size)
    name = f"sqs-facade-bench-{secrets.token_hex(4)}"
    urls: list[str] = []
    try:
        urls.extend(_created(client, one) for one in (name, f"{name}-cycle"))
        results = [
            measuring.measure("send", plan, measuring.sender(client, urls[0], plan)),
            measuring.measure("receive and delete", plan, measuring.receiver(client, urls[0], plan)),
            measuring.measure("cycle", plan, measuring.cycle(client, urls[1], plan)),
        ]
    finally:
        for url in urls:
            with contextlib.suppress(Exception):
                client.call("DeleteQueue", QueueUrl=url)
    if as_json:
        options = {"endpoint": client.endpoint, "threads": threads, "batch": batch, "bytes": size}
        json_document(options | {"results": [_json(one) for one in results]})
    else:
        table(_COLUMNS, map(_row, results), numbers=range(1, len(_COLUMNS)))
        _explain(client.endpoint, plan, results)
    if any(one.errors for one in results):
        raise SystemExit(PARTLY)


def _created(client: Service, name: str) -> str:
    url: str = client.call("CreateQueue", QueueName=name, Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    return url


def _row(one: Measured) -> list[str]:
    times = (f"{one.milliseconds(part):.1f}" for part in (0.5, 0.99))
    return [one.name, f"{one.messages:,}", f"{one.rate:,.0f}", *times, str(one.errors)]


def _json(one: Measured) -> dict[str, object]:
    return {
        "name": one.name,
        "messages": one.messages,
        "seconds": round(one.seconds, 3),
        "per_second": round(one.rate, 1),
        "p50_ms": round(one.milliseconds(0.5), 3),
        "p99_ms": round(one.milliseconds(0.99), 3),
        "errors": one.errors,
        "client_processors": round(one.processors, 2),
    }


def _explain(endpoint: str, plan: Plan, results: list[Measured]) -> None:
    """Say what was measured, and whether this client was the limit."""
    note(f"{plan.threads} threads, {plan.batch} of {plan.size:,} bytes a call, {plan.seconds:g} s each, {endpoint}")
    busiest = max(one.processors for one in results)
    if busiest >= _BUSY:
        note(f"This client used {busiest:.0%} of a processor: the endpoint can do more than this.")

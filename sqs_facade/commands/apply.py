"""The command ``sqs-facade apply``: make the queues of a store match a file, or show what would be done."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click
import orjson

from sqs_facade import addresses, startup
from sqs_facade.declarations import applying, plan, reading
from sqs_facade.declarations.model import Declarations
from sqs_facade.declarations.plan import Plan, QueuePlan
from sqs_facade.declarations.turns import Turns
from zaqar_core.configuration.loading import Configuration
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.pools.routing import new_core

#: Exit codes: something is wrong, and ``--plan`` found something to do.
_WRONG, _PENDING = 1, 2
#: How long the command waits while another process applies declarations.
_TURN_SECONDS = 30.0
_POLL_SECONDS = 0.1
_SIGNS = {"create": "+", "change": "~", "none": "="}


@click.command("apply")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--data-dir", type=click.Path(), help="Data directory of the store; may be that of a running service.")
@click.option("--redis", metavar="URL", help="Redis or Valkey server, Sentinel group or cluster.")
@click.option("--durability", metavar="LEVEL", help="memory, fsync or replicated.  [default: fsync]")
@click.option("--config", type=click.Path(path_type=Path), help="TOML file with settings.  [default: FILE]")
def command(file: Path | None, config: Path | None, *, only_plan: bool, as_json: bool, **flags: str | None) -> None:
    """Create and change queues until they are as the tables [queue.NAME] of FILE declare them.

    Nothing is deleted. The exit code is 0 if all queues are as declared, 1 if something is wrong, and with --plan 2 if
    there is something to do.
    """
    named = file or config
    if named is None:
        raise click.UsageError("name a file with tables [queue.NAME], or --config")
    given = {name: value for name, value in flags.items() if value is not None}
    configuration = startup.configuration(
        given, file=config or named, code=_WRONG, check=partial(reading.mistakes, named)
    )
    if configuration.settings.ephemeral:
        raise click.ClickException(
            "an ephemeral service has a store of its own: start it with --config FILE, and send it SIGHUP after changes"
        )
    with startup.refusals(configuration, code=_WRONG):
        declarations = reading.load(named, configuration.settings)
        store = startup.EmbeddedStore(configuration.settings)
        store.start()
        try:
            report = _run(configuration, store, lambda core: _report(core, declarations, only_plan=only_plan))
        finally:
            store.release()
    click.echo(orjson.dumps(report, option=orjson.OPT_INDENT_2).decode() if as_json else _text(report))
    sys.exit(_WRONG if report["problems"] else _PENDING if only_plan and _is_pending(report) else 0)


def _run(
    configuration: Configuration, store: startup.EmbeddedStore, act: Callable[[Core], dict[str, Any]]
) -> dict[str, Any]:
    url = store.url()
    core = new_core(store.with_key(configuration.settings), url)
    try:
        return act(core)
    finally:
        core.close()


def _report(core: Core, declarations: Declarations, *, only_plan: bool) -> dict[str, Any]:
    """Make or apply the plan; return the document that the command prints."""
    session = core.session()
    if only_plan:
        found = plan.make(session, declarations)
        problems = found.problems
    else:
        turns = Turns(core.session)
        deadline = time.monotonic() + _TURN_SECONDS
        while not turns.take():
            if time.monotonic() > deadline:
                raise click.ClickException("another process is applying declarations; try again")
            time.sleep(_POLL_SECONDS)
        try:
            outcome = applying.apply(core.session, declarations, goes_on=turns.goes_on)
        finally:
            turns.give_back()
        found, problems = outcome.first, outcome.problems
    return {
        "is_plan": only_plan,
        "queues": [_row(one, core.settings) for one in found.queues],
        "not_declared_any_more": [plan.place(ref, core.settings) for ref in found.forgotten],
        "other_queues": _others(session, found),
        "problems": problems,
    }


def _row(one: QueuePlan, settings: Settings) -> dict[str, Any]:
    action = "create" if one.queue is None else "change" if one.changes else "none"
    return {
        "queue": plan.place(one.declared.ref, settings),
        "arn": addresses.arn(one.declared.ref),
        "action": action,
        "changes": [asdict(change) for change in one.changes],
    }


def _others(session: Session, found: Plan) -> int:
    """Return how many queues the accounts of the declared queues had besides these and those declared once."""
    spaces = {(one.declared.ref.project, one.declared.ref.region) for one in found.queues}
    every = sum(queues.number(session, *space) for space in spaces)
    forgotten = {ref for ref in found.forgotten if (ref.project, ref.region) in spaces}
    refs = {one.declared.ref for one in found.queues} | forgotten
    present = sum(queue is not None for queue in queues.get_many(session, list(refs)))
    return max(every - present, 0)


def _is_pending(report: dict[str, Any]) -> bool:
    return any(row["action"] != "none" for row in report["queues"])


def _text(report: dict[str, Any]) -> str:
    return "\n".join(_lines(report))


def _lines(report: dict[str, Any]) -> Iterator[str]:
    for row in report["queues"]:
        yield f"{_SIGNS[row['action']]} {row['queue']}"
        for change in row["changes"]:
            name = change["name"] if change["kind"] == "attribute" else f"{change['kind']} {change['name']}"
            if row["action"] == "create":
                yield f"    {name}: {change['after']}"
            else:
                yield f"    {name}: {_value(change['before'])} -> {_value(change['after'])}"
    for name in report["not_declared_any_more"]:
        yield f"? {name} is not declared any more; it stays as it is"
    for problem in report["problems"]:
        yield f"! {problem}"
    counts = {action: sum(row["action"] == action for row in report["queues"]) for action in _SIGNS}
    is_done = not (report["is_plan"] or report["problems"])
    created, changed = ("created", "changed") if is_done else ("to create", "to change")
    failed = f", {len(report['problems'])} with problems" if report["problems"] else ""
    yield (
        f"{counts['create']} {created}, {counts['change']} {changed}{failed}, {counts['none']} unchanged, "
        f"{len(report['not_declared_any_more'])} not declared any more, {report['other_queues']} never declared"
    )


def _value(value: str | None) -> str:
    return "not set" if value is None else value

"""``python -m compat``: what differs between sqs-facade, moto, AWS, and any endpoint."""

from __future__ import annotations

import fnmatch
import json
import sys
from pathlib import Path

import click

from compat import documents, judging, migrating, scenario, table
from compat.running import Outcome, run
from compat.targets import NAMES, Facades, TargetRefused, opened


@click.group()
def main() -> None:
    """Compare services that speak Amazon SQS, behaviour by behaviour."""


@main.command()
@click.option(
    "--targets",
    "wanted",
    default="facade-json,facade-query,moto",
    show_default=True,
    help=f"Some of {', '.join(NAMES)}, and URLs of endpoints (query+http://… speaks the query protocol).",
)
@click.option("--only", metavar="PATTERN", help="Scenarios whose name or operation matches, as in a shell.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the outcomes here.")
@click.option("--html", "html_file", type=click.Path(path_type=Path), help="Write one self-contained page here.")
@click.option("--allow-aws", is_flag=True, help="The target aws may be used: it makes queues in your account.")
@click.option("--region", help="Of the target aws.")
@click.option("--list", "is_list", is_flag=True, help="Only list the scenarios.")
def diff(
    wanted: str,
    only: str | None,
    json_file: Path | None,
    html_file: Path | None,
    *,
    allow_aws: bool,
    region: str | None,
    is_list: bool,
) -> None:
    """Run the scenarios and compare with what AWS does. Exit status 1: the facade differs and nobody accepted it."""
    declared = scenario.every()
    chosen = [one for one in declared if only is None or _matches(one, only)]
    if not chosen:
        raise click.UsageError(f"no scenario matches {only!r}")
    if is_list:
        for one in chosen:
            click.echo(f"{one.name:55} {one.operation:28} {one.source:10} {one.title}")
        return
    try:
        known = judging.accepted()
        outcomes = _run(wanted.split(","), chosen, allow_aws=allow_aws, region=region)
    except (TargetRefused, judging.DifferencesInvalid) as problem:
        raise click.ClickException(str(problem)) from problem
    verdict = judging.judge(outcomes, known, declared)
    for line in table.lines(verdict):
        click.echo(line)
    if json_file is not None:
        json_file.write_text(json.dumps(documents.document(verdict), indent=1, ensure_ascii=False) + "\n")
    if html_file is not None:
        html_file.write_text(documents.page(verdict))
    sys.exit(0 if verdict.is_good else 1)


def _matches(one: scenario.Scenario, pattern: str) -> bool:
    return any(fnmatch.fnmatch(text, pattern) for text in (one.name, one.operation))


def _run(wanted: list[str], chosen: list[scenario.Scenario], *, allow_aws: bool, region: str | None) -> list[Outcome]:
    outcomes: list[Outcome] = []
    with (
        Facades() as facades,
        click.progressbar(length=len(wanted) * len(chosen), label="scenarios", file=sys.stderr) as bar,
    ):
        for name in wanted:
            with opened(name.strip(), facades, allow_aws=allow_aws, region=region) as target:
                outcomes += run(target, chosen, lambda _: bar.update(1))
    return outcomes


@main.command("migrating")
@click.option("--write", is_flag=True, help=f"Write the list into {migrating.DOCUMENT}.")
def migrating_list(*, write: bool) -> None:
    """Where moto differs from AWS and from sqs-facade, as docs/migrating-from-moto.md lists it."""
    text = migrating.section()
    if write:
        migrating.write(text)
    else:
        click.echo(text, nl=False)

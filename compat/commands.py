"""``python -m compat``: compare sqs-facade, moto, AWS and any other endpoint of SQS."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import sys
from pathlib import Path

import click

from . import documents, judging, migrating, scenario, table
from .running import Outcome, run
from .targets import NAMES, Facades, TargetRefused, checked, opened

_FILE = click.Path(path_type=Path, dir_okay=False, writable=True)
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d")


def _writable(context: click.Context, parameter: click.Parameter, file: Path | None) -> Path | None:
    """Check that the file can be written, before the scenarios run."""
    del context, parameter
    if file is not None and not os.access(file.absolute().parent, os.W_OK | os.X_OK):
        raise click.BadParameter(f"the folder {file.absolute().parent} does not exist or is not writable")
    return file


def _known_region(context: click.Context, parameter: click.Parameter, region: str | None) -> str | None:
    del context, parameter
    if region is not None and not _REGION.fullmatch(region):
        raise click.BadParameter(f"{region!r} is not a region, such as eu-central-1")
    return region


class WrongUse(click.ClickException):
    """The command cannot be run with these arguments. The text is one line."""

    exit_code = 2


@click.group()
def main() -> None:
    """Compare services that speak Amazon SQS, behaviour by behaviour."""


@main.command()
@click.option(
    "--targets",
    "wanted",
    default="facade-json,facade-query,moto",
    show_default=True,
    help=f"Comma-separated: {', '.join(NAMES)}, or URLs of endpoints (query+http://… uses the query protocol).",
)
@click.option("--only", metavar="PATTERN", help="Run the scenarios whose name or operation matches the shell pattern.")
@click.option("--json", "json_file", type=_FILE, callback=_writable, help="Write the outcomes to this file.")
@click.option("--html", "html_file", type=_FILE, callback=_writable, help="Write a page to this file.")
@click.option("--allow-aws", is_flag=True, help="Allow the target aws, which creates queues in your account.")
@click.option("--region", callback=_known_region, help="Region of the target aws and of URLs.")
@click.option("--strict", is_flag=True, help="Exit with status 1 also if another target than the facade differs.")
@click.option("--list", "is_list", is_flag=True, help="List the scenarios and run none.")
def diff(
    wanted: str,
    only: str | None,
    json_file: Path | None,
    html_file: Path | None,
    *,
    allow_aws: bool,
    region: str | None,
    strict: bool,
    is_list: bool,
) -> None:
    """Run the scenarios and compare the results with those of AWS.

    Exit status 1: the facade has a difference that is not accepted, or an accepted difference does not occur any more.
    Exit status 2: the command cannot be run with these arguments.
    """
    declared = scenario.every()
    chosen = [one for one in declared if only is None or _matches(one, only)]
    if not chosen:
        raise WrongUse(f"no scenario matches {only!r}")
    if is_list:
        for one in chosen:
            click.echo(f"{one.name:55} {one.operation:28} {one.source:10} {one.title}")
        return
    try:
        known = judging.accepted()
        names = list(dict.fromkeys(name.strip() for name in wanted.split(",")))
        for name in names:
            checked(name, allow_aws=allow_aws, region=region)
        outcomes = _run(names, chosen, allow_aws=allow_aws, region=region)
    except (TargetRefused, judging.DifferencesInvalid) as problem:
        raise WrongUse(str(problem)) from problem
    verdict = judging.judge(outcomes, known, declared)
    for line in table.lines(verdict):
        click.echo(line)
    if json_file is not None:
        json_file.write_text(json.dumps(documents.document(verdict), indent=1, ensure_ascii=False) + "\n", "utf-8")
    if html_file is not None:
        html_file.write_text(documents.page(verdict), "utf-8")
    differs_at_all = any(outcome.difference and not verdict.is_accepted(outcome) for outcome in outcomes)
    sys.exit(0 if verdict.is_good and not (strict and differs_at_all) else 1)


def _matches(one: scenario.Scenario, pattern: str) -> bool:
    return any(fnmatch.fnmatch(text, pattern) for text in (one.name, one.operation))


def _run(wanted: list[str], chosen: list[scenario.Scenario], *, allow_aws: bool, region: str | None) -> list[Outcome]:
    outcomes: list[Outcome] = []
    with (
        Facades() as facades,
        click.progressbar(length=len(wanted) * len(chosen), label="scenarios", file=sys.stderr) as bar,
    ):
        for name in wanted:
            with opened(name, facades, allow_aws=allow_aws, region=region) as target:
                outcomes += run(target, chosen, lambda _: bar.update(1))
    return outcomes


@main.command("migrating")
@click.option("--write", is_flag=True, help=f"Write the list into {migrating.DOCUMENT}.")
def migrating_list(*, write: bool) -> None:
    """List the differences of moto from AWS and sqs-facade, in the form of docs/migrating-from-moto.md."""
    if write and not migrating.DOCUMENT.is_file():
        raise WrongUse(f"there is no {migrating.DOCUMENT} in the working directory: run this in a checkout")
    text = migrating.section()
    if write:
        migrating.write(text)
    else:
        click.echo(text, nl=False)

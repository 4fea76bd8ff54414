"""The options of commands that call an SQS endpoint, the completion of queue names, and errors of one line."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from sqs_facade.remote.service import Service

Command = Callable[..., None]

#: Exit code if a part of the work failed, or if nothing was received. 0 is done, 1 failed and 2 wrong use.
PARTLY = 3
_EXTRA = "pip install 'sqs-facade[cli]'"
_MOST_COMPLETIONS = 100


def connected(command: Command) -> Command:
    """Give a command the options of the endpoint. It gets a Service as ``service``, and its errors are one line."""

    @functools.wraps(command)
    def run(*, endpoint_url: str | None, region: str | None, profile: str | None, **options: Any) -> None:
        with reported():
            command(service=_service(endpoint_url, region, profile), **options)

    for option in (
        click.option("--profile", metavar="NAME", help="Profile of AWS's configuration files."),
        click.option("--region", metavar="NAME", help="Region of the queues."),
        click.option(
            "--endpoint-url",
            metavar="URL",
            help="SQS endpoint; aws is Amazon's.  [default: AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL, the profile's, "
            "http://127.0.0.1:9324]",
        ),
    ):
        option(run)
    return run


def queue_argument(*, several: bool = False) -> Callable[[Command], Command]:
    """Return the argument for a queue, or for several; names are completed."""
    if several:
        return click.argument("queues", metavar="QUEUE...", nargs=-1, required=True, shell_complete=complete_queues)
    return click.argument("queue", metavar="QUEUE", shell_complete=complete_queues)


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
assume_yes = click.option("--yes", is_flag=True, help="Do not ask for a confirmation.")


def confirm(question: str) -> None:
    """Ask before something is lost. Without a terminal, --yes is needed. Raises click.UsageError, click.Abort."""
    if not sys.stdin.isatty():
        raise click.UsageError("give --yes: there is no terminal to confirm this at")
    click.confirm(question, abort=True, err=True)


@contextlib.contextmanager
def reported() -> Iterator[None]:
    """Turn errors of the endpoint, and the lack of an extra, into errors of one line. Raises click.ClickException."""
    from sqs_facade.remote.errors import RemoteError

    try:
        yield
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("botocore", "rich"):
            raise
        raise click.ClickException(f"this command needs the extra cli: {_EXTRA}") from None
    except RemoteError as problem:
        raise click.ClickException(str(problem)) from None
    except BrokenPipeError:
        raise
    except OSError as problem:  # a full disk, a file that cannot be read
        where = f"{problem.filename}: " if problem.filename else ""
        raise click.ClickException(f"{where}{problem.strerror or problem}") from None


def complete_queues(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of queues for the completion of a shell; none if the endpoint cannot be asked."""
    from click.shell_completion import CompletionItem

    with contextlib.suppress(Exception):
        from sqs_facade.remote import queues
        from sqs_facade.remote.service import Service, Where

        where = Where(*(context.params.get(name) for name in ("endpoint_url", "region", "profile")))
        found = queues.urls(Service(where, is_hurried=True), incomplete)
        return [CompletionItem(queues.name(one)) for one, _ in zip(found, range(_MOST_COMPLETIONS), strict=False)]
    return []


def _service(endpoint_url: str | None, region: str | None, profile: str | None) -> Service:
    from sqs_facade.remote.service import Service, Where

    return Service(Where(endpoint_url, region, profile))

"""The command ``sqs-facade import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from sqs_facade.commands import inputs
from sqs_facade.commands.connecting import PARTLY, connected, queue_argument
from sqs_facade.commands.output import count, note, progress, warning

if TYPE_CHECKING:
    from sqs_facade.remote.importing import State, StateFile
    from sqs_facade.remote.service import Service

_STATE = ".import"


@click.command("import")
@queue_argument()
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--resume", is_flag=True, help="Continue an interrupted import of this file.")
@click.option("--restart", is_flag=True, help="Begin again, also if an import of this file was interrupted.")
@click.option("--in-doubt", type=click.Choice(["send", "skip"]), default="send", show_default=True,
              help="What --resume does with a batch that may have been sent.")  # fmt: skip
@click.option("--new-deduplication-ids", "renews_ids", is_flag=True,
              help="FIFO: do not use the ids of the file.")  # fmt: skip
@connected
def command(
    service: Service,
    queue: str,
    file: Path,
    *,
    resume: bool,
    restart: bool,
    in_doubt: str,
    renews_ids: bool,
) -> None:
    """Send the messages of FILE, JSON lines of export, to a queue in their order. - is standard input.

    Bodies, attributes, trace headers, message groups and deduplication ids are as before. Ids, times and receive
    counts are new, and the retention period begins again. A standard queue gets no deduplication ids.

    An interrupted import is continued by --resume: FILE.import says how far it is. No message is lost. At most one
    batch of ten is in doubt, and the command names its lines: it is sent again, or left out with --in-doubt skip. A
    FIFO queue recognizes it within its deduplication interval, so nothing is doubled then. A FIFO queue also ignores a
    message whose deduplication id it had within that interval; such lines are reported as not stored.

    Lines that are refused are reported and left out; the exit code is 3 then.
    """
    from sqs_facade.remote import importing, queues

    if resume and restart:
        raise click.UsageError("use only one of --resume and --restart")
    is_stdin = str(file) == "-"
    if is_stdin and resume:
        raise click.UsageError("standard input cannot be resumed")
    url = queues.url(service, queue)
    with inputs.standard_input() if is_stdin else inputs.opened(file) as stream:
        head = "" if is_stdin else importing.head_of(stream)
        path = Path(f"{file}{_STATE}")
        if restart:
            path.unlink(missing_ok=True)
        state = importing.read_state(path, url, head) if resume else importing.new_state(url, head)
        doubtful = _settle(state, skips=in_doubt == "skip")
        saved = None if is_stdin else importing.StateFile(path, state, is_new=not resume)
        work = importing.Import(service, state, _refuse, saved, renews_ids=renews_ids, doubtful=doubtful)
        total = None if is_stdin else file.stat().st_size
        try:
            with progress("import", total, unit="bytes") as show:
                for done in work.run(importing.lines(stream, state)):
                    show(done)
        except BaseException:
            note(f"{_summary(state)} before that{'' if is_stdin else '; --resume continues'}")
            raise
        finally:
            _close(saved)
    if not is_stdin:
        path.unlink()
    click.echo(_summary(state))
    if state.failed:
        raise SystemExit(PARTLY if state.sent else 1)


def _settle(state: State, *, skips: bool) -> int:
    """Tell about a batch in doubt; return the last line of it that is sent again."""
    from sqs_facade.remote import importing

    first = state.done_line + 1
    last, is_safe = importing.settle_doubt(state, skips=skips)
    if not last:
        return 0
    fate = "are left out" if skips else "are sent again"
    sequel = "the queue recognizes them" if is_safe and not skips else "check these"
    note(f"lines {first} to {last} may have been sent before and {fate}: {sequel}")
    return 0 if skips else last


def _close(saved: StateFile | None) -> None:
    if saved is not None:
        saved.close()


def _refuse(line: int, reason: str) -> None:
    warning(f"line {line}: {reason}")


def _summary(state: State) -> str:
    refused = f", {count(state.failed, 'line')} refused" if state.failed else ""
    return f"imported {count(state.sent, 'message')}{refused}"

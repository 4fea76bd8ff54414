"""The command ``sqs-facade import-config``: a settings file from the configuration file of another service."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import click

from sqs_facade.importing.document import Imported, ImportRefused

#: Formats by the ends of file names.
_FORMATS = {".conf": "elasticmq", ".yaml": "goaws", ".yml": "goaws", ".json": "fauxqs"}
_NAMES = ("elasticmq", "goaws", "fauxqs")
_WRONG = 1


@click.command("import-config")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--from", "form", type=click.Choice(_NAMES), help="The other service.  [default: by the name of FILE]")
@click.option("--environment", metavar="NAME", help="Environment of a goaws.yaml.  [default: Local]")
@click.option("--output", type=click.Path(path_type=Path), help="Write to this new file instead of the output.")
def command(file: Path, form: str | None, environment: str | None, output: Path | None) -> None:
    """Write a settings file with the queues of an elasticmq.conf, a goaws.yaml or the init file of fauxqs.

    What cannot be carried over is listed, one entry a line, also in comments of the file. The exit code is 1 if the
    service would refuse the file.
    """
    chosen = form or _FORMATS.get(file.suffix)
    if chosen is None:
        raise click.UsageError(f"name the service that {file} belongs to with --from")
    imported = _read(file, chosen, environment)
    text = imported.text(f"Imported from {file.name} of {chosen}.")
    if output is None:
        click.echo(text, nl=False)
    else:
        try:
            with output.open("x", encoding="utf-8") as stream:
                stream.write(text)
        except OSError as problem:
            raise click.ClickException(f"cannot write {output}: {problem.strerror}") from None
    for line in imported.notes:
        click.echo(line, err=True)
    mistakes = imported.mistakes()
    for finding in mistakes:
        click.echo(f"must be changed: {finding}", err=True)
    sys.exit(_WRONG if mistakes else 0)


def _read(file: Path, form: str, environment: str | None) -> Imported:
    try:
        module = importlib.import_module(f"sqs_facade.importing.{form}")
    except ModuleNotFoundError as missing:
        if missing.name not in ("hocon", "yaml"):
            raise
        raise click.ClickException(f"this needs the library {missing.name}: pip install 'sqs-facade[import]'") from None
    try:
        found: Imported = module.read(file, environment)
    except ImportRefused as problem:
        raise click.ClickException(str(problem)) from None
    except OSError as problem:
        raise click.ClickException(f"cannot read {file}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} is not UTF-8 text") from None
    except (AttributeError, TypeError, ValueError):  # an entry has another type than it should have
        raise click.ClickException(f"{file} does not have the form of a configuration of {form}") from None
    return found

"""Generate the reference of the command line from the commands.

``python -m sqs_facade.commands.reference > docs/command-line.md``
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from sqs_facade.cli import main
from sqs_facade.commands import receive
from zaqar_core.markdown import code, table

_HEAD = """# Commands

Generated from the commands by `python -m sqs_facade.commands.reference > docs/command-line.md`; do not edit.

[Daily work](daily-work.md) shows the commands that call an SQS endpoint in use, and explains endpoints, exit codes and
the form of messages. `--help` of each command prints what is here.

Commands that call an endpoint also have these options:

"""
_NAME = "sqs-facade"
#: Options of all commands that call an endpoint; they are listed once.
_OF_ENDPOINT = ("endpoint_url", "region", "profile")
_OPTION = re.compile(r"(?<![\w`-])--?[a-z][a-z0-9-]*")


def text() -> str:
    """Return the document."""
    rows = [_row(one) for one in receive.command.params if one.name in _OF_ENDPOINT and isinstance(one, click.Option)]
    return "\n".join([_HEAD + table(("option", "effect"), rows), *_sections(main, _NAME)])


def _sections(group: click.Group, path: str) -> Iterator[str]:
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _sections(command, f"{path} {name}")
        else:
            yield _section(command, f"{path} {name}")


def _section(command: click.Command, path: str) -> str:
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    parts = [f"## {path.removeprefix(f'{_NAME} ')}", f"```text\n{usage}\n```"]
    parts += (_marked(" ".join(part.split())) for part in inspect.cleandoc(command.help or "").split("\n\n"))
    rows = [_row(one) for one in command.params if isinstance(one, click.Option) and one.name not in _OF_ENDPOINT]
    if rows:
        parts.append(table(("option", "effect"), rows).rstrip("\n"))
    return "\n\n".join(parts) + "\n"


def _row(option: click.Option) -> tuple[str, str]:
    """Return the table row of an option. Not by click's own help: its form differs between releases."""
    value = option.metavar or ("|".join(option.type.choices) if isinstance(option.type, click.Choice) else "")
    value = value or ("" if option.is_flag else option.type.name.split()[0].upper())
    notes = ["Required."] if option.required else []
    if option.show_default:
        notes.append(f"[default: {option.default}]")
    return code(f"{', '.join(option.opts)} {value}".rstrip()), _marked(" ".join([option.help or "", *notes]).strip())


def _marked(text: str) -> str:
    """Return a text with its options as code."""
    return _OPTION.sub(lambda found: code(found[0]), text)


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 # the document goes to standard output

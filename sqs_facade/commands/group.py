"""Groups of commands: errors of one line, and commands that are loaded when they are run."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from sqs_facade import startup

#: The commands of ``sqs_facade.commands`` by name, each with its module there and one line of help. A module defines
#: its command under the name ``command``.
_MODULES = {
    "apply": ("apply", "Create and change queues as a file declares them, or show what would be done."),
    "backup": ("backup", "Write a backup of the store while it serves."),
    "bench": ("bench", "Measure an endpoint."),
    "config": ("config", "Work with the configuration."),
    "credentials": ("credentials", "Edit the users and access keys of the credentials file."),
    "doctor": ("doctor", "Check a service, its store and this machine, and say how to mend what is wrong."),
    "export": ("export", "Write the messages of a queue to a file."),
    "import": ("import_messages", "Send the messages of a file to a queue."),
    "import-config": ("import_config", "Write a settings file from that of ElasticMQ, GoAWS or fauxqs."),
    "peek": ("peek", "Show messages without receiving them."),
    "policy": ("policy", "Work with policies."),
    "queues": ("queues", "List, show, create, change, empty and delete queues."),
    "receive": ("receive", "Receive messages."),
    "redrive": ("redrive", "Move messages of a dead-letter queue back to work."),
    "restore": ("restore", "Make a data directory of a backup."),
    "send": ("send", "Send messages."),
    "tail": ("tail", "Show the last messages, and follow a queue."),
    "version": ("version", "Print the versions of sqs-facade, Python, the libraries and the embedded Valkey."),
}


#: Exit codes as a shell shows them for SIGINT and SIGPIPE.
_INTERRUPTED, _PIPE_CLOSED = 130, 141


class Commands(click.Group):
    """The commands of ``sqs-facade``. An error is printed as one line, without the usage."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted({*super().list_commands(context), *_MODULES})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _MODULES:
            return super().get_command(context, name)
        found: click.Command = importlib.import_module(f"sqs_facade.commands.{_MODULES[name][0]}").command
        return found

    def resolve_command(
        self, context: click.Context, given: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = given[0]
        if not (context.resilient_parsing or name.startswith("-") or self.get_command(context, name)):
            from zaqar_core.configuration.setting_sources import nearest  # only needed for an error

            near = nearest(name, self.list_commands(context))
            hint = f"did you mean {near}?" if near else "sqs-facade --help lists all"
            raise click.UsageError(f"{name} is not a command; {hint}", context)
        return super().resolve_command(context, given)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading their modules."""
        rows = [(name, self._help(name)) for name in self.list_commands(context)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _help(self, name: str) -> str:
        return _MODULES[name][1] if name in _MODULES else self.commands[name].get_short_help_str(200)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except BrokenPipeError:  # the reader of a pipe has enough: | head
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes it at exit
            sys.exit(_PIPE_CLOSED)

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            sys.exit(super().main(*args, **{**extra, "standalone_mode": False}))
        except click.exceptions.NoArgsIsHelpError as help_wanted:
            help_wanted.show()
            sys.exit(help_wanted.exit_code)
        except click.ClickException as problem:
            startup.refuse(problem.format_message(), code=problem.exit_code)
        except click.Abort:
            sys.exit(_INTERRUPTED)

"""The command ``sqs-facade version``: the versions of the service and of what it runs on."""

from __future__ import annotations

import platform
import subprocess
import sys

import click
import orjson

from sqs_facade.commands.checks.gather_machine import LIBRARIES, version
from zaqar_core.embedded import EmbeddedError, program


@click.command("version")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, as_json: bool) -> None:
    """Print the versions of sqs-facade, Python, the libraries and the embedded Valkey."""
    found = versions()
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return
    width = max(map(len, found))
    for name, text in found.items():
        click.echo(f"{name:<{width}}  {text or 'not installed'}")


def versions() -> dict[str, str | None]:
    """Return each version by its name; None for what is not installed."""
    return {
        "sqs-facade": version("sqs-facade"),
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
        "valkey": valkey_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def valkey_version() -> str | None:
    """Return the version of the embedded Valkey; None if it is not installed."""
    try:
        command = [str(program.path()), "--version"]
        text = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10).stdout  # noqa: S603
    except (EmbeddedError, OSError, subprocess.TimeoutExpired):
        return None
    return text.partition(" v=")[2].split(" ")[0] or None

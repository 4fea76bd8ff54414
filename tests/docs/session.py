"""A reader of one page: a shell that keeps its folder and variables from block to block, in a clean home.

Ports and folders that documents name are replaced by free ones. ``sqs-facade serve`` returns when the service is ready,
and ends the one before. Installations do nothing: ``tests/installs`` runs them.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import psutil

BLOCK_SECONDS = 60
#: Ports of the documents.
_PORTS = ("9324", "9325", "9326", "9000", "9400", "4566", "7001", "7002", "6379", "5000")
_FOLDERS = ("/etc/sqs-facade", "/var/lib/sqs-facade", "/var/backups", "/srv", "/tmp", "/backup")  # replaced, not used
_MARK = "-- end of a command --"
_PRELUDE = r"""
set -eo pipefail
_running() { kill -0 "$1" 2>/dev/null; }
_stop() {
  [ -f "$DOCS_STATE/$1.pid" ] || return 0
  kill "$(cat "$DOCS_STATE/$1.pid")" 2>/dev/null || true
  while _running "$(cat "$DOCS_STATE/$1.pid")"; do sleep 0.05; done
  rm "$DOCS_STATE/$1.pid"
}
_serve() {
  _stop "$1"
  rm -f "$DOCS_STATE/$1.log"
  command sqs-facade "$@" >"$DOCS_STATE/$1.log" 2>&1 </dev/null &
  echo $! >"$DOCS_STATE/$1.pid"
  until grep -qs "is ready" "$DOCS_STATE/$1.log"; do
    _running "$(cat "$DOCS_STATE/$1.pid")" || { cat "$DOCS_STATE/$1.log"; wait "$(cat "$DOCS_STATE/$1.pid")"; return; }
    sleep 0.05
  done
  grep -v "Each worker accepts" "$DOCS_STATE/$1.log" # about the limits of this machine
}
_call() { # the default endpoint has the port of the session
  local called=${AWS_ENDPOINT_URL_SQS:-${AWS_ENDPOINT_URL:-http://127.0.0.1:$SQS_FACADE_PORT}}
  AWS_ENDPOINT_URL_SQS=$called command sqs-facade "$@"
}
sqs-facade() { case "$1" in serve|websocket) _serve "$@";; *) _call "$@";; esac; }
pip() { [ "$1" = install ] || command pip "$@"; }
git() { if [ "$1" = clone ]; then mkdir -p "${!#}"; else command git "$@"; fi; }
python3() { if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin"; : >"$3/bin/activate"; else command python "$@"; fi; }
_save() { { export -p; printf 'cd %q\n' "$PWD"; } >"$DOCS_STATE/session"; }
trap _save EXIT
if [ -f "$DOCS_STATE/session" ]; then . "$DOCS_STATE/session"; fi
"""


@dataclass(frozen=True)
class Ran:
    """A command of a block, what it printed, and what the document says that it prints."""

    command: str
    printed: list[str]
    expected: list[str]


class Failed(Exception):
    """A block ended with an error."""


class Session:
    """Runs blocks. ``close`` ends the services that they started."""

    def __init__(self, folder: Path, path: str) -> None:
        self._folder = folder
        self._state = folder / "state"
        self.home = folder / "home"
        for place in (self._state, self.home):
            place.mkdir()
        self._named = {name: str(folder / "root" / name.strip("/")) for name in _FOLDERS}
        for real in self._named.values():
            Path(real).mkdir(parents=True)
        self._ports = {port: str(_free_port()) for port in _PORTS}
        kept = {name: os.environ[name] for name in ("LANG", "SSL_CERT_FILE") if name in os.environ}
        self._environment = {
            **kept,
            "PATH": f"{Path(sys.executable).parent}:{path}",
            "HOME": str(self.home),
            "DOCS_STATE": str(self._state),
            "SQS_FACADE_PORT": self._ports["9324"],
            "SQS_FACADE_WEBSOCKET_PORT": self._ports["9000"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "TERM": "dumb",
            "COLUMNS": "120",
        }

    def replaced(self, text: str) -> str:
        """Return a text of the document with the ports and folders of this session."""
        text = text.replace("<URL of this repository>", "URL")
        names = "|".join(map(re.escape, self._named))
        text = re.sub(rf"(?<![\w./-])({names})(?=[/:\s\"']|$)", lambda found: self._named[found[1]], text)
        return re.sub(rf"(?<![\w.-])({'|'.join(_PORTS)})(?![\w-])", lambda found: self._ports[found[1]], text)

    def shell(self, text: str, code: int = 0) -> list[Ran]:
        """Run a block of commands, of which the last ends with ``code``. Lines that begin with ``$`` are commands and
        the others what they print; without such lines, all are commands. Raises Failed."""
        commands = list(_commands(self.replaced(textwrap.dedent(text))))
        script = "".join(f"{_in_front(command)}\nprintf '\\n%s\\n' {_MARK!r}\n" for command, _ in commands)
        output = self._run(["bash", "-c", _PRELUDE + script], code)
        printed = [part.strip("\n").splitlines() for part in output.split(f"\n{_MARK}\n")]
        return [Ran(command, lines, expected) for (command, expected), lines in zip(commands, printed, strict=False)]

    def python(self, text: str) -> list[Ran]:
        """Run a block of Python with the folder and variables of the shell. Raises Failed."""
        (self._state / "block.py").write_text(self.replaced(textwrap.dedent(text)))
        return self.shell('python "$DOCS_STATE/block.py"')

    def write(self, name: str, text: str) -> None:
        """Write a file to the folder of the shell."""
        (self._state / "written").write_text(self.replaced(textwrap.dedent(text)))
        self.shell(f'mkdir -p $(dirname {name}); cp "$DOCS_STATE/written" {name}; chmod 600 {name}')

    def _run(self, command: list[str], expected: int) -> str:
        with (self._state / "output").open("w+") as output:
            ran = subprocess.Popen(
                command, cwd=self.home, env=self._environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            try:
                code: int | None = ran.wait(BLOCK_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(ran.pid, signal.SIGKILL)
                ran.wait()
                code = None
            output.seek(0)
            printed = output.read()
        if code != expected:
            how = f"still runs after {BLOCK_SECONDS} s" if code is None else f"ended with {code}"
            raise Failed(f"{how} after printing:\n{printed[-3000:]}")
        return printed

    def close(self) -> None:
        """End the services that the blocks started, and what else they left running."""
        left = [one for one in psutil.process_iter() if self._is_ours(one)]
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):  # it has ended meanwhile
                process.terminate()
        _, alive = psutil.wait_procs(left, timeout=10)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=10)

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get("DOCS_STATE") == str(self._state)
        except psutil.Error:
            return False


def _commands(text: str) -> list[tuple[str, list[str]]]:
    """Return the commands of a block, and after each the lines that it prints."""
    if not re.search(r"(?m)^\$ ", text):
        return [(text.rstrip("\n"), [])]
    found: list[tuple[str, list[str]]] = []
    is_continued = False
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif is_continued:
            found[-1] = (f"{found[-1][0]}\n{line.removeprefix('> ')}", [])
        elif found and line.strip() and not line.startswith("#"):
            found[-1][1].append(line)
        is_continued = bool(found) and not found[-1][1] and line.endswith("\\")
    return found


def _in_front(command: str) -> str:
    """Return the command with its services in front: ``serve`` returns by itself when the service is ready."""
    return re.sub(r"(?m)(sqs-facade (?:serve|websocket)\b[^&\n]*)&[ \t]*$", r"\1", command)


#: Parts of outputs that differ from run to run, and what they are compared as.
_VARYING = (
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID"),
    (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", "TIME"),
    (r'"pid":\d+', '"pid":N'),
    (r"\b\d[\d,]* bytes", "N bytes"),
)


def differences(ran: Ran) -> str:
    """Return how the output differs from the document, apart from ids, times and sizes; "" if it does not."""
    pattern = "\n".join(re.escape(_general(line)).replace("…", ".*") for line in ran.expected)
    printed = "\n".join(line.rstrip() for line in ran.printed)
    if not ran.expected or re.fullmatch(pattern, "\n".join(map(_general, ran.printed)), re.DOTALL):
        return ""
    return f"{ran.command!r} printed:\n{printed}\ninstead of:\n" + "\n".join(ran.expected)


def _general(line: str) -> str:
    for varying, name in _VARYING:
        line = re.sub(varying, name, line)
    return line.rstrip()


def _free_port() -> int:
    """Return a port that nobody uses now, of a range from which the system takes none for connections."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port

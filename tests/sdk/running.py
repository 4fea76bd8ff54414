"""Run the steps of clients against one service, and write the table of what they saw."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sqs_facade.compat.launching import ServiceProcess
from tests.sdk.clients import BuildFailed, Client
from tests.sdk.steps import STEPS


class Keys(NamedTuple):
    """The credentials of a client; ``token`` is that of a session, "" for a user."""

    key_id: str
    secret: str
    token: str = ""


RUN_SECONDS = 600
#: The key of the user below.
KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
CREDENTIALS = f"""
[[users]]
name = "matrix"
account = "123456789012"
policies = ["admin"]
access_keys = [{{ id = "{KEYS.key_id}", secret_access_key = "{KEYS.secret}" }}]
"""
_MARKS = {"passed": "✓", "failed": "✗", "none": "–"}  # noqa: RUF001


@dataclass
class Row:
    """What one client saw: a mark for each step, the errors of those that failed, and versions."""

    client: Client
    versions: dict[str, str] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def has_failed(self) -> bool:
        return bool(self.errors)


@contextmanager
def service(*, is_signed: bool) -> Iterator[str]:
    """Run a service in memory; with ``is_signed`` its callers need the key. Yields its URL."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {"SQS_FACADE_EPHEMERAL": "true"}
        if is_signed:
            file = Path(folder) / "credentials.toml"
            file.write_text(CREDENTIALS)
            file.chmod(0o600)
            environment["SQS_FACADE_CREDENTIALS_FILE"] = str(file)
        process = ServiceProcess("serve", environment=environment, keeps_errors=True)
        try:
            yield process.url
        finally:
            process.stop()


def run(
    client: Client, url: str, folder: Path, *, keys: Keys | None = None, steps: Sequence[str] = tuple(STEPS)
) -> Row:
    """Install the client if it is not, run its steps, and return its row.

    Without ``keys`` it signs with a key that means nothing.
    """
    row = Row(client)
    try:
        command = client.build(folder)
    except (BuildFailed, subprocess.TimeoutExpired) as problem:
        row.errors["installation"] = str(problem)
        return row
    with tempfile.TemporaryDirectory() as home:
        environment = _environment(url, home, keys, steps)
        try:
            ran = subprocess.run(
                [str(word) for word in command], cwd=home, env=environment, capture_output=True, text=True,
                timeout=RUN_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            row.errors["end"] = f"still runs after {RUN_SECONDS} s"
            output = late.stdout or ""
            _read(row, output.decode() if isinstance(output, bytes) else output)
            return row
    _read(row, ran.stdout)
    if ran.returncode != 0 or set(row.marks) != set(steps):
        row.errors["end"] = f"ended with {ran.returncode} after {list(row.marks)}: {ran.stderr[-2000:]}"
    return row


def _environment(url: str, home: str, keys: Keys | None, steps: Sequence[str]) -> dict[str, str]:
    """Return the variables of a client: the endpoint, credentials and region, and nothing of this user's own."""
    kept = {name: os.environ[name] for name in ("PATH", "JAVA_HOME", "LANG", "SSL_CERT_FILE") if name in os.environ}
    given = {
        "HOME": home,
        "SDK_ENDPOINT": url,
        "SDK_PREFIX": f"sdk-{uuid.uuid4().hex[:8]}",
        "SDK_STEPS": ",".join(steps),
        "SDK_SIGNED": "" if keys is None else "1",
        "AWS_ACCESS_KEY_ID": "any" if keys is None else keys.key_id,
        "AWS_SECRET_ACCESS_KEY": "any" if keys is None else keys.secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        # Java's SDK signs its User-Agent, and recordings say nothing of the machine.
        "JDK_JAVA_OPTIONS": "-Dos.version=6.1",
    }
    if keys is not None and keys.token:
        given["AWS_SESSION_TOKEN"] = keys.token
    return kept | given


def _read(row: Row, output: str) -> None:
    for line in output.splitlines():
        if not line.startswith("{"):
            continue  # a library that prints something of its own
        said = json.loads(line)
        if "versions" in said:
            row.versions = said["versions"]
        elif "error" in said:
            row.errors[said["step"]] = said["error"]
            row.marks[said["step"]] = "failed"
        else:
            row.marks[said["step"]] = "none" if "skip" in said else "passed"


def table(rows: list[Row]) -> str:
    """Write the rows as a Markdown table."""
    shown = [step for step in STEPS if any(row.marks.get(step, "none") != "none" for row in rows)]
    lines = [
        f"| client | version | protocol | {' | '.join(shown)} |",
        f"|---|---|---|{'---|' * len(shown)}",
    ]
    for row in rows:
        versions = ", ".join(dict.fromkeys(row.versions.values()))
        marks = " | ".join(_MARKS[row.marks.get(step, "failed" if row.has_failed else "none")] for step in shown)
        lines.append(f"| {row.client.title} | {versions} | {row.client.speaks} | {marks} |")
    return "\n".join(lines)

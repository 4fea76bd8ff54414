"""The steps with the AWS CLI: one process for each call. The program is the first argument."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import steps

#: The CLI names errors by their codes, of which some differ from the names.
_NAMES = {
    "AWS.SimpleQueueService.NonExistentQueue": "QueueDoesNotExist",
    "AWS.SimpleQueueService.PurgeQueueInProgress": "PurgeQueueInProgress",
    "QueueAlreadyExists": "QueueNameExists",
}


class Cli:
    """The program ``aws``."""

    def __init__(self, program: str) -> None:
        self._program = program

    def _run(self, *arguments: str, **environment: str) -> dict[str, Any]:
        ran = subprocess.run(
            [self._program, "--endpoint-url", steps.ENDPOINT, "--output", "json", "sqs", *arguments],
            env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=90,
        )  # fmt: skip
        if ran.returncode:
            code = re.search(r"An error occurred \(([^)]*)\)", ran.stderr)
            name = code.group(1) if code else "no code"
            raise steps.Refused(_NAMES.get(name, name), ran.stderr)
        return dict(json.loads(ran.stdout, object_hook=_bytes)) if ran.stdout.strip() else {}

    async def call(self, operation: str, **members: Any) -> dict[str, Any]:
        command = re.sub("(?!^)([A-Z])", r"-\1", operation).lower()
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
            json.dump(members, file, default=lambda value: base64.b64encode(value).decode())
        try:
            return await asyncio.to_thread(self._run, command, "--cli-input-json", f"file://{file.name}")
        finally:
            Path(file.name).unlink()

    async def pages(self, prefix: str, size: int) -> list[str]:
        found = await asyncio.to_thread(
            self._run, "list-queues", "--queue-name-prefix", prefix, "--page-size", str(size)
        )
        return list(found["QueueUrls"])

    async def refused_with(self, key: str, secret: str) -> str:
        try:
            self._run("list-queues", AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)
        except steps.Refused as error:
            return str(error.name)
        return "no error"

    def presigned(self, url: str) -> str:  # noqa: ARG002 - all clients are called alike
        raise steps.Skipped("the CLI has no presigned requests of SQS")

    @property
    def version(self) -> str:
        told = subprocess.run([self._program, "--version"], capture_output=True, text=True, check=True, timeout=60)
        return (told.stdout or told.stderr).split()[0].removeprefix("aws-cli/")


def _bytes(document: dict[str, Any]) -> dict[str, Any]:
    """Read a binary value. Version 1 of the CLI sends the base64 text of its input as the value itself."""
    if "BinaryValue" in document:
        document["BinaryValue"] = base64.b64decode(base64.b64decode(document["BinaryValue"]))
    return document


if __name__ == "__main__":
    cli = Cli(sys.argv[1])
    asyncio.run(steps.run(cli, {"AWS CLI": cli.version}))

"""The clients of the matrix: how each is installed and started. Versions are in the lockfiles beside the programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.clients import installs

HERE = Path(__file__).parent
#: Compilers and package managers take minutes where nothing is cached.
BUILD_SECONDS = 1800
#: An SDK whose SQS speaks the query protocol.
_JAVA_2023 = ("-Daws2.version=2.20.162",)

Command = list[str | Path]
Build = Callable[[Path], Command]


class BuildFailed(Exception):
    """A toolchain could not build or install a client."""


@dataclass(frozen=True)
class Client:
    """One row of the table. ``build`` installs the client under a folder and returns the command that runs the steps.

    ``programs`` are what the toolchain needs on the path. ``speaks`` is the protocol of the client.
    """

    title: str
    programs: tuple[str, ...]
    build: Build
    speaks: str = "JSON"

    @property
    def missing(self) -> str | None:
        """The programs that this machine does not have; None if it has all."""
        absent = [program for program in self.programs if shutil.which(program) is None]
        return f"{' and '.join(absent)} not installed" if absent else None


def _run(command: Command, folder: Path, **environment: str) -> None:
    ran = subprocess.run(
        [str(word) for word in command], cwd=folder, env={**os.environ, **environment},
        capture_output=True, text=True, timeout=BUILD_SECONDS, check=False,
    )  # fmt: skip
    if ran.returncode != 0:
        raise BuildFailed(f"{command[0]} ended with {ran.returncode}: {(ran.stdout + ran.stderr)[-2000:]}")


def _current_python(program: str) -> Build:
    return lambda _: [sys.executable, HERE / "python" / program]


def _python(program: str, requirements: tuple[str, ...], *arguments: str) -> Build:
    def build(folder: Path) -> Command:
        python = installs.python_with(folder, requirements)
        return [python, HERE / "python" / program, *(python.with_name(argument) for argument in arguments)]

    return build


def _node(program: str, *arguments: str) -> Build:
    def build(folder: Path) -> Command:
        packages = installs.js_packages(folder)
        for file in (HERE / "js").glob("*.mjs"):
            shutil.copy(file, packages)
        return ["node", packages / program, *arguments]

    return build


def _copied(name: str, folder: Path, variant: str = "") -> Path:
    """Copy the sources of a compiled program to the folder, where what it builds stays for the next run."""
    place = folder / f"sdk-{name}{variant}"
    shutil.rmtree(place / "src", ignore_errors=True)
    return Path(shutil.copytree(HERE / name, place, dirs_exist_ok=True))


def _go(modules: str) -> Build:
    def build(folder: Path) -> Command:
        sources = _copied("go", folder)
        program = sources / f"steps-{modules}"
        _run(["go", "build", f"-modfile={modules}", "-o", program, "."], sources, GOFLAGS="-mod=readonly")
        return [program]

    return build


def _rust(folder: Path) -> Command:
    sources = _copied("rust", folder)
    _run(["cargo", "build", "--quiet", "--locked"], sources)
    return [sources / "target" / "debug" / "sqs-facade-sdk"]


def _java(main: str, *properties: str) -> Build:
    def build(folder: Path) -> Command:
        sources = _copied("java", folder, "-2023" if properties else "")
        goals = ["compile", "dependency:build-classpath", "-Dmdep.outputFile=target/classpath"]
        _run(["mvn", "--quiet", "--batch-mode", *goals, *properties], sources)
        classpath = (sources / "target" / "classpath").read_text().strip()
        return ["java", "-cp", f"{sources / 'target' / 'classes'}:{classpath}", f"sdk.{main}"]

    return build


#: Name for ``--only`` -> client.
CLIENTS = {
    "boto3": Client("boto3", (), _current_python("sdk_boto3.py")),
    "boto3-2023": Client("boto3 of 2023", (), _python("sdk_boto3.py", installs.OLD_BOTO3), "query"),
    "aiobotocore": Client("aiobotocore", (), _current_python("sdk_aiobotocore.py")),
    "aws-cli": Client("AWS CLI", (), _python("aws_cli.py", installs.AWS_CLI, "aws")),
    "js3": Client("AWS SDK for JavaScript 3", ("node", "npm"), _node("matrix3.mjs")),
    "js2": Client("AWS SDK for JavaScript 2", ("node", "npm"), _node("matrix2.mjs", "aws-sdk")),
    "js2-2023": Client(
        "AWS SDK for JavaScript 2 of 2023", ("node", "npm"), _node("matrix2.mjs", "aws-sdk-query"), "query"
    ),
    "go2": Client("AWS SDK for Go 2", ("go",), _go("go.mod")),
    "go2-2023": Client("AWS SDK for Go 2 of 2023", ("go",), _go("2023.mod"), "query"),
    "java2": Client("AWS SDK for Java 2", ("java", "mvn"), _java("Java2")),
    "java2-2023": Client(
        "AWS SDK for Java 2 of 2023", ("java", "mvn"), _java("Java2", "-Dprogram=Java2", *_JAVA_2023), "query"
    ),
    "java1": Client("AWS SDK for Java 1", ("java", "mvn"), _java("Java1")),
    "rust": Client("AWS SDK for Rust", ("cargo",), _rust),
    "celery": Client("Celery", (), _python("celery_steps.py", installs.CELERY)),
    "sqs-consumer": Client("sqs-consumer, sqs-producer", ("node", "npm"), _node("matrix_consumer.mjs")),
    "spring": Client("Spring Cloud AWS", ("java", "mvn"), _java("Spring")),
    "jms": Client("Amazon SQS JMS library", ("java", "mvn"), _java("Jms")),
}

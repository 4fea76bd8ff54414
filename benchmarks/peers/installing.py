"""Install peers into a folder that is kept: with npm, Maven and pip. Each installation is made once."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>benchmarks</groupId><artifactId>peer</artifactId><version>1</version>
<dependencies><dependency>
<groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version>
</dependency></dependencies></project>
"""


class Missing(Exception):
    """A peer is not installed, or cannot be installed here. The text says how to get it."""


def node(*, at_least: tuple[int, int]) -> str | None:
    """Return the path of the installed Node, or None if there is none or it is older."""
    found = shutil.which("node")
    if found is None:
        return None
    printed = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.match(r"v(\d+)\.(\d+)", printed)
    return found if version and (int(version[1]), int(version[2])) >= at_least else None


def npm(folder: Path, packages: list[str]) -> Path:
    """Install packages of npm and return their ``node_modules``."""

    def install() -> None:
        _run("npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(folder), *packages)

    _once(folder, install)
    return folder / "node_modules"


def maven(folder: Path, artifact: str) -> Path:
    """Fetch ``group:artifact:version`` with all that it needs, and return the folder of the jars."""

    def install() -> None:
        (folder / "pom.xml").write_text(_POM.format(*artifact.split(":")))
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}/jars"]
        _run("mvn", "--quiet", "--batch-mode", "--file", str(folder / "pom.xml"), *goal)

    _once(folder, install)
    return folder / "jars"


def pip(folder: Path, packages: list[str], *, python: str = sys.executable) -> Path:
    """Install packages of PyPI into an environment of their own, and return its folder of programs."""

    def install() -> None:
        _run(python, "-m", "venv", str(folder))
        _run(str(folder / "bin/python"), "-m", "pip", "install", "--quiet", *packages)

    _once(folder, install)
    return folder / "bin"


def _once(folder: Path, install: Callable[[], None]) -> None:
    """Run an installation unless an earlier one is complete."""
    if (folder / "complete").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    install()
    (folder / "complete").touch()


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, stdout=sys.stderr, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise Missing(f"it needs {command[0]}") from None
    except subprocess.CalledProcessError as failed:
        raise Missing(f"its installation failed: {command[0]} ended with {failed.returncode}") from None

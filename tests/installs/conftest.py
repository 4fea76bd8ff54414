"""The distribution, built and installed as users do it, in environments of its own that download nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.patience import PATIENCE_SECONDS, until

ROOT = Path(__file__).resolve().parents[2]
#: What the build reads of a checkout.
SOURCES = (
    "CHANGELOG.md", "LICENSE", "MANIFEST.in", "README.md", "compat", "docs", "pyproject.toml", "setup.py", "sqs_facade",
    "wsgi.py", "zaqar_core",
)  # fmt: skip
KINDS = ("wheel", "wheel of the sdist", "editable")
#: Programs of libraries, as pip would write them.
PROGRAMS = {"pytest": ("pytest", "console_main"), "pip": ("pip._internal.cli.main", "main")}
MOST_SECONDS = 120

Libraries = Sequence[Distribution]


@dataclass
class Installed:
    """The product in an environment of its own."""

    kind: str
    scripts: Path
    #: Where its modules lie.
    code: Path

    def run(self, command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment to its end. The first word is its name."""
        return subprocess.run(
            [self.scripts / command[0], *command[1:]],
            cwd=folder,
            env=clean(**environment),
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            check=False,
        )

    @contextmanager
    def serving(self, command: list[str], folder: Path, **environment: str) -> Iterator[str]:
        """The URL of a service that is run in ``folder`` by this command. What it says on its end is in ``errors``."""
        ready, errors = folder / "ready-file", folder / "errors.txt"
        flags = ["--ephemeral", "--port", "0", "--ready-file", str(ready)]
        with errors.open("w") as stream:
            process = subprocess.Popen(
                [self.scripts / command[0], *command[1:], *flags],
                cwd=folder,
                env=clean(**environment),
                stdout=subprocess.DEVNULL,
                stderr=stream,
            )
        try:
            until(lambda: ready.exists() or process.poll() is not None, "the service is ready", 30)
            if process.poll() is not None:
                pytest.fail(f"the service ended with {process.returncode}: {errors.read_text()[-2000:]}")
            yield ready.read_text().strip()
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def clean(**environment: str) -> dict[str, str]:
    """The environment of a user's shell: without what this test run has set."""
    ours = ("AWS_", "PYTEST_", "PYTHON", "SQS_FACADE_", "VIRTUAL_ENV")
    return {**{name: value for name, value in os.environ.items() if not name.startswith(ours)}, **environment}


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this checkout: builds leave files behind."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="session")
def sdist(checkout: Path) -> Path:
    return build("sdist", checkout)


@pytest.fixture(scope="session")
def wheel(checkout: Path) -> Path:
    return build("wheel", checkout)


def build(what: str, source: Path, **environment: str) -> Path:
    """The file that the build backend makes of these sources, without build isolation: nothing is downloaded."""
    program = f"from setuptools import build_meta; print(build_meta.build_{what}('dist'))"
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=source,
        env=clean(**environment),
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return source / "dist" / ran.stdout.split()[-1]


@pytest.fixture(scope="session", params=KINDS)
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The product, installed in each way."""
    return _install(request.param, request, tmp_path_factory)


@pytest.fixture(scope="session")
def installed_wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return _install("wheel", request, tmp_path_factory)


def _install(kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp(kind.replace(" ", "-"))
    if kind == "editable":
        source: Path = request.getfixturevalue("checkout")
        what = ["--editable", str(source)]
    elif kind == "wheel":
        what = [str(request.getfixturevalue("wheel"))]
    else:
        with tarfile.open(request.getfixturevalue("sdist")) as archive:
            archive.extractall(folder / "sdist", filter="data")
        [unpacked] = (folder / "sdist").iterdir()
        what = [str(build("wheel", unpacked))]
    packages = environment(folder / "environment", [one for one in distributions() if one.name != "sqs-facade"])
    scripts = folder / "environment" / "bin"
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--no-compile"]
    command = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", *options, *what]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=MOST_SECONDS, env=clean(), check=False)
    assert ran.returncode == 0, ran.stderr
    return Installed(kind, scripts, source if kind == "editable" else packages)


def environment(folder: Path, libraries: Libraries) -> Path:
    """Make a virtual environment that has these libraries of this one, and this product not. Its site-packages."""
    venv.create(folder, symlinks=True)
    [packages] = folder.glob("lib/python*/site-packages")
    links = folder / "libraries"
    links.mkdir()
    for library in libraries:
        for name in {file.parts[0] for file in library.files or ()} - {"..", "__pycache__"}:
            if not name.endswith(".pth") and not (links / name).exists():
                (links / name).symlink_to(Path(str(library.locate_file(name))))
    shutil.copy(Path(__file__).with_name("import_log.py"), packages)
    (packages / "tests_of_installs.pth").write_text(f"{links}\nimport import_log\n")
    for name, start in PROGRAMS.items():
        script = folder / "bin" / name
        script.write_text(f"#!{folder / 'bin' / 'python'}\nfrom {start[0]} import {start[1]} as main\nmain()\n")
        script.chmod(0o755)
    return packages


def requirements_of(wheel: Path) -> list[Requirement]:
    """What a wheel requires, with the markers of its extras."""
    return [Requirement(line.partition(": ")[2]) for line in metadata(wheel) if line.startswith("Requires-Dist: ")]


def metadata(wheel: Path) -> list[str]:
    """The lines of a wheel's metadata."""
    with zipfile.ZipFile(wheel) as files:
        [name] = (name for name in files.namelist() if name.endswith(".dist-info/METADATA"))
        return files.read(name).decode().splitlines()

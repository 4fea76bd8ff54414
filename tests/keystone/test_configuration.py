"""A mistake in the configuration is one line at the start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.keystone.conftest import write_configuration

pytestmark = pytest.mark.slow


def _refused(*flags: str, **settings: str) -> str:
    environment = {f"SQS_FACADE_{name.upper()}": value for name, value in settings.items()}
    ran = subprocess.run(
        [sys.executable, "-m", "sqs_facade", "serve", "--ephemeral", "--port", "0", *flags],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2
    lines = [line for line in ran.stderr.splitlines() if line.startswith("sqs-facade:")]
    assert len(lines) == 1, ran.stderr
    return lines[0].removeprefix("sqs-facade: ")


def test_a_missing_setting_keystone_config_is_refused() -> None:
    assert _refused(auth_strategy="keystone") == (
        "environment variable SQS_FACADE_AUTH_STRATEGY: "
        "keystone needs the setting keystone_config, which names a file with [keystone_authtoken]"
    )


def test_a_file_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    file = str(tmp_path / "none")
    assert _refused(auth_strategy="keystone", keystone_config=file) == (
        f"environment variable SQS_FACADE_KEYSTONE_CONFIG: cannot read {file}"
    )


def test_a_file_without_the_section_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "zaqar.conf"
    file.write_text("[DEFAULT]\ndebug = true\n")
    assert _refused(auth_strategy="keystone", keystone_config=str(file)) == (
        f"{file}: [keystone_authtoken] needs auth_type (such as password) and its options"
    )


def test_a_line_that_cannot_be_parsed_is_named_by_its_number_only(tmp_path: Path) -> None:
    """It may be the one with the password."""
    file = tmp_path / "zaqar.conf"
    file.write_text("[keystone_authtoken]\npassword secret\n")
    assert _refused(auth_strategy="keystone", keystone_config=str(file)) == (
        f"{file}:2 is not NAME = VALUE, [SECTION] or a comment"
    )


@pytest.mark.parametrize("more", [{"auth_type": "nonsense"}, {"http_connect_timeout": "soon"}])
def test_values_that_are_not_valid_are_refused(tmp_path: Path, more: dict[str, str]) -> None:
    file = write_configuration(tmp_path / "zaqar.conf", "http://127.0.0.1:1/v3", **more)
    reason = _refused(auth_strategy="keystone", keystone_config=str(file))
    assert reason.startswith(f"{file}: ")
    assert next(iter(more.values())) in reason


def test_an_unknown_auth_strategy_is_refused() -> None:
    assert "AUTH_STRATEGY" in _refused(auth_strategy="nonsense")

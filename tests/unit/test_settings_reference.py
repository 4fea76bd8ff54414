"""The reference of settings, and the listing of those in force."""

from __future__ import annotations

import json
import re
import tomllib
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from sqs_facade import cli
from zaqar_core.configuration import reference, setting_values
from zaqar_core.configuration.loading import load
from zaqar_core.configuration.setting_values import as_variable
from zaqar_core.configuration.settings import Settings

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
FIELDS = {field.name: field for field in msgspec.structs.fields(Settings)}
KEY = b64encode(bytes(range(32))).decode()


def test_the_reference_is_fresh() -> None:
    """Run ``python -m zaqar_core.configuration.reference > docs/settings.md`` if it is not."""
    assert DOCUMENT.read_text() == reference.text()


def test_every_setting_has_a_comment_in_a_section() -> None:
    found = reference.comments()
    assert list(found) == list(FIELDS)
    assert all(comment.section and comment.text.endswith(".") for comment in found.values())


def test_every_row_of_the_reference_has_as_many_cells_as_its_table() -> None:
    """A bar or a backtick in a value must not begin or end a cell."""
    rows = [line for line in reference.text().splitlines() if line.startswith("|")]
    cells = {len(re.findall(r"(?<!\\)\|", re.sub(r"(?<!\\)`[^`]*`", "", row))) for row in rows}
    assert cells == {7}


def test_settings_name_the_flags_that_the_commands_have() -> None:
    options: dict[str, set[str]] = {}
    for command in (cli.serve, cli.websocket):
        for option in command.params:
            if isinstance(option, click.Option) and option.name in FIELDS:
                options.setdefault(option.name, set()).update(option.opts)
    declared = {name: {setting_values.flag(field.type)} for name, field in FIELDS.items()}
    assert options == {name: flags for name, flags in declared.items() if flags != {""}}


@pytest.mark.parametrize("name", [n for n, f in FIELDS.items() if f.default not in (None, msgspec.NODEFAULT)])
def test_a_default_can_be_given_as_a_variable(name: str) -> None:
    """Workers get settings this way, and a reader may copy a default from the reference."""
    text = as_variable(FIELDS[name].default)
    assert getattr(load({}, {f"SQS_FACADE_{name.upper()}": text}), name) == FIELDS[name].default


def listed(*flags: str, **variables: str) -> Result:
    environment: Mapping[str, str] = {f"SQS_FACADE_{name}": value for name, value in variables.items()}
    return CliRunner().invoke(cli.main, ["settings", *flags], env=environment)


def test_the_settings_in_force_are_listed_with_their_sources(tmp_path: Path) -> None:
    file = tmp_path / "facade.toml"
    file.write_text('\nregion = "eu-west-1"\nworkers = 2\n')
    lines = listed("--config", str(file), "--workers", "3", STORE_CONNECTIONS="5").output.splitlines()
    found = [tuple(part.strip() for part in line.rsplit("  # ", 1)) for line in lines]
    assert len(found) == len(FIELDS)
    assert {
        ('region = "eu-west-1"', f"{file}:2"),
        ("workers = 3", "flag --workers"),
        ("store_connections = 5", "environment variable SQS_FACADE_STORE_CONNECTIONS"),
        ('durability = "fsync"', "default"),
        ("# redis is not set", "default"),
    } <= set(found)


def test_the_listing_is_a_file_that_gives_the_same_settings(tmp_path: Path) -> None:
    file = tmp_path / "facade.toml"
    file.write_text(listed("--port", "1", PROJECT_ACCOUNTS="a=123456789012", ALLOWED_HOSTS='a"\\,b').output)
    expected = Settings(port=1, project_accounts={"a": "123456789012"}, allowed_hosts=('a"\\', "b"))
    assert load({}, {}, file) == expected


SECRETS: dict[str, Any] = {
    "ENCRYPTION_KEYS": f"k1:{KEY},k2:{KEY}",
    "SIGNED_URL_KEY": "hunter2",
    "SMTP_PASSWORD": "hunter2",
    "REDIS": "rediss+sentinel://user:hunter2@a,b/main?sentinel_password=hunter2&ssl_ca_certs=/ca",
    "EXTERNAL_CONFIRMATION_URL": "https://user:hunter2@example.com/",
}


@pytest.mark.parametrize("form", ["toml", "json"])
def test_secrets_are_hidden(form: str) -> None:
    output = listed("--format", form, **SECRETS).output
    assert "hunter2" not in output
    assert KEY not in output
    document = json.loads(output) if form == "json" else tomllib.loads(output)
    shown = document["redis"]["value"] if form == "json" else document["redis"]
    assert shown == "rediss+sentinel://***@a,b/main?sentinel_password=***&ssl_ca_certs=/ca"
    keys = document["encryption_keys"]["value"] if form == "json" else document["encryption_keys"]
    assert keys == ["k1:***", "k2:***"]


def test_wrong_settings_are_not_listed() -> None:
    found = listed(PROT="1")
    assert (found.exit_code, found.stdout) == (2, "")
    assert found.stderr.startswith("sqs-facade: environment variable SQS_FACADE_PROT is not a setting")

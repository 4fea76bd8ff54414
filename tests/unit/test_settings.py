"""Settings from flags, the environment and a file: errors name the source and the allowed values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from zaqar_core.configuration import setting_sources
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import load, read
from zaqar_core.configuration.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def refused(environment: dict[str, str] | None = None, file: Path | None = None, **flags: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsInvalid) as problem:
        load(flags, environment or {}, file)
    return problem.value.problems


def written(folder: Path, text: str) -> Path:
    file = folder / "facade.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SQS_FACADE_PROT", "SQS_FACADE_PORT"),
        ("SQS_FACADE_DATADIR", "SQS_FACADE_DATA_DIR"),
        ("SQS_FACADE_REDIS_URL", "SQS_FACADE_REDIS"),
        ("SQS_FACADE_TEST_HOOK", "SQS_FACADE_TEST_HOOKS"),
    ],
)
def test_an_unknown_variable_is_refused_with_the_nearest_setting(name: str, meant: str) -> None:
    assert refused({name: "1"}) == (f"environment variable {name} is not a setting; did you mean {meant}?",)


def test_an_unknown_variable_that_resembles_nothing_is_refused_too() -> None:
    [line] = refused({"SQS_FACADE_ZZZ": "1"})
    assert line == (
        "environment variable SQS_FACADE_ZZZ is not a setting; the command `sqs-facade settings` lists them"
    )


SERVICE_LINKS = [
    {
        f"{prefix}SERVICE_HOST": "10.0.0.11",
        f"{prefix}SERVICE_PORT": "9324",
        f"{prefix}SERVICE_PORT_HTTP_API": "9324",
        f"{prefix}PORT": "tcp://10.0.0.11:9324",
        f"{prefix}PORT_9324_TCP": "tcp://10.0.0.11:9324",
        f"{prefix}PORT_9324_TCP_PROTO": "tcp",
        f"{prefix}PORT_9324_TCP_PORT": "9324",
        f"{prefix}PORT_9324_TCP_ADDR": "10.0.0.11",
        f"{prefix}PORT_53_UDP": "udp://10.0.0.11:53",
    }
    for prefix in ("SQS_FACADE_", "SQS_FACADE_WEBSOCKET_", "SQS_FACADE_SMTP_", "SQS_FACADE_CANARY_2_")
]


@pytest.mark.parametrize("environment", SERVICE_LINKS, ids=[min(links) for links in SERVICE_LINKS])
def test_variables_of_kubernetes_services_are_ignored(environment: dict[str, str]) -> None:
    """A Service named sqs-facade or sqs-facade-<something> sets them in every container of its namespace."""
    assert load({}, environment) == Settings()


def test_no_setting_has_the_name_of_a_service_link() -> None:
    for field in msgspec.structs.fields(Settings):
        assert not setting_sources.is_service_link(setting_sources.variable(field.name), "1")


def test_every_variable_that_the_repository_names_is_known() -> None:
    """Those of the test suite and of the service's own processes are no settings, and no errors."""
    named: set[str] = set()
    for folder in ("tests", "compat", "benchmarks", "docs", ".ci", "sqs_facade", "zaqar_core"):
        for path in (ROOT / folder).rglob("*"):
            skipped = path == Path(__file__) or "node_modules" in path.parts or not path.is_file()
            if path.suffix in (".py", ".md", "") and not skipped:
                named |= set(re.findall(r"(?<![\w-])SQS_FACADE_[A-Z_]*[A-Z]\b(?!_)", path.read_text()))
    settings = {setting_sources.variable(field.name) for field in msgspec.structs.fields(Settings)}
    assert len(named) > 20
    misspelt_on_purpose = {"SQS_FACADE_PROT"}
    load({}, dict.fromkeys(named - settings - misspelt_on_purpose, "1"))


@pytest.mark.parametrize(
    ("setting", "value", "allowed"),
    [
        ("port", "70000", 'a whole number from 0 to 65535, not "70000"'),
        ("workers", "0", 'a whole number, at least 1, not "0"'),
        ("store_timeout_seconds", "0", 'a number of seconds greater than 0 and at most 99999999, not "0"'),
        ("store_timeout_seconds", "inf", 'a number of seconds greater than 0 and at most 99999999, not "inf"'),
        ("notification_timeout_seconds", "1e9", 'a number of seconds greater than 0 and at most 99999999, not "1e9"'),
        ("max_claim_ttl", "soon", 'a whole number of seconds from 1 to 99999999, not "soon"'),
        ("max_message_ttl", "100000000", 'a whole number of seconds from 1 to 99999999, not "100000000"'),
        ("recreate_delay_seconds", "100000000", 'a whole number of seconds from 0 to 99999999, not "100000000"'),
        ("ephemeral", "maybe", 'true or false, not "maybe"'),
        ("durability", "often", 'one of memory, fsync, replicated, not "often"'),
        ("default_account", "1", '12 digits, not "1"'),
        ("auth_strategy", "ldap", 'empty or keystone, not "ldap"'),
        ("enable_deprecated_api_versions", "1,3", 'a list, each entry one of 1, 1.1, not ["1","3"]'),
        (
            "webhook_allowed_networks",
            "here",
            "a list, each entry an IP network like 10.0.0.0/8: 'here' does not appear",
        ),
    ],
)
def test_a_wrong_variable_is_named_with_what_is_allowed(setting: str, value: str, allowed: str) -> None:
    variable = f"SQS_FACADE_{setting.upper()}"
    [line] = refused({variable: value})
    assert line.startswith(f"environment variable {variable} must be {allowed}")


def test_an_empty_variable_is_no_path_and_no_url() -> None:
    assert refused({"SQS_FACADE_DATA_DIR": ""}) == ("environment variable SQS_FACADE_DATA_DIR must not be empty",)
    assert refused({"SQS_FACADE_REDIS": ""}) == ("environment variable SQS_FACADE_REDIS must not be empty",)


def test_a_wrong_flag_is_named() -> None:
    assert refused(port="word") == ('flag --port must be a whole number from 0 to 65535, not "word"',)
    assert refused(websocket_port="-1") == ('flag --port must be a whole number from 0 to 65535, not "-1"',)


def test_a_wrong_key_of_the_file_is_named_with_its_line(tmp_path: Path) -> None:
    text = '# port = 1\nregion = """\nport = 2\n"""\nallowed_hosts = [\n  "a",\n]\n"port" = "x"\n'
    file = written(tmp_path, text)
    assert refused(file=file) == (f'{file}:8: port must be a whole number from 0 to 65535, not "x"',)


def test_a_value_of_another_type_in_the_file_is_named(tmp_path: Path) -> None:
    file = written(tmp_path, "host = 5\n")
    assert refused(file=file) == (f"{file}:1: host must be text, not 5",)


def test_an_unknown_key_of_the_file_is_refused_with_its_line_and_the_nearest_setting(tmp_path: Path) -> None:
    file = written(tmp_path, "workers = 2\nprot = 9324\n")
    assert refused(file=file) == (f"{file}:2: prot is not a setting; did you mean port?",)


def test_an_unknown_table_of_the_file_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "\n[serve]\nport = 9324\n")
    assert refused(file=file) == (
        f"{file}:2: serve is not a setting: write settings at the top level, outside of any table",
    )


@pytest.mark.parametrize(
    ("content", "said"), [(b"port = \n", "is not valid TOML: .*line 1"), (b"\xff", "is not UTF-8 text")]
)
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "facade.toml"
    file.write_bytes(content)
    [line] = refused(file=file)
    assert re.fullmatch(f"{re.escape(str(file))} {said}.*", line)


def test_all_errors_are_listed_together(tmp_path: Path) -> None:
    file = written(tmp_path, "prot = 1\nregion = 3\n")
    lines = refused(
        {"SQS_FACADE_WORKER": "2", "SQS_FACADE_STORE_CONNECTIONS": "x"}, file, port="p", ephemeral=True, redis="r"
    )
    assert [re.split(" (?:must|is|exclude)", line)[0] for line in lines] == [
        f"{file}:1: prot",
        "environment variable SQS_FACADE_WORKER",
        "flag --port",
        "environment variable SQS_FACADE_STORE_CONNECTIONS",
        f"{file}:2: region",
        "flag --redis and flag --ephemeral",
    ]


def test_settings_that_exclude_each_other_are_named_with_their_sources(tmp_path: Path) -> None:
    file = written(tmp_path, 'redis = "redis://h"\n')
    [line] = refused({"SQS_FACADE_DATA_DIR": "/data"}, file)
    assert line.startswith(f"environment variable SQS_FACADE_DATA_DIR and {file}:1: redis exclude each other")


def test_an_overridden_value_is_not_checked(tmp_path: Path) -> None:
    file = written(tmp_path, 'port = "x"\n')
    assert load({"port": "1"}, {"SQS_FACADE_PORT": "y"}, file).port == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SQS_FACADE_ENCRYPTION_KEYS", "hunter2hunter2"),
        ("SQS_FACADE_ENCRYPTION_KEYS", "k:hunter2"),
        ("SQS_FACADE_MAX_WAITS", "redis://user:hunter2@host"),
        ("SQS_FACADE_PORT", "redis://user:hunt/hunter2@host?password=hunter2"),
    ],
)
def test_no_error_shows_a_secret(variable: str, value: str) -> None:
    assert "hunter2" not in str(refused({variable: value}))


def test_no_error_of_a_file_shows_a_secret(tmp_path: Path) -> None:
    file = written(
        tmp_path, 'smtp_password = ["hunter2"]\nsigned_url_key = {a = "hunter2"}\nencryption_keys = "hunter2"'
    )
    lines = refused(file=file)
    assert len(lines) == 3
    assert "hunter2" not in str(lines)


def test_each_value_has_its_source(tmp_path: Path) -> None:
    file = written(tmp_path, "workers = 2\nport = 1\nmax_waits = 5\n")
    found = read({"port": 3, "ephemeral": True}, {"SQS_FACADE_MAX_WAITS": "6"}, file)
    names = ("port", "max_waits", "workers", "durability", "region")
    assert {name: str(found.source(name)) for name in names} == {
        "port": "flag --port",
        "max_waits": "environment variable SQS_FACADE_MAX_WAITS",
        "workers": f"{file}:1",
        "durability": "implied by ephemeral",
        "region": "default",
    }

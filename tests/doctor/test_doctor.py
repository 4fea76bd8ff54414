"""The command doctor finds mistakes that are really there: in a server, a data directory and a running service."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sqs_facade import cli
from tests.conftest import Service
from tests.private_valkey import PrivateValkey, private_valkey
from zaqar_core.embedded import attach
from zaqar_core.store import keys

DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--maxmemory", "1gb")
#: A setting of the server, its wrong value, its right one, and the code of the finding.
SETTINGS = [
    ("maxmemory-policy", "allkeys-lru", "noeviction", "store-misconfigured"),
    ("appendfsync", "everysec", "always", "store-misconfigured"),
    ("no-appendfsync-on-rewrite", "yes", "no", "store-misconfigured"),
    ("min-replicas-to-write", "1", "0", "store-read-only"),
    ("maxmemory", "100kb", "1gb", "store-full"),
    ("maxmemory", "1", "1gb", "store-disk-full"),
    ("maxmemory", "0", "1gb", "store-no-memory-limit"),
    ("auto-aof-rewrite-percentage", "0", "100", "store-no-rewrite"),
    ("timeout", "60", "0", "store-closes-idle"),
    ("maxclients", "2", "10000", "store-few-clients"),
]


def doctor(*arguments: str, code: int | None = None) -> dict[str, dict[str, str]]:
    """Run the command; return its findings by their codes."""
    found = CliRunner().invoke(cli.main, ["doctor", *arguments, "--json"])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    assert code is None or found.exit_code == code, found.output
    return {one["code"]: one for one in json.loads(found.stdout)["findings"]}


def of_store(found: dict[str, dict[str, str]]) -> set[str]:
    return {code for code in found if code.startswith("store-")} - {"store-slow"}


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateValkey]:
    with private_valkey(*DURABLE) as server:
        yield server


@pytest.mark.parametrize(("name", "wrong", "right", "code"), SETTINGS)
def test_a_wrong_setting_of_the_server_is_found(
    server: PrivateValkey, name: str, wrong: str, right: str, code: str
) -> None:
    with server.client() as client:
        client.config_set(name, wrong)
        try:
            found = doctor("--redis", server.url, "--strict", code=None if code == "store-closes-idle" else 1)
        finally:
            client.config_set(name, right)
    assert of_store(found) == {code}
    assert found[code]["remedy"]


def test_a_sound_server_has_no_finding(server: PrivateValkey) -> None:
    assert of_store(doctor("--redis", server.url)) == set()


def test_a_server_that_is_gone_is_found_and_no_password_is_shown() -> None:
    shown = CliRunner().invoke(cli.main, ["doctor", "--redis", "redis://u:hunter2@127.0.0.1:9/0"])
    assert shown.exit_code == 1
    for part in ("error: ", "(store-gone)", "  remedy: start the server", "Found "):
        assert part in shown.output
    assert "hunter2" not in shown.output


def test_a_user_without_a_command_is_found_whether_it_may_ask_or_not(server: PrivateValkey) -> None:
    for rights in ("-function|load -config", "-fcall -acl -info +info"):
        with server.client() as client:
            client.execute_command(
                "ACL", "SETUSER", "few", "reset", "on", ">s", "~sf1:*", "&*", "+@all", *rights.split()
            )
        found = doctor("--redis", server.url.replace("unix://", "unix://few:s@"), "--durability", "memory", code=1)
        assert "few" in found["store-command-denied"]["remedy"] or "-acl" in rights
        assert ("+function|load" if "load" in rights else "+fcall") in found["store-command-denied"]["remedy"]


def test_a_renamed_command_is_found() -> None:
    with private_valkey(*DURABLE, "--rename-command", "PUBLISH", "hidden") as server:
        assert "PUBLISH" in doctor("--redis", server.url, code=1)["store-command-missing"]["problem"]


def test_a_service_of_another_release_is_found(server: PrivateValkey) -> None:
    name = "sf1_plain_other"
    with server.client() as client:
        library = f"#!lua name={name}\nredis.register_function('f_other', function() return 1 end)"
        client.execute_command("FUNCTION", "LOAD", "REPLACE", library)
        client.hset(keys.LIBRARIES, name, int(time.time()))
        try:
            assert name in doctor("--redis", server.url)["store-other-release"]["problem"]
        finally:
            client.execute_command("FUNCTION", "DELETE", name)


def test_a_data_directory_is_checked_without_a_service(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "appendonlydir").mkdir(parents=True)
    (data / "appendonlydir" / "appendonly.aof.2.base.rdb").write_bytes(b"x")
    (data / "encryption.key").write_text("secret")
    (data / "encryption.key").chmod(0o644)
    (data / "reserve").touch()
    data.chmod(0o755)
    found = doctor("--data-dir", str(data), code=1)
    assert {"disk-open-mode", "disk-damaged", "disk-reserve-spent", "disk-not-served"} <= found.keys()
    assert not list(data.glob(".sqs-facade-doctor-*"))
    assert sorted(one.name for one in data.iterdir()) == ["appendonlydir", "encryption.key", "reserve"]


def test_the_valkey_of_a_data_directory_is_checked_while_it_runs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    embedded = attach(data, durability="fsync", ephemeral=False, store_memory="64M")
    try:
        found = doctor("--data-dir", str(data))
        assert "disk-not-served" not in found
        assert of_store(found) == set()
        mode = doctor("--data-dir", str(data), "--durability", "memory")
        assert "store-misconfigured" not in mode
    finally:
        embedded.release()


def test_a_running_service_is_checked_by_its_url(service: Service) -> None:
    found = doctor(service.url)
    assert {code for code in found if code.startswith(("service-", "tls-"))} <= {"service-degraded", "service-slow"}
    assert not of_store(found)


def test_the_public_url_is_asked(service: Service, server: PrivateValkey, monkeypatch: pytest.MonkeyPatch) -> None:
    for url, is_found in ((service.url, False), ("http://127.0.0.1:9", True)):
        monkeypatch.setenv("SQS_FACADE_PUBLIC_URL", url)
        assert ("service-public-url" in doctor("--redis", server.url)) is is_found


def test_a_port_without_a_service_is_found() -> None:
    found = doctor("http://127.0.0.1:9", code=1)["service-unreachable"]
    assert "serve" in found["remedy"]
    assert "Connection" not in found["problem"].partition("Connection refused")[0]


def test_wrong_and_dangerous_settings_are_findings_too(server: PrivateValkey, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PROT", "1"), ("HOST", "0.0.0.0"), ("OPEN_BIND", "true")):
        monkeypatch.setenv(f"SQS_FACADE_{name}", value)
    found = doctor("--redis", server.url, code=1)
    assert "SQS_FACADE_PORT" in found["config-name"]["problem"]
    assert found["config-open"]["where"] == "open_bind (environment variable SQS_FACADE_OPEN_BIND)"
    assert "config-port-busy" not in found


@pytest.mark.parametrize("arguments", [["ftp://x"], ["--config", "/none.toml"], ["--none"]])
def test_wrong_use_has_exit_code_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli.main, ["doctor", *arguments]).exit_code == 2


def versions(*arguments: str) -> Any:
    return CliRunner().invoke(cli.main, ["version", *arguments])


def test_versions_are_those_of_the_service_and_its_libraries() -> None:
    found = json.loads(versions("--json").output)
    assert {"sqs-facade", "python", "valkey", "redis", "hiredis", "uvloop"} <= found.keys()
    assert all(found[name] for name in ("sqs-facade", "python", "valkey", "redis"))
    lines = dict(line.split(maxsplit=1) for line in versions().output.splitlines())
    assert lines["redis"] == found["redis"]
    assert os.sep not in lines["valkey"]

"""The command config check lists every mistake at once, each with its source and a remedy, and starts nothing."""

from __future__ import annotations

import datetime
import ipaddress
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sqs_facade import cli
from sqs_facade.commands.checks import reference
from tests.private_valkey import PrivateValkey, private_valkey

DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--maxmemory", "1gb")
#: Settings of a file that are wrong together, the code of the finding, and the setting that its place names.
#: ``{folder}`` is an empty folder; in it are a certificate ``c.pem``, that has expired, with its key ``k.pem``.
MISTAKES: list[tuple[str, str, str]] = [
    ("prot = 1", "config-name", ":1"),
    ("[serving]\nport = 1", "config-name", ":1"),
    ("port = 'x'", "config-value", ":1"),
    ("port = 70000", "config-value", ":1"),
    ("durability = 'disk'", "config-value", ":1"),
    ("store_memory = '5 %%'", "config-value", ":1"),
    ("encryption_keys = ['a:b']", "config-value", ":1"),
    ("data_dir = '{folder}/d'\nredis = 'redis://127.0.0.1'", "config-contradiction", ":1"),
    ("durability = 'replicated'", "config-contradiction", ":1"),
    ("tls_key = '{folder}/k.pem'", "config-contradiction", ":1"),
    ("redis = 'redis://127.0.0.1'\nstore_memory = '1G'", "config-contradiction", ":2"),
    ("audit_all_calls = true", "config-contradiction", ":1"),
    ("redis = 'http://127.0.0.1'", "config-store-url", "redis"),
    ("redis = 'redis://a,b'", "config-store-url", "redis"),
    ("host = '0.0.0.0'", "config-refused", "host"),
    ("host = 'no.such.host.invalid'", "config-refused", "host"),
    ("credentials_file = '{folder}/none.toml'", "config-refused", "credentials_file"),
    ("tls_certificate = '{folder}/none.pem'", "config-refused", "tls_certificate"),
    ("tls_certificate = '{folder}/c.pem'\ntls_key = '{folder}/other.pem'", "config-refused", "tls_key"),
    ("audit_log = '{folder}/none/a.jsonl'", "config-refused", "audit_log"),
    ("ready_file = '{folder}/none/ready'", "config-refused", "ready_file"),
    ("data_dir = '{folder}/c.pem'", "config-refused", "data_dir"),
    ("data_dir = '{folder}/stored'\ndurability = 'memory'", "config-refused", "durability"),
    ("auth_strategy = 'keystone'\nkeystone_config = '{folder}/none.conf'", "config-refused", "keystone_config"),
    ("[queue.jobs]\nVisibilityTimeuot = 3", "config-declaration", ":2"),
    ("[queue.'a b']", "config-declaration", ":1"),
    ("port = {busy}", "config-port-busy", "port"),
    ("port = 9000", "config-port-shared", "websocket_port"),
    ("allowed_hosts = ['https://queues.example.org']", "config-allowed-host", "allowed_hosts"),
    ("allowed_hosts = ['*.example.org']", "config-allowed-host", "allowed_hosts"),
    ("trusted_proxies = ['0.0.0.0/0']", "config-trusts-everybody", "trusted_proxies"),
    ("trusted_proxies = ['::/0']", "config-trusts-everybody", "trusted_proxies"),
    (
        "public_url = 'http://127.0.0.1'\ntls_certificate = '{folder}/c.pem'\ntls_key = '{folder}/k.pem'",
        "config-public-url-http",
        "public_url",
    ),
    ("public_url = 'https://127.0.0.1'", "config-public-url-https", "public_url"),
    ("public_url = 'http://127.0.0.1'\nhost = '0.0.0.0'\nopen_bind = true", "config-public-url-loopback", "public_url"),
    ("public_url = 'http://no.such.host.invalid'", "config-public-url-unknown", "public_url"),
    ("allowed_origins = ['*']", "config-any-origin", "allowed_origins"),
    ("webhook_allowed_networks = ['0.0.0.0/0']", "config-webhook-networks", "webhook_allowed_networks"),
    ("webhook_allowed_networks = ['169.254.0.0/16']", "config-webhook-networks", "webhook_allowed_networks"),
    ("max_message_ttl = 600", "config-default-above-most", "max_message_ttl"),
    ("default_claim_ttl = 50000", "config-default-above-most", "default_claim_ttl"),
    ("confirming_replicas = 2", "config-no-effect", "confirming_replicas"),
    ("admin_mode = true", "config-no-effect", "admin_mode"),
    ("smtp_password = 'secret of smtp'", "config-no-effect", "smtp_password"),
    ("cors_max_age_seconds = 5", "config-no-effect", "cors_max_age_seconds"),
    ("test_hooks = true\nhost = '0.0.0.0'\nopen_bind = true", "config-test-hooks", "test_hooks"),
    ("durability = 'memory'\nhost = '0.0.0.0'\nopen_bind = true", "config-in-memory", "durability"),
    ("host = '0.0.0.0'\nopen_bind = true", "config-open", "open_bind"),
    ("redis = 'redis://:secret@10.9.9.9'", "config-store-no-tls", "redis"),
    ("redis = 'rediss://10.9.9.9'", "config-store-no-password", "redis"),
    ("smtp_host = 'mail.example.org'\nsmtp_user = 'a'\nsmtp_password = 'b'", "config-smtp-plain", "smtp_tls"),
    (
        "credentials_file = '{folder}/users.toml'\nallow_unsigned_payload = true",
        "config-unsigned-payload",
        "allow_unsigned_payload",
    ),
    ("max_waits = 60000", "config-waits", "max_waits"),
    ("signed_url_key = 'short'", "config-short-key", "signed_url_key"),
    ("enforce_policies = true", "config-unproven-callers", "enforce_policies"),
    (
        "pooling = true\nadmin_mode = true\nhost = '0.0.0.0'\nopen_bind = true",
        "config-open-pools",
        "admin_mode",
    ),
    ("tls_certificate = '{folder}/c.pem'\ntls_key = '{folder}/k.pem'", "tls-expired", "c.pem"),
    (
        "tls_certificate = '{folder}/c.pem'\ntls_key = '{folder}/k.pem'\npublic_url = 'https://127.0.0.2'",
        "tls-other-name",
        "c.pem",
    ),
    ("tls_certificate = '{folder}/c.pem'\ntls_key = '{folder}/k.pem'", "secret-file-open", "tls_key"),
    ("signed_url_key = 'a key of many characters'", "secret-file-open", "signed_url_key"),
    ("credentials_file = '{folder}/users.toml'", "credentials-expired", "users.toml"),
    (
        "credentials_file = '{folder}/users.toml'\npooling = true\nadmin_mode = true",
        "credentials-no-administrator",
        "users.toml",
    ),
    ("workers = 4000", "machine-workers", ""),
    ("store_memory = '900T'", "machine-memory-limit", ""),
    ("store_memory = 0", "machine-memory-tight", ""),
]
#: Needs another service on the port, see below.
_ELSEWHERE = {"config-port-served"}
_USERS = """
[[users]]
name = "sender"
account = "123456789012"
policies = ["sender"]
[[users.access_keys]]
id = "AKIAOLD"
secret_access_key = "a secret of many characters"
expires = 2020-01-01T00:00:00Z
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("config")
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "queues")])
    begins = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "c.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    for file, one in (("k.pem", key), ("other.pem", other)):
        (folder / file).write_bytes(
            one.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        (folder / file).chmod(0o644)
    (folder / "stored" / "appendonlydir").mkdir(parents=True)
    (folder / "users.toml").write_text(_USERS)
    (folder / "users.toml").chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def busy() -> Iterator[int]:
    """A port that another program has."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


def check(*arguments: str, code: int | None = None) -> list[dict[str, str]]:
    found = CliRunner().invoke(cli.main, ["config", "check", "--json", *arguments])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    assert code is None or found.exit_code == code, found.output
    assert "hunter2" not in found.output
    listed: list[dict[str, str]] = json.loads(found.stdout)["findings"]
    for one in listed:
        assert one["remedy"]
        assert "{" not in one["remedy"]
    return listed


@pytest.mark.parametrize(("text", "code", "where"), MISTAKES, ids=[f"{row[1]}-{row[2]}" for row in MISTAKES])
def test_a_mistake_is_found_with_its_source(
    tmp_path: Path, folder: Path, busy: int, text: str, code: str, where: str
) -> None:
    file = tmp_path / "f.toml"
    ports = "" if "port = " in text else "\nport = 0"
    file.write_text(text.replace("{folder}", str(folder)).replace("{busy}", str(busy)) + ports * ("[" not in text[:1]))
    places = [one["where"] for one in check(str(file)) if one["code"] == code]
    assert places, check(str(file))
    assert any(where in place for place in places), places


def test_every_rule_of_settings_is_planted() -> None:
    planted = {row[1] for row in MISTAKES} | _ELSEWHERE
    rules = {rule.code for topic in reference.TOPICS for rule in topic.rules if rule.code.startswith("config-")}
    assert rules <= planted


def test_all_mistakes_are_listed_at_once_with_file_variable_and_flag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "f.toml"
    file.write_text("region = 'eu-west-1'\nprot = 1\nworkers = 0\nallowed_hosts = ['a b']\n")
    monkeypatch.setenv("SQS_FACADE_STORE_TIMEOUT_SECONDS", "-1")
    found = check(str(file), "--port", "x", code=1)
    places = {(one["code"], one["where"]) for one in found}
    assert places >= {
        ("config-name", f"{file}:2"),
        ("config-value", f"{file}:3"),
        ("config-value", "environment variable SQS_FACADE_STORE_TIMEOUT_SECONDS"),
        ("config-value", "flag --port"),
        ("config-allowed-host", f"allowed_hosts ({file}:4)"),
    }
    assert "set workers to a whole number, at least 1" in [one["remedy"] for one in found]


def test_a_sound_configuration_has_no_finding(tmp_path: Path) -> None:
    file = tmp_path / "f.toml"
    file.write_text(f"port = 0\ndata_dir = '{tmp_path}/data'\n")
    assert check(str(file), code=0) == []
    assert not (tmp_path / "data").exists()
    shown = CliRunner().invoke(cli.main, ["config", "check", str(file)])
    assert "Nothing to mend" in shown.output


def test_a_service_that_already_listens_is_a_note(service: Any) -> None:
    port = service.url.rpartition(":")[2]
    found = check("--port", port, "--ephemeral")
    assert [one["code"] for one in found if one["code"].startswith("config-port")] == ["config-port-served"]


def test_the_store_is_asked_with_live_only() -> None:
    with private_valkey(*DURABLE) as server:
        flags = ("--redis", server.url, "--durability", "replicated", "--port", "0")
        assert check(*flags, code=0) == []
        assert [one["code"] for one in check(*flags, "--live", code=1)] == ["store-read-only"]
        assert _replicas(server) == 0


def _replicas(server: PrivateValkey) -> int:
    with server.client() as client:
        found: dict[str, Any] = client.info("replication")
        return int(found["connected_slaves"])


def test_no_secret_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "f.toml"
    file.write_text(
        "port = 0\nsigned_url_key = 'hunter2'\nredis = 'redis://u:hunter2@10.9.9.9'\nencryption_keys = ['hunter2']\n"
    )
    check(str(file), code=1)


@pytest.mark.parametrize("arguments", [["none.toml"], ["--none"], ["--port"]])
def test_wrong_use_has_exit_code_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli.main, ["config", "check", *arguments]).exit_code == 2

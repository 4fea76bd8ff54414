"""An operator's zaqar.conf as the weakest source of settings."""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zaqar_core.configuration import zaqar_config
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import load
from zaqar_core.configuration.loading import read as configuration
from zaqar_core.configuration.settings import Settings

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations.md"

Read = Callable[..., Settings]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "zaqar.conf"


@pytest.fixture
def read(file: Path) -> Read:
    """Read the settings of a service with that file and other sources."""

    def loaded(text: str, environment: dict[str, str] = {}, **flags: Any) -> Settings:  # noqa: B006
        file.write_text(text)
        return load({"zaqar_config": file, **flags}, environment)

    return loaded


def test_the_table_of_the_documentation_is_fresh() -> None:
    """``python -m zaqar_core.configuration.zaqar_config`` writes it."""
    assert zaqar_config.document() in OPERATIONS.read_text()


def test_every_row_names_a_setting_and_no_option_is_repeated() -> None:
    assert {row.setting for row in zaqar_config.ROWS} <= set(Settings.__struct_fields__)
    places = [(row.section, row.option) for row in zaqar_config.ROWS]
    assert len(places) == len(set(places))


def test_options_are_settings(read: Read) -> None:
    found = read(
        """
        [DEFAULT]
        pooling = yes
        enable_deprecated_api_versions = 1.1
        [drivers:transport:wsgi]
        bind = 127.0.0.2
        port = 8888
        [drivers:transport:websocket]
        port = 9001
        [transport]
        max_messages_post_size = 1000
        subscriber_types = http,https
        client_id_uuid_safe = off
        [signed_url]
        secret_key = a secret
        [notification]
        require_confirmation = on
        max_notifier_workers = 7
        [cors]
        allowed_origin = https://a.example,https://b.example:8443
        allow_credentials = false
        max_age = 60
        """.replace("\n        ", "\n")
    )
    assert (found.pooling, found.enable_deprecated_api_versions) == (True, ("1.1",))
    assert (found.host, found.port, found.websocket_port) == ("127.0.0.2", 8888, 9001)
    assert (found.max_messages_post_size, found.subscriber_types) == (1000, ("http", "https"))
    assert (found.client_id_uuid_safe, found.signed_url_key) == ("off", "a secret")
    assert (found.require_confirmation, found.notification_threads) == (True, 7)
    assert found.allowed_origins == ("https://a.example", "https://b.example:8443")
    assert (found.cors_allow_credentials, found.cors_max_age_seconds) == (False, 60)
    assert found.max_message_ttl == Settings().max_message_ttl


def test_the_options_of_a_file_have_the_meaning_that_they_have_in_zaqar(read: Read) -> None:
    """Substitution, the last of two, continued lines, former names, both signs, comments."""
    found = read(
        "[DEFAULT]\nsharding = true\n[transport]\n# all\nmax_claim_ttl: 700\nmax_claim_grace = $max_claim_ttl\n"
        "max_message_delay = 1\nmax_message_delay = 2\nsubscriber_types = http,\n   https\n"
        "max_message_ttl = $transport.max_claim_ttl\n"
    )
    assert (found.pooling, found.max_claim_grace, found.max_message_delay) == (True, 700, 2)
    assert (found.subscriber_types, found.max_message_ttl) == (("http", "https"), 700)


def test_every_other_source_overrides_the_file(read: Read, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(f'zaqar_config = "{tmp_path}/zaqar.conf"\nmax_message_ttl = 3000\nmax_claim_ttl = 3000\n')
    read("[transport]\nmax_message_ttl = 100\nmax_claim_ttl = 100\nmax_claim_grace = 100\nmax_message_delay = 100\n")
    environment = {"SQS_FACADE_MAX_CLAIM_TTL": "4000", "SQS_FACADE_MAX_CLAIM_GRACE": "4000"}
    found = load({"max_claim_grace": 5000}, environment, own)
    assert (found.max_message_ttl, found.max_claim_ttl) == (3000, 4000)
    assert (found.max_claim_grace, found.max_message_delay) == (5000, 100)


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("redis://127.0.0.1:6380", "redis://127.0.0.1:6380"),
        ("redis://:pw@h:6380?dbid=3&socket_timeout=0.5", "redis://:pw@h:6380?db=3"),
        ("redis://h1,h2:26380?master=m&dbid=2", "redis://h1,h2:26380?master=m&db=2"),
        ("redis://:pw@/run/redis.sock", "unix://:pw@/run/redis.sock"),
        ("redis:///run/redis.sock?dbid=1", "unix:///run/redis.sock?db=1"),
        ("redis://h/4", "redis://h/4"),
        (None, "redis://127.0.0.1:6379"),
    ],
)
def test_the_redis_of_zaqar_is_the_store(read: Read, uri: str | None, url: str) -> None:
    text = "" if uri is None else f"[drivers:message_store:redis]\nuri = {uri}\n"
    assert read(f"[drivers]\nmessage_store = redis\n{text}").redis == url
    assert read(f"[drivers]\nstorage = redis\n{text}").redis == url
    text = text.replace("message_store", "management_store")
    assert read(f"[DEFAULT]\npooling = true\n[drivers]\nmanagement_store = redis\n{text}").redis == url


def test_another_store_of_zaqar_is_not_used_as_redis(read: Read, caplog: pytest.LogCaptureFixture) -> None:
    uri = "[drivers:message_store:redis]\nuri = redis://h\n"
    for text in (f"[drivers]\nmessage_store = mongodb\n{uri}", uri):
        assert read(text).redis is None
        assert "[drivers:message_store:redis] uri" in caplog.messages[-1]
    assert "[drivers] message_store" in caplog.messages[0]


@pytest.mark.parametrize("chosen", [{"ephemeral": True}, {"data_dir": "/d"}, {"redis": "redis://mine"}])
def test_a_store_from_another_source_replaces_that_of_zaqar(read: Read, chosen: dict[str, Any]) -> None:
    found = read("[drivers]\nmessage_store = redis\n", **chosen)
    assert found.redis == chosen.get("redis")


def test_options_without_effect_are_logged_in_one_line_without_values(
    read: Read, caplog: pytest.LogCaptureFixture, file: Path
) -> None:
    read(
        "[DEFAULT]\ndebug = true\nunreliable = true\nadmin_mode = true\n"
        "[notification]\nsmtp_user_password = hidden\n[drivers:transport:websocket]\nexternal-port = 1\n"
        "[transport]\nmessage_encryption_key = AES256\n[keystone_authtoken]\npassword = hidden\n"
        "[oslo_policy]\npolicy_file = policy.yaml\n[mine]\nname = value\n"
    )
    assert caplog.messages == [
        f"{file}: these options have no effect here: [DEFAULT] debug, unreliable; [notification] smtp_user_password; "
        "[drivers:transport:websocket] external_port; [transport] message_encryption_key; "
        "[keystone_authtoken] password; [oslo_policy] policy_file; [mine] name"
    ]


def test_nothing_is_logged_when_every_option_has_an_effect(read: Read, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        read("[DEFAULT]\nadmin_mode = true\n")
        read("")
    assert not caplog.messages


def test_the_keystone_section_and_the_policy_beside_the_file_are_used_with_keystone(
    read: Read, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = "[DEFAULT]\nauth_strategy = keystone\n[keystone_authtoken]\nauth_type = password\n"
    found = read(text)
    assert (found.auth_strategy, found.keystone_config, found.policy_file) == ("keystone", file, None)
    beside = file.with_name("policy.yaml")
    beside.touch()
    assert read(text).policy_file == beside
    assert read(f"{text}[oslo_policy]\npolicy_file = mine.yaml\n").policy_file == file.with_name("mine.yaml")
    assert read(f"{text}[oslo_policy]\npolicy_file = /mine.yaml\n").policy_file == Path("/mine.yaml")
    assert not caplog.messages
    assert read(text, auth_strategy="").policy_file is None
    assert "[keystone_authtoken] auth_type" in caplog.messages[0]


def test_policy_d_without_a_policy_file_is_refused(read: Read, file: Path) -> None:
    file.with_name("policy.d").mkdir()
    text = "[DEFAULT]\nauth_strategy = keystone\n"
    with pytest.raises(SettingsInvalid, match=r"policy.d without policy.yaml"):
        read(text)
    file.with_name("policy.yaml").touch()
    assert read(text).policy_file == file.with_name("policy.yaml")


def test_the_message_key_is_hashed_as_in_zaqar(read: Read) -> None:
    key = base64.b64encode(hashlib.sha256(b"sesame").digest()).decode()
    text = "[transport]\nmessage_encryption_key = sesame\n"
    assert read(text).encryption_keys == (f"zaqar:{key}",)
    assert read(f"{text}message_encryption_algorithms = RSA\n").encryption_keys == ()


def test_an_option_without_a_value_counts_as_absent(read: Read, caplog: pytest.LogCaptureFixture) -> None:
    found = read("[DEFAULT]\nauth_strategy =\n[signed_url]\nsecret_key =\n[cors]\nallowed_origin =\n")
    assert (found.auth_strategy, found.signed_url_key, found.allowed_origins) == ("", None, ())
    assert caplog.messages[0].endswith("here: [signed_url] secret_key")


def test_the_mail_server_is_used_if_zaqar_used_it(read: Read) -> None:
    text = "[notification]\nsmtp_host = mail\nsmtp_port = 465\nsmtp_user_name = u\nsmtp_user_password = p\n"
    found = read(f"{text}smtp_mode = self_local\n")
    assert (found.smtp_host, found.smtp_port, found.smtp_tls) == ("mail", 465, "tls")
    assert (found.smtp_user, found.smtp_password) == ("u", "p")
    assert read(text).smtp_host == "localhost"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "[transport]\nmax_message_ttl = soon\n",
            "[transport] max_message_ttl must be a whole number of seconds",
        ),
        ("[DEFAULT]\nadmin_mode = maybe\n", "[DEFAULT] admin_mode must be true or false"),
        ("[DEFAULT]\nadmin_mode = $none\n", "[DEFAULT] admin_mode refers by $ to an option that does not exist"),
        (
            "[transport]\nmax_message_ttl = 0\n",
            "max_message_ttl must be a whole number of seconds from 1 to 99999999",
        ),
        ("[transport]\nmax_message_ttl = $none\n", "[transport] max_message_ttl refers by $ to an option"),
        ("[cors]\nmax_age = $max_age\n", "[cors] max_age refers by $ to an option that does not exist, or to itself"),
        (
            "[DEFAULT]\nenable_deprecated_api_versions = 3\n",
            "[DEFAULT] enable_deprecated_api_versions must be a list",
        ),
        ("[cors]\nallowed_origin = a.example\n", "[cors] allowed_origin must be a list, each entry scheme://host"),
        ("no section\n", ":1"),
        ("[transport\n", ":1"),
    ],
)
def test_a_wrong_value_is_reported_with_file_and_option(read: Read, file: Path, text: str, reason: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read(text)
    assert str(file) in str(refused.value)
    assert reason in str(refused.value)


def test_all_values_of_a_wrong_type_are_reported_together(read: Read) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        read("[DEFAULT]\npooling = x\n[transport]\nmax_claim_ttl = y\n[cors]\nmax_age = z\n")
    assert [line.rpartition("] ")[2].split()[0] for line in refused.value.problems] == [
        "pooling",
        "max_claim_ttl",
        "max_age",
    ]


def test_a_line_that_cannot_be_parsed_is_named_by_its_number_only(read: Read, file: Path) -> None:
    """It may be the one with a secret."""
    with pytest.raises(SettingsInvalid) as refused:
        read("[signed_url]\nsecret_key hunter2\n")
    assert str(refused.value) == f"{file}:2 is not NAME = VALUE, [SECTION] or a comment"


def test_each_option_has_its_source(read: Read, file: Path) -> None:
    read("[transport]\nmax_message_ttl = 100\nmax_claim_ttl = 200\n")
    found = configuration({"zaqar_config": file, "max_claim_ttl": 300}, {})
    assert str(found.source("max_message_ttl").subject("")) == f"{file}: [transport] max_message_ttl"
    assert str(found.source("max_claim_ttl")) == "flag max_claim_ttl"


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    for file in (tmp_path / "none", tmp_path):
        with pytest.raises(SettingsInvalid, match="flag --zaqar-config: cannot read"):
            load({"zaqar_config": file}, {})
    bad = tmp_path / "bad"
    bad.write_bytes(b"[transport]\n\xff = 1\n")
    with pytest.raises(SettingsInvalid, match="is not UTF-8"):
        load({"zaqar_config": bad}, {})

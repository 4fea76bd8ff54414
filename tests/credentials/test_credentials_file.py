"""The credentials file: what it may say, and what is refused."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zaqar_core.access import credentials_file
from zaqar_core.access.credentials_file import CredentialsInvalid
from zaqar_core.access.reloading import Credentials

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TEXT = f"""
[[users]]
name = "orders"
account = "123456789012"
path = "/services/"
expires = 2999-01-01
policies = ["sender"]
tags = {{ team = "shop" }}
access_keys = [
  {{ id = "AKIDEXAMPLE", secret_access_key = "{SECRET}" }},
  {{ id = "AKIDEXAMPLE2", secret_access_key = "{SECRET}", enabled = false, expires = 2020-01-01T00:00:00Z }},
]
tokens = [{{ token = "a token of some length" }}]

[[issuers]]
url = "https://issuer.example.org"

[[roles]]
name = "worker"
account = "123456789012"
policies = ['{{"Version": "2012-10-17", "Statement": []}}']
[[roles.trust]]
issuer = "https://issuer.example.org"
audiences = ["sqs"]
subjects = ["system:serviceaccount:shop:*"]
"""


def _file(folder: Path, text: str = TEXT, mode: int = 0o600) -> Path:
    file = folder / "credentials.toml"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_key_belongs_to_its_user() -> None:
    directory = credentials_file.parse(TEXT)
    key = directory.keys["AKIDEXAMPLE"]
    assert key.secret == SECRET
    assert key.user.principal.arn == "arn:aws:iam::123456789012:user/services/orders"
    assert key.user.principal.user_name == "orders"
    assert key.user.principal.tags == {"team": "shop"}
    assert key.user.id.startswith("AIDA")
    assert len(key.user.id) == 21
    assert key.is_active(time.time())


def test_a_disabled_or_expired_key_is_not_active() -> None:
    key = credentials_file.parse(TEXT).keys["AKIDEXAMPLE2"]
    assert not key.is_active(0.0)
    assert key.expires == 1_577_836_800
    assert credentials_file.parse(TEXT).keys["AKIDEXAMPLE"].expires == math.inf


def test_no_key_of_a_disabled_user_is_active() -> None:
    key = credentials_file.parse(TEXT.replace('path = "/services/"', "enabled = false")).keys["AKIDEXAMPLE"]
    assert not key.is_active(time.time())


def test_only_the_hash_of_a_token_is_kept() -> None:
    directory = credentials_file.parse(TEXT)
    token = directory.token("a token of some length")
    assert token is not None
    assert token.user.name == "orders"
    assert directory.token("another token of some length") is None
    sha256 = hashlib.sha256(b"a token of some length").hexdigest()
    same = credentials_file.parse(TEXT.replace('token = "a token of some length"', f'token_sha256 = "{sha256}"'))
    assert same.token("a token of some length") is not None


def test_a_role_has_its_trust() -> None:
    role = credentials_file.parse(TEXT).roles["arn:aws:iam::123456789012:role/worker"]
    assert role.id.startswith("AROA")
    assert role.trusts[0].audiences == {"sqs"}


def test_secrets_may_be_in_files_and_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THE_SECRET", SECRET)
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    text = TEXT.replace(f'secret_access_key = "{SECRET}" }}', 'secret_access_key_file = "secret" }')
    text = text.replace(f'secret_access_key = "{SECRET}", en', 'secret_access_key = "env:THE_SECRET", en')
    files: list[Path] = []
    directory = credentials_file.load(_file(tmp_path, text), files)
    assert [directory.keys[name].secret for name in ("AKIDEXAMPLE", "AKIDEXAMPLE2")] == [SECRET, SECRET]
    assert files == [tmp_path / "credentials.toml", tmp_path / "secret"]


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user")
@pytest.mark.parametrize(("mode", "is_accepted"), [(0o640, True), (0o440, True), (0o660, False), (0o644, False)])
def test_a_file_of_another_user_may_be_readable_by_its_group(tmp_path: Path, mode: int, is_accepted: bool) -> None:
    """As root gives one to a service, and Kubernetes mounts a Secret."""
    file = _file(tmp_path, mode=mode)
    os.chown(file, 12345, os.getegid())
    with contextlib.nullcontext() if is_accepted else pytest.raises(CredentialsInvalid, match="other users"):
        credentials_file.load(file, [])


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(CredentialsInvalid, match="chmod 600"):
        credentials_file.load(_file(tmp_path, mode=mode), [])


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('name = "orders"', 'name = "or ders"', r"\$.users\[0\].name"),
        ('account = "123456789012"', 'account = "1234"', r"\$.users\[0\].account"),
        ('path = "/services/"', 'path = "services"', r"\$.users\[0\].path"),
        ('path = "/services/"', 'pth = "/"', "unknown field `pth`"),
        ('"sender"', '"sendr"', "policy 1: 'sendr' is not a preset"),
        ('"sender"', '"none.json"', "cannot read none.json"),
        ('"sender"', "'{'", "policy 1: the document is not valid JSON"),
        (f'secret_access_key = "{SECRET}"', 'secret_access_key = "short"', "at least 16 characters"),
        (f'secret_access_key = "{SECRET}"', 'secret_access_key = "ein Schlüssel mit Umlaut"', "all of ASCII"),
        (f'secret_access_key = "{SECRET}"', 'secret_access_key = "env:NOT_SET"', "NOT_SET is not set"),
        (f'secret_access_key = "{SECRET}"', "enabled = true", "give either secret_access_key or"),
        ('id = "AKIDEXAMPLE2"', 'id = "AKIDEXAMPLE"', "AKIDEXAMPLE is listed twice"),
        ('id = "AKIDEXAMPLE2"', 'id = "ASIAEXAMPLE2"', "temporary credentials"),
        ("access_keys = [", f'access_keys = [{{ id = "A03", secret_access_key = "{SECRET}" }},', "more than 2"),
        ('issuer = "https://issuer.example.org"', 'issuer = "https://other.example.org"', "is not in"),
        ("[[issuers]]", "[[issuers", "is not valid TOML"),
        (f'"{SECRET}", en', f"{SECRET}, en", "is not valid TOML"),
    ],
)
def test_errors_name_the_place_and_no_secret(before: str, after: str, reason: str) -> None:
    assert before in TEXT
    with pytest.raises(CredentialsInvalid, match=reason) as refused:
        credentials_file.parse(TEXT.replace(before, after, 1))
    assert SECRET[:8] not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_change_is_read_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sqs_facade")
    credentials = Credentials(_file(tmp_path))
    assert not credentials.check()
    _file(tmp_path, TEXT.replace("AKIDEXAMPLE2", "AKIDOTHER"))
    assert credentials.check()
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert "AKIDOTHER" in credentials.directory.keys
    assert not credentials.check()


def test_a_change_of_a_policy_file_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text('{"Version": "2012-10-17", "Statement": []}')
    credentials = Credentials(_file(tmp_path, TEXT.replace('"sender"', '"one.json"')))
    (tmp_path / "one.json").write_text('{"Version": "2008-10-17", "Statement": []}')
    assert credentials.check()


@pytest.mark.parametrize("broken", ["[[users", TEXT.replace('"sender"', '"late.json"'), None])
def test_a_broken_file_keeps_the_last_version_and_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: str | None
) -> None:
    file = _file(tmp_path)
    credentials = Credentials(file)
    before = credentials.directory
    if broken is None:
        file.unlink()
    else:
        file.write_text(broken)
    with caplog.at_level(logging.ERROR):
        assert [credentials.check() for _ in range(3)] == [False] * 3
    assert len(caplog.records) == 1
    assert "the previous version stays in force" in caplog.text
    assert credentials.directory is before
    (tmp_path / "late.json").write_text('{"Version": "2012-10-17", "Statement": []}')
    if broken is None or "late" not in broken:
        _file(tmp_path)
    assert credentials.check()


@given(st.data())
def test_no_text_makes_the_reader_fail_in_another_way(data: st.DataObject) -> None:
    """Any change of a valid file, and any text, is read or refused with CredentialsInvalid."""
    start = data.draw(st.integers(0, len(TEXT)))
    end = data.draw(st.integers(start, min(len(TEXT), start + 30)))
    words = st.sampled_from(
        ['"', "'", "[", "]", "{", "}", "=", "\n", "\\u0000", "1", "true", "0001-01-01T00:00:00+23:59"]
    )
    inserted = data.draw(st.one_of(st.text(max_size=20), st.lists(words, max_size=5).map("".join)))
    reason = ""
    try:
        credentials_file.parse(TEXT[:start] + inserted + TEXT[end:])
    except CredentialsInvalid as problem:
        reason = str(problem)
    assert SECRET not in reason

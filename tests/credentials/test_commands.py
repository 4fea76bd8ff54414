"""The commands ``sqs-facade credentials …``."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sqs_facade import credentials_editing
from sqs_facade.cli import main
from zaqar_core.access import credentials_file
from zaqar_core.access.directory import Directory

ACCOUNT = "123456789012"
Run = Callable[..., Result]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "conf" / "credentials.toml"


@pytest.fixture
def run(file: Path) -> Run:
    """Run a command on the file; check that it succeeds."""

    def runs(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, ["credentials", *arguments, "--credentials-file", str(file)])
        assert result.exit_code == code, result.output
        return result

    return runs


def _directory(file: Path) -> Directory:
    return credentials_file.load(file, [])


def _shown(result: Result) -> dict[str, str]:
    return dict(line.split("=", 1) for line in result.stdout.splitlines())


def test_add_creates_the_file_and_shows_the_secret(run: Run, file: Path) -> None:
    shown = _shown(run("add", "orders", "--account", ACCOUNT, "--policy", "sender", "--path", "/a/", "--tag", "b=c"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = _directory(file).keys[shown["AWS_ACCESS_KEY_ID"]]
    assert key.secret == shown["AWS_SECRET_ACCESS_KEY"]
    assert key.user.principal.arn == f"arn:aws:iam::{ACCOUNT}:user/a/orders"
    assert key.user.principal.tags == {"b": "c"}


def test_only_the_hash_of_a_new_token_is_stored(run: Run, file: Path) -> None:
    shown = _shown(run("add", "orders", "--account", ACCOUNT, "--policy", "sender", "--token"))
    assert _directory(file).token(shown["X_AUTH_TOKEN"]) is not None
    assert shown["X_AUTH_TOKEN"] not in file.read_text()


def test_a_policy_is_a_preset_or_a_file(run: Run, file: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"Version": "2012-10-17", "Statement": []}')
    run("add", "one", "--account", ACCOUNT, "--policy", str(policy), "--policy", "observer")
    _directory(file)
    assert str(policy) in file.read_text()
    assert "neither one of" in run("add", "two", "--account", ACCOUNT, "--policy", "sendr", code=1).stderr


def test_rotation_keeps_the_old_key_until_it_is_finished(run: Run, file: Path) -> None:
    old = _shown(run("add", "orders", "--account", ACCOUNT, "--policy", "sender"))["AWS_ACCESS_KEY_ID"]
    new = json.loads(run("rotate", "orders", "--format", "json").stdout)["AWS_ACCESS_KEY_ID"]
    assert set(_directory(file).keys) == {old, new}
    assert "--finish" in run("rotate", "orders", code=1).stderr
    assert old in run("rotate", "orders", "--finish").output
    assert set(_directory(file).keys) == {new}
    assert "no old access key" in run("rotate", "orders", "--finish").output


def test_users_and_keys_are_disabled_enabled_and_removed(run: Run, file: Path) -> None:
    key = _shown(run("add", "orders", "--account", ACCOUNT, "--policy", "sender"))["AWS_ACCESS_KEY_ID"]
    run("disable", "orders", "--key", key)
    assert not _directory(file).keys[key].is_active(0.0)
    run("enable", "orders", "--key", key)
    assert _directory(file).keys[key].is_active(0.0)
    run("disable", "orders")
    assert not _directory(file).keys[key].is_active(0.0)
    run("remove", "orders", "--key", key)
    assert not _directory(file).keys
    run("remove", "orders")
    assert not _directory(file).users
    assert "there is no user orders" in run("remove", "orders", code=1).stderr


def test_list_shows_no_secret(run: Run) -> None:
    shown = _shown(run("add", "orders", "--account", ACCOUNT, "--policy", "sender", "--token"))
    for form in ("table", "json"):
        listed = run("list", "--format", form).output
        assert shown["AWS_ACCESS_KEY_ID"] in listed
        assert shown["AWS_SECRET_ACCESS_KEY"] not in listed
        assert shown["X_AUTH_TOKEN"] not in listed


def test_a_name_in_two_accounts_needs_the_account(run: Run, file: Path) -> None:
    for account in (ACCOUNT, "210987654321"):
        run("add", "orders", "--account", account, "--policy", "sender")
    assert "name one with --account" in run("remove", "orders", code=1).stderr
    run("remove", "orders", "--account", ACCOUNT)
    assert [user.account for user in _directory(file).users.values()] == ["210987654321"]


@pytest.mark.parametrize("inline", [False, True])
def test_comments_and_other_entries_are_kept(run: Run, file: Path, inline: bool) -> None:
    key = 'id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"'
    keys = f"access_keys = [{{ {key} }}]" if inline else "[[users.access_keys]]\n" + key.replace(", ", "\n")
    file.parent.mkdir()
    file.write_text(
        f'# Ours.\n[[users]]\nname = "orders" # a comment\naccount = "{ACCOUNT}"\n{keys}\n\n'
        '[[issuers]]\nurl = "https://issuer.example.org"\n'
    )
    file.chmod(0o600)
    run("rotate", "orders")
    run("add", "two", "--account", ACCOUNT, "--policy", "admin")
    text = file.read_text()
    assert "# Ours." in text
    assert 'name = "orders" # a comment' in text
    directory = _directory(file)
    assert len(directory.keys) == 3
    assert "https://issuer.example.org" in directory.issuers
    run("remove", "orders", "--key", "AKIDEXAMPLE")
    assert len(_directory(file).keys) == 2


def test_an_invalid_change_leaves_the_file_as_it_was(run: Run, file: Path) -> None:
    run("add", "orders", "--account", ACCOUNT, "--policy", "sender")
    before = file.read_bytes()
    assert "account" in run("add", "two", "--account", "12", "--policy", "sender", code=1).stderr
    run("add", "orders", "--account", ACCOUNT, "--policy", "sender", code=1)
    assert file.read_bytes() == before
    file.write_text("[[users")
    assert "is not valid TOML" in run("rotate", "orders", code=1).stderr
    assert file.read_text() == "[[users"
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_secret_that_only_the_service_can_read_does_not_prevent_an_edit(run: Run, file: Path) -> None:
    file.parent.mkdir()
    file.write_text(
        f'[[users]]\nname = "a"\naccount = "{ACCOUNT}"\npolicies = ["none.json"]\n'
        'access_keys = [{ id = "AKIDEXAMPLE", secret_access_key = "env:NOT_SET" }]\n'
    )
    run("add", "two", "--account", ACCOUNT, "--policy", "sender")
    assert "env:NOT_SET" in file.read_text()


def test_edits_at_the_same_time_are_all_kept(file: Path) -> None:
    def add(number: int) -> None:
        with credentials_editing.editing(file) as users:
            users.add_key(users.add(f"user-{number}", ACCOUNT))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(16)))
    assert len(_directory(file).keys) == 16


def test_a_link_to_the_file_stays_a_link(run: Run, file: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.toml"
    file.parent.mkdir()
    file.symlink_to(target)
    run("add", "orders", "--account", ACCOUNT, "--policy", "sender")
    assert file.is_symlink()
    assert target.is_file()


def test_profiles_of_aws_are_imported(run: Run, file: Path, tmp_path: Path) -> None:
    source = tmp_path / "credentials"
    source.write_text(
        "[default]\naws_access_key_id = AKIAONE\naws_secret_access_key = secret-of-one-1234567890\n"
        "[profile my team]\naws_access_key_id=AKIATWO\naws_secret_access_key=secret-of-two-%1234567890\n"
        "[short]\naws_access_key_id=ASIATHREE\naws_secret_access_key=x\naws_session_token=y\n[empty]\nregion=x\n"
    )
    result = run("import", str(source), "--account", ACCOUNT, "--policy", "admin")
    keys = _directory(file).keys
    assert {key.user.name: key.secret for key in keys.values()} == {
        "default": "secret-of-one-1234567890",
        "my-team": "secret-of-two-%1234567890",
    }
    assert "secret-of" not in result.output


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("\ufeffAccess key ID,Secret access key\r\nAKIAONE,secret-of-one-1234567890\r\n", "orders_accessKeys"),
        (
            "User name,Password,Access key ID,Secret access key,Console login link\n"
            "bob,,AKIAONE,secret-of-one-1234567890,https://example.org\n",
            "bob",
        ),
    ],
)
def test_a_csv_of_iam_is_imported(run: Run, file: Path, tmp_path: Path, text: str, name: str) -> None:
    source = tmp_path / "orders_accessKeys.csv"
    source.write_text(text)
    run("import", str(source), "--account", ACCOUNT, "--policy", "admin")
    [key] = _directory(file).keys.values()
    assert (key.id, key.user.name, key.secret) == ("AKIAONE", name, "secret-of-one-1234567890")
    run("import", str(source), "--account", ACCOUNT, "--policy", "admin", code=1)  # the key is known already


def test_a_file_without_keys_is_refused(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "x"
    source.write_text("nothing")
    assert "neither" in run("import", str(source), "--account", ACCOUNT, "--policy", "admin", code=1).stderr


def test_a_command_without_a_file_says_how_to_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SQS_FACADE_CREDENTIALS_FILE", raising=False)
    result = CliRunner().invoke(main, ["credentials", "list"])
    assert result.exit_code == 1
    assert "--credentials-file" in result.stderr

"""Which access keys are accepted, and from when on."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.credentials.conftest import written
from tests.credentials.signing import ACCOUNT, KEY, SECRET, USER, credentials, signed, verifier
from tests.credentials.verifying import MOMENT, NOW, URL, refusal, verify
from zaqar_core.access import canonical, signing_keys, verification
from zaqar_core.access.refusals import Reason
from zaqar_core.access.reloading import Credentials


def test_an_unknown_key_is_refused(known: Credentials) -> None:
    url, headers = signed("POST", URL, moment=MOMENT, key="AKIDOTHER")
    refused = refusal(verifier(known, NOW), "POST", url, headers)
    assert (refused.reason, refused.message) == (
        Reason.UNKNOWN_KEY, "The security token included in the request is invalid.",
    )  # fmt: skip


@pytest.mark.parametrize("target", ["", "/a//b/../c", "?b=%7E&a=+"])
def test_an_unknown_key_costs_the_operations_of_a_wrong_signature(
    known: Credentials, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    counted: list[str] = []

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted_call(*given: Any, **more: Any) -> Any:
            counted.append(name)
            return function(*given, **more)

        return counted_call

    for place, name in (
        (signing_keys.SigningKey, "__init__"), (signing_keys.SigningKey, "sign"), (hmac, "digest"),
        (hmac, "compare_digest"), (canonical, "normal_path"), (verification, "note_refusal"),
    ):  # fmt: skip
        monkeypatch.setattr(place, name, counting(name, getattr(place, name)))
    seen = []
    for signing in ({"key": "AKIDOTHER"}, {"secret": "x" * 40}, {"token": "AQoDYXdzEJr"}):
        url, headers = signed("POST", f"http://Queues.example.org{target or '/'}", moment=MOMENT, **signing)  # type: ignore[arg-type]
        counted.clear()
        refusal(verifier(known, NOW), "POST", url, headers)
        seen.append(list(counted))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0].count("compare_digest") >= 2


@pytest.mark.parametrize("change", ["enabled = false", "expires = 2026-01-01T00:00:00Z"], ids=["disabled", "expired"])
@pytest.mark.parametrize("of", ["key", "user"])
def test_a_key_that_is_not_active_is_refused(tmp_path: Path, change: str, of: str) -> None:
    after = f'secret_access_key = "{SECRET}"' if of == "key" else f'account = "{ACCOUNT}"'
    text = USER.replace(after, f"{after}, {change}" if of == "key" else f"{after}\n{change}")
    url, headers = signed("POST", URL, moment=MOMENT)
    assert refusal(verifier(credentials(tmp_path, text), NOW), "POST", url, headers).reason is Reason.UNKNOWN_KEY


def test_a_removed_key_is_refused_and_a_new_one_accepted_at_once(tmp_path: Path) -> None:
    known = credentials(tmp_path)
    one = verifier(known, NOW)
    (tmp_path / "credentials.toml").write_text(USER.replace(KEY, "AKIDNEW"))
    url, headers = signed("POST", URL, moment=MOMENT, key="AKIDNEW")
    assert verify(one, "POST", url, headers) is not None  # the file is read because the key is not known yet
    url, headers = signed("POST", URL, moment=MOMENT)
    assert refusal(one, "POST", url, headers).reason is Reason.UNKNOWN_KEY


def test_a_version_that_another_request_has_read_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = credentials(tmp_path)
    one, check = verifier(known, NOW), known.check
    (tmp_path / "credentials.toml").write_text(USER.replace(KEY, "AKIDNEW"))

    def overtaken() -> bool:
        check()
        return check()

    monkeypatch.setattr(known, "check", overtaken)
    url, headers = signed("POST", URL, moment=MOMENT, key="AKIDNEW")
    assert verify(one, "POST", url, headers) is not None


def test_a_new_secret_of_a_key_counts_at_once(tmp_path: Path) -> None:
    known = credentials(tmp_path)
    one, secret = verifier(known, NOW), "x" * 40
    (tmp_path / "credentials.toml").write_text(USER.replace(SECRET, secret))
    url, headers = signed("POST", URL, moment=MOMENT, secret=secret)
    assert verify(one, "POST", url, headers) is not None
    url, headers = signed("POST", URL, moment=MOMENT)
    assert refusal(one, "POST", url, headers).reason is Reason.MISMATCH


def test_a_new_key_is_not_logged_as_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file may be newer than what the process has read, which it finds out before it refuses the key."""
    reading = credentials(tmp_path)
    one = verifier(reading, NOW)
    logged: list[object] = []
    monkeypatch.setattr(verification, "note_refusal", lambda what, *_: logged.append(what))
    url, headers = signed("POST", URL, moment=MOMENT, key="AKIDNEWKEY")
    refused = refusal(one, "POST", url, headers)
    assert (refused.reason, len(logged)) == (Reason.UNKNOWN_KEY, 1)
    written(tmp_path, USER.replace(KEY, "AKIDNEWKEY"))
    assert verify(one, "POST", url, headers) is not None
    assert len(logged) == 1

"""Signing keys, with the standard library's HMAC as the oracle, and the canonical headers that they sign."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.credentials.signing import credentials, environ, signed, verifier
from zaqar_core.access import canonical
from zaqar_core.access.refusals import Reason, SignatureRefused
from zaqar_core.access.signatures import Claim, Scope, signed_headers
from zaqar_core.access.signing_keys import SigningKey, SigningKeys

MOMENT = datetime(2026, 1, 1, 0, 0, 0, tzinfo=UTC)


@settings(max_examples=30)
@given(st.binary(min_size=32, max_size=32), st.text(max_size=80), st.binary(max_size=300))
def test_a_signature_is_the_hmac_of_the_text_to_sign(key: bytes, scope: str, request: bytes) -> None:
    text = f"AWS4-HMAC-SHA256\n20260101T000000Z\n{scope}\n{hashlib.sha256(request).hexdigest()}".encode()
    one = SigningKey(key, scope)
    assert one.sign("20260101T000000Z", request) == hmac.new(key, text, "sha256").hexdigest()
    assert one.sign("20260101T000000Z", request) == hmac.new(key, text, "sha256").hexdigest()


def test_each_secret_day_region_and_service_has_its_own_key() -> None:
    keys, first = SigningKeys(), Scope("AKID", "20260101", "us-east-1", "sqs")
    scopes = [
        ("a", first),
        ("b", first),
        ("a", Scope("AKID", "20260102", "us-east-1", "sqs")),
        ("a", Scope("AKID", "20260101", "eu-west-1", "sqs")),
        ("a", Scope("AKID", "20260101", "us-east-1", "sts")),
    ]
    assert len({keys.of(secret, scope).sign("m", b"") for secret, scope in scopes}) == len(scopes)
    assert keys.of("a", first) is keys.of("a", Scope("AKIDOTHER", "20260101", "us-east-1", "sqs"))


@pytest.mark.parametrize("signature", ["", "é" * 64, "\N{FULLWIDTH DIGIT ZERO}" * 64, "0" * 63, "0" * 65])
def test_a_signature_of_other_characters_or_of_another_length_is_wrong(tmp_path: Path, signature: str) -> None:
    """``hmac.compare_digest`` raises TypeError for a text that is not ASCII."""
    url, headers = signed("GET", "http://h.example/?Action=ListQueues", moment=MOMENT, expires=60)
    kept, _, _ = url.partition("&X-Amz-Signature=")
    given_url = "".join(f"%{byte:02X}" for byte in signature.encode())
    target = f"/?{kept.partition('?')[2]}&X-Amz-Signature={given_url}"
    with pytest.raises(SignatureRefused) as found:
        verifier(credentials(tmp_path), MOMENT.timestamp()).verify("GET", environ(target, headers), b"", service="sqs")
    assert found.value.reason is (Reason.MISMATCH if signature else Reason.INCOMPLETE)


@pytest.mark.parametrize(
    ("names", "headers", "expected"),
    [
        ("host;x-a", {"Host": "h", "X-A": "1"}, "host:h\nx-a:1\n"),
        ("host", {"Host": "h"}, "host:h\n"),
        ("host;x-a", {"Host": "h", "X-A": " a   b\t c "}, "host:h\nx-a:a b c\n"),
        ("host;x-a", {"Host": "h", "X-A": "a: b"}, "host:h\nx-a:a: b\n"),
        ("host;x-a", {"Host": "h"}, "host:h\nx-a:\n"),
        ("x-a", {"X-A": "1"}, "x-a:1\n"),
        ("host;x_a", {"Host": "h", "X_A": "1"}, "host:h\nx_a:\n"),
        ("host;x-%s;x-100%", {"Host": "h", "X-%s": "%d", "X-100%": "%%"}, "host:h\nx-%s:%d\nx-100%:%%\n"),
    ],
)
def test_canonical_headers_are_those_of_the_request(names: str, headers: dict[str, str], expected: str) -> None:
    claim = Claim(Scope("k", "d", "r", "s"), signed_headers(names), "", "", 0, None, None)
    found = canonical.probable(claim, "POST", environ("/", headers), "hash")
    assert found == f"POST\n/\n\n{expected}\n{names}\nhash".encode()

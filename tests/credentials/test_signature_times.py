"""The time of a signature, and how long it is valid."""

from __future__ import annotations

import pytest

from tests.credentials.signing import signed, verifier
from tests.credentials.verifying import MOMENT, NOW, URL, refusal, verify
from zaqar_core.access.refusals import Reason
from zaqar_core.access.reloading import Credentials


def test_an_old_signature_is_refused_in_the_words_of_aws(known: Credentials) -> None:
    url, headers = signed("POST", URL, moment=MOMENT)
    late = NOW + 25 * 60
    assert refusal(verifier(known, late), "POST", url, headers).message == (
        "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z (20260101T002500Z - 15 min.)"
    )


def test_a_signature_of_the_future_is_refused_in_the_words_of_aws(known: Credentials) -> None:
    url, headers = signed("POST", URL, moment=MOMENT)
    assert refusal(verifier(known, NOW - 20 * 60), "POST", url, headers).message == (
        "Signature not yet current: 20260101T000000Z is still later than 20251231T235500Z (20251231T234000Z + 15 min.)"
    )


@pytest.mark.parametrize("minutes", [-15, 0, 15])
def test_fifteen_minutes_of_skew_are_accepted(known: Credentials, minutes: int) -> None:
    url, headers = signed("POST", URL, moment=MOMENT)
    assert verify(verifier(known, NOW + 60 * minutes), "POST", url, headers) is not None


def test_a_pre_signed_url_is_valid_for_its_time(known: Credentials) -> None:
    url, headers = signed("GET", URL, moment=MOMENT, expires=3600)
    assert verify(verifier(known, NOW + 3600), "GET", url, headers) is not None
    assert refusal(verifier(known, NOW + 3601), "GET", url, headers).message == (
        "Signature expired: 20260101T000000Z is now earlier than 20260101T000001Z (20260101T010001Z - 60 min.)"
    )


@pytest.mark.parametrize(
    ("expires", "message"), [("604801", "less than a week"), ("-1", "non-negative"), ("x", "should be a number")]
)
def test_a_wrong_validity_is_refused(known: Credentials, expires: str, message: str) -> None:
    url, headers = signed("GET", URL, moment=MOMENT, expires=60)
    refused = refusal(verifier(known, NOW), "GET", url.replace("Expires=60", f"Expires={expires}"), headers)
    assert refused.reason is Reason.INCOMPLETE
    assert message in refused.message


def test_the_date_header_serves_without_x_amz_date(known: Credentials) -> None:
    url, headers = signed("POST", URL, headers={"Date": "now"}, moment=MOMENT)
    assert "X-Amz-Date" not in headers
    assert verify(verifier(known, NOW), "POST", url, headers) is not None


def test_x_amz_date_takes_precedence_over_date(known: Credentials) -> None:
    url, headers = signed("POST", URL, moment=MOMENT)
    headers["Date"] = "Mon, 01 Jan 2001 00:00:00 GMT"
    assert verify(verifier(known, NOW), "POST", url, headers) is not None

"""Verification of signatures, with botocore's signer as the oracle: what is signed, scope and headers."""

from __future__ import annotations

import contextlib
from urllib.parse import quote, unquote_to_bytes, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.credentials.signing import KEY, environ, signed, verifier
from tests.credentials.verifying import MOMENT, NOW, URL, WRONG, refusal, verify
from zaqar_core.access import signatures
from zaqar_core.access.refusals import Reason, SignatureRefused
from zaqar_core.access.reloading import Credentials
from zaqar_core.access.verification import Verified

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
UNRESERVED = "abcXYZ019-._~%2F%41%C3%A9/!$'()*,;:@="
HEADER_VALUE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    path=st.lists(st.sampled_from(UNRESERVED), max_size=12).map("".join),
    query=st.lists(st.tuples(TEXT, TEXT), max_size=4),
    headers=st.dictionaries(
        st.from_regex(r"x-[a-z]{1,8}", fullmatch=True), st.lists(HEADER_VALUE, min_size=1, max_size=3), max_size=3
    ),
    body=st.binary(max_size=64),
    expires=st.sampled_from([None, 60, 604_800]),
)
def test_what_botocore_signs_is_accepted(
    known: Credentials,
    method: str,
    path: str,
    query: list[tuple[str, str]],
    headers: dict[str, list[str]],
    body: bytes,
    expires: int | None,
) -> None:
    """Any path, query, header and body, by header and pre-signed."""
    pairs = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query if name)
    url = f"http://queues.example.org:9324/{path}" + (f"?{pairs}" if pairs else "")
    if expires is not None:
        body = b""  # botocore moves a form's body into the query
        if len({name for name, _ in query}) < len(query):
            query = []
    given = {name: "  ".join(values) for name, values in headers.items()}
    url, sent = signed(method, url, body, given, moment=MOMENT, expires=expires)
    assert verify(verifier(known, NOW), method, url, sent, body) is not None


def _parts(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0"}


@pytest.mark.parametrize("position", range(0, 64, 7))
def test_a_changed_signature_is_refused(known: Credentials, position: int) -> None:
    url, headers = signed("POST", URL, b"{}", _parts({}), moment=MOMENT)
    value = headers["Authorization"]
    at = len(value) - 64 + position
    headers["Authorization"] = value[:at] + ("0" if value[at] != "0" else "1") + value[at + 1 :]
    refused = refusal(verifier(known, NOW), "POST", url, headers, b"{}")
    assert refused.reason is Reason.MISMATCH
    assert refused.message.startswith(WRONG)


@pytest.mark.parametrize(
    "change",
    [
        {"Host": "other.example.org:9324"},
        {"Host": "queues.example.org:9325"},
        {"Host": "queues.example.org"},
        {"X-Amz-Date": "20260101T000001Z"},
        {"X-Amz-Target": "AmazonSQS.DeleteQueue"},
        {"Content-Type": "application/x-amz-json-1.1"},
        {"body": "[]"},
        {"method": "PUT"},
        {"url": URL.replace("orders", "others")},
        {"url": URL.replace("SendMessage", "PurgeQueue")},
        {"url": URL.replace("%20", "%21")},
        {"url": URL + "&More=1"},
        {"url": URL.partition("&")[0]},
        {"X-Amz-Content-Sha256": "0" * 64},
        {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"},
    ],
    ids=str,
)
def test_a_change_of_any_signed_part_is_refused(known: Credentials, change: dict[str, str]) -> None:
    url, headers = signed("POST", URL, b"{}", _parts({}), moment=MOMENT)
    method, url = change.get("method", "POST"), change.get("url", url)
    headers |= {name: value for name, value in change.items() if name[0].isupper()}
    refused = refusal(verifier(known, NOW), method, url, headers, change.get("body", "{}").encode())
    assert refused.reason is Reason.MISMATCH
    assert refused.message.startswith(WRONG)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_change_of_a_pre_signed_query_is_accepted(known: Credentials, data: st.DataObject) -> None:
    """Each character of the query is signed: another one in its place, none, or one more is refused."""
    url, headers = signed("GET", URL, moment=MOMENT, expires=60)
    start = url.index("?") + 1
    at = data.draw(st.integers(start, len(url) - 1))
    inserted = data.draw(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=2))
    changed = url[:at] + inserted + url[at + data.draw(st.integers(0, 2)) :]
    if _meaning(changed) != _meaning(url):
        accepted: Verified | None = None
        with contextlib.suppress(SignatureRefused):
            accepted = verify(verifier(known, NOW), "GET", changed, headers)
        assert accepted is None, changed


def _meaning(url: str) -> object:
    """What a query says: escapes that need not be there say the same."""
    pairs = [pair.partition("=") for pair in urlsplit(url).query.replace("+", " ").split("&") if pair]
    return sorted((unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs)


@pytest.mark.hypothesis
def test_fuzzed_headers_are_refused_and_nothing_else(known: Credentials) -> None:
    """Whatever a client sends as its signature, the result is a refusal, or that the request is not signed."""
    one = verifier(known, NOW)
    words = st.sampled_from([
        "AWS4-HMAC-SHA256", " ", ",", "Credential=", "SignedHeaders=", "Signature=", "host", ";", "x-amz-date",  "/",
        "=",
        f"{KEY}/20260101/us-east-1/sqs/aws4_request", "20260101T000000Z", "a" * 64, "&", "X-Amz-Algorithm=", "%",
        "X-Amz-Credential=", "X-Amz-Signature=", "X-Amz-Date=", "X-Amz-Expires=", "X-Amz-SignedHeaders=", "-1", "é",
        "X-Amz-Security-Token=", "\x00", "\x85", "99991399T999999Z", "00000000T000000Z",
    ])  # fmt: skip
    texts = st.one_of(st.lists(words, max_size=14).map("".join), st.text(st.characters(max_codepoint=255), max_size=40))

    @given(header=st.none() | texts, date=st.none() | texts, query=texts, token=st.none() | texts, http_date=texts)
    def check(header: str | None, date: str | None, query: str, token: str | None, http_date: str) -> None:
        sent = {"Host": "h", "Authorization": header, "X-Amz-Date": date, "X-Amz-Security-Token": token}
        headers = {name: value for name, value in {**sent, "Date": http_date}.items() if value is not None}
        try:
            found = one.verify("POST", environ(f"/?{query}", headers), b"", service="sqs")
        except SignatureRefused:
            found = None
        assert found is None

    check()


def test_another_region_is_refused(known: Credentials) -> None:
    url, headers = signed("POST", URL, moment=MOMENT, region="eu-west-1")
    refused = refusal(verifier(known, NOW), "POST", url, headers)
    assert (refused.reason, refused.message) == (
        Reason.MISMATCH, "Credential should be scoped to a valid region.",
    )  # fmt: skip
    listed = verifier(known, NOW, signing_regions=("eu-west-1",))
    verified = verify(listed, "POST", url, headers)
    assert verified is not None
    assert verified.region == "eu-west-1"
    assert verify(verifier(known, NOW, signing_regions=("*",)), "POST", url, headers) is not None
    refusal(listed, "POST", url, headers, host_region="us-east-1")


def test_another_service_is_refused(known: Credentials) -> None:
    url, headers = signed("POST", URL, moment=MOMENT, service="s3")
    assert refusal(verifier(known, NOW), "POST", url, headers).message == (
        "Credential should be scoped to correct service: 'sqs'."
    )


def test_a_scope_of_another_day_is_refused(known: Credentials) -> None:
    url, headers = signed("POST", URL, moment=MOMENT)
    headers["X-Amz-Date"] = "20251231T235959Z"
    assert refusal(verifier(known, NOW), "POST", url, headers).message.startswith(
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        "'20260101' != '20251231'"
    )


def test_host_must_be_signed(known: Credentials) -> None:
    url, headers = signed("POST", URL, moment=MOMENT)
    headers["Authorization"] = headers["Authorization"].replace("host;", "")
    assert refusal(verifier(known, NOW), "POST", url, headers).message == (
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    )


def test_the_operation_must_be_signed(known: Credentials) -> None:
    url, headers = signed("POST", URL, moment=MOMENT)
    headers["X-Amz-Target"] = "AmazonSQS.DeleteQueue"
    assert "'X-Amz-Target' must be" in refusal(verifier(known, NOW), "POST", url, headers).message


@pytest.mark.parametrize(
    ("signed_host", "sent"),
    [("queues.example.org", "queues.example.org:80"), ("queues.example.org", "Queues.Example.org")],
)
def test_a_default_port_and_capitals_in_host_do_not_matter(known: Credentials, signed_host: str, sent: str) -> None:
    url, headers = signed("POST", f"http://{signed_host}/", moment=MOMENT)
    headers["Host"] = sent
    assert verify(verifier(known, NOW), "POST", url, headers) is not None


def test_a_proxy_may_remove_the_base_path(known: Credentials) -> None:
    url, headers = signed("POST", "http://queues.example.org/base/123456789012/orders", moment=MOMENT)
    one = verifier(known, NOW, public_url="http://queues.example.org/base")
    assert verify(one, "POST", url, headers) is not None
    assert verify(one, "POST", url.replace("/base", ""), headers) is not None
    refusal(one, "POST", url.replace("/base", "/other"), headers)


def test_an_unsigned_payload_needs_tls_and_permission(known: Credentials) -> None:
    url, headers = signed("POST", URL, b"{}", {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, moment=MOMENT)
    allowing = verifier(known, NOW, allow_unsigned_payload=True)
    assert verify(allowing, "POST", url, headers, b"{}", scheme="https") is not None
    refusal(allowing, "POST", url, headers, b"{}")
    refusal(verifier(known, NOW), "POST", url, headers, b"{}", scheme="https")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("", "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature'"),
        ("Bearer token", "Authorization header requires 'Credential' parameter."),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature", "missing equal-sign"),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host", "requires 'Signature' parameter."),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d, SignedHeaders=host, Signature=b", "exactly 5 slash-delimited elements"),
        ("AWS4-HMAC-SHA25 Credential=a/b/c/d/e, SignedHeaders=host, Signature=b", "Unsupported AWS 'algorithm'"),
    ],
)
def test_a_malformed_header_is_incomplete(known: Credentials, header: str, message: str) -> None:
    headers = {"Host": "h", "X-Amz-Date": "20260101T000000Z", "Authorization": header}
    refused = refusal(verifier(known, NOW), "POST", URL, headers)
    assert refused.reason is Reason.INCOMPLETE
    assert message in refused.message
    assert "token" not in refused.message.replace("Authorization", "")


@pytest.mark.parametrize("separator", [", ", ",", " ", ",  "])
def test_parameters_may_be_separated_in_any_way(known: Credentials, separator: str) -> None:
    url, headers = signed("POST", URL, moment=MOMENT)
    headers["Authorization"] = headers["Authorization"].replace(", ", separator)
    assert verify(verifier(known, NOW), "POST", url, headers) is not None


@pytest.mark.parametrize("date", ["2026-01-01T00:00:00Z", "20260101", "20261301T000000Z", ""])
def test_a_malformed_date_is_incomplete(known: Credentials, date: str) -> None:
    url, headers = signed("POST", URL, moment=MOMENT)
    headers["X-Amz-Date"] = date
    refused = refusal(verifier(known, NOW), "POST", url, headers)
    assert (refused.reason, refused.message) == (
        Reason.INCOMPLETE,
        f"Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601",
    )


def test_a_header_and_a_query_at_once_are_refused(known: Credentials) -> None:
    url, headers = signed("GET", URL, moment=MOMENT, expires=60)
    headers["Authorization"] = "AWS4-HMAC-SHA256 x"
    assert refusal(verifier(known, NOW), "GET", url, headers).message.startswith("Found both")


def test_a_value_that_looks_like_a_pre_signed_query_is_none(known: Credentials) -> None:
    url, headers = signed("GET", f"{URL}&Body=X-Amz-Algorithm=", moment=MOMENT)
    assert verify(verifier(known, NOW), "GET", url, headers) is not None


def test_a_request_without_a_signature_has_no_caller(known: Credentials) -> None:
    assert verify(verifier(known, NOW), "GET", URL, {"Host": "h"}) is None


@pytest.mark.parametrize(
    "tail", ["0" * 64, "A" * 64, "0" * 57 + ", a=b c", " " * 64, "é" * 64, "=" * 64, "0" * 63 + ","]
)
def test_a_header_that_is_partly_known_is_read_as_a_new_one(known: Credentials, tail: str) -> None:
    _, headers = signed("POST", URL, moment=MOMENT)
    changed = {**headers, "Authorization": headers["Authorization"][:-64] + tail}
    signatures._known.clear()
    before = refusal(verifier(known, NOW), "POST", URL, changed)
    assert verify(verifier(known, NOW), "POST", URL, headers) is not None
    after = refusal(verifier(known, NOW), "POST", URL, changed)
    assert (after.reason, after.message) == (before.reason, before.message)


def test_a_long_header_is_not_kept_in_memory(known: Credentials) -> None:
    _, headers = signed("POST", URL, moment=MOMENT)
    signatures._known.clear()
    long = headers["Authorization"].replace("Credential=", f"Credential={'A' * 60_000}")
    assert refusal(verifier(known, NOW), "POST", URL, {**headers, "Authorization": long}).reason is Reason.UNKNOWN_KEY
    assert not signatures._known
    assert verify(verifier(known, NOW), "POST", URL, headers) is not None
    assert len(signatures._known) == 1

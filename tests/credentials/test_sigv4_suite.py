"""AWS's published test suite of Signature Version 4: its requests and their signatures, as facts."""

from __future__ import annotations

import calendar
from pathlib import Path

import pytest

from tests.credentials.signing import credentials, environ, verifier
from zaqar_core.access.refusals import Reason, SignatureRefused

NOW = calendar.timegm((2015, 8, 30, 12, 36, 0))
#: The body of the form cases, and its hash.
FORM = b"Param1=value1"
FORM_SHA256 = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e"
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ETHIOPIC = "ሴ".encode().decode("latin-1")
FORM_HEADERS = {"Content-Length": "13", "X-Amz-Content-Sha256": FORM_SHA256}

#: name: method, target, headers beside Host and X-Amz-Date, body, signature. Headers have the values that a server
#: gives: repeated ones joined by commas, and so are folded
#: lines in this suite.
CASES: dict[str, tuple[str, str, dict[str, str], bytes, str]] = {
    "get-header-key-duplicate": (
        "GET", "/", {"My-Header1": "value2,value2,value1"}, b"",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    ),
    "get-header-value-multiline": (
        "GET", "/", {"My-Header1": "value1,value2,value3"}, b"",
        "ba17b383a53190154eb5fa66a1b836cc297cc0a3d70a5d00705980573d8ff790",
    ),
    "get-header-value-order": (
        "GET", "/", {"My-Header1": "value4,value1,value3,value2"}, b"",
        "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
    ),
    "get-header-value-trim": (
        "GET", "/", {"My-Header1": " value1", "My-Header2": ' "a   b   c"'}, b"",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    "get-relative-normalized": (
        "GET", "/example/..", {}, b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    "get-slash-pointless-dot-normalized": (
        "GET", "/./example", {}, b"", "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
    ),
    "get-slashes-normalized": (
        "GET", "//example//", {}, b"", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
    ),
    "get-space-normalized": (
        "GET", "/example space/", {}, b"", "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
    ),
    "get-unreserved": (
        "GET", f"/{UNRESERVED}", {}, b"", "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    ),
    "get-utf8": (
        "GET", f"/{ETHIOPIC}", {}, b"", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
    ),
    "get-vanilla": ("GET", "/", {}, b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    "get-vanilla-empty-query-key": (
        "GET", "/?Param1=value1", {}, b"", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
    ),
    "get-vanilla-query-order-encoded": (
        "GET", "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1", {}, b"",
        "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
    ),
    "get-vanilla-query-order-key-case": (
        "GET", "/?Param2=value2&Param1=value1", {}, b"",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    "get-vanilla-query-unreserved": (
        "GET", f"/?{UNRESERVED}={UNRESERVED}", {}, b"",
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    ),
    "get-vanilla-utf8-query": (
        "GET", f"/?{ETHIOPIC}=bar", {}, b"", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
    ),
    "post-header-key-sort": (
        "POST", "/", {"My-Header1": "value1"}, b"", "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ),
    "post-vanilla": ("POST", "/", {}, b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    "post-x-www-form-urlencoded": (
        "POST", "/", {"Content-Type": "application/x-www-form-urlencoded", **FORM_HEADERS}, FORM,
        "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
    ),
    "post-x-www-form-urlencoded-parameters": (
        "POST", "/", {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", **FORM_HEADERS}, FORM,
        "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422",
    ),
}  # fmt: skip


def _headers(more: dict[str, str], signature: str) -> dict[str, str]:
    names = ";".join(sorted(name.lower() for name in ("Host", "X-Amz-Date", *more)))
    return {
        "Host": "example.amazonaws.com",
        "X-Amz-Date": "20150830T123600Z",
        **more,
        "Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}",
    }


@pytest.mark.parametrize("name", CASES)
def test_a_published_signature_is_accepted(name: str, tmp_path: Path) -> None:
    method, target, more, body, signature = CASES[name]
    request = environ(target, _headers(more, signature))
    verified = verifier(credentials(tmp_path), NOW).verify(method, request, body, service="service")
    assert verified is not None
    assert verified.principal.user_name == "one"


@pytest.mark.parametrize("name", CASES)
def test_a_published_signature_is_accepted_without_the_raw_target(name: str, tmp_path: Path) -> None:
    """A server that keeps only the decoded path suffices where no escape of the path is signed."""
    method, target, more, body, signature = CASES[name]
    request = environ(target, _headers(more, signature))
    if request["PATH_INFO"] not in ("/example space/", f"/{ETHIOPIC}"):
        del request["RAW_URI"]
    assert verifier(credentials(tmp_path), NOW).verify(method, request, body, service="service") is not None


@pytest.mark.parametrize("name", CASES)
def test_another_body_method_or_path_is_refused(name: str, tmp_path: Path) -> None:
    method, target, more, body, signature = CASES[name]
    one = verifier(credentials(tmp_path), NOW)
    for changed in ((f"{method}S", target, body), (method, target, body + b"x"), (method, f"/x{target}", body)):
        with pytest.raises(SignatureRefused) as refused:
            one.verify(changed[0], environ(changed[1], _headers(more, signature)), changed[2], service="service")
        assert refused.value.reason is Reason.MISMATCH


def test_a_published_pre_signed_url_is_accepted(tmp_path: Path) -> None:
    target = (
        "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fus-east-1%2Fservice%2F"
        "aws4_request&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Expires=3600&X-Amz-Signature="
        "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d"
    )
    one = verifier(credentials(tmp_path), NOW + 3600)
    assert one.verify("GET", environ(target, {"Host": "example.amazonaws.com"}), b"", service="service") is not None

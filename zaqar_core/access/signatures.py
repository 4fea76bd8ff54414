"""Read the signature of a request: AWS Signature Version 4, in the Authorization header or in the query string.

Reference: "AWS Signature Version 4 for API requests" in the IAM User Guide. The order of the checks and their texts are
those that AWS's services show.
"""

from __future__ import annotations

import base64
import calendar
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from zaqar_core.access.refusals import SignatureRefused, incomplete, mismatch
from zaqar_core.domain import limits
from zaqar_core.logs import remedies
from zaqar_core.logs.remedies import note_refusal

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
#: Longest session token that is read. Those of this service have about 400 characters.
TOKEN_CHARACTERS = 4096
#: Most signed headers. An HTTP server accepts about as many.
_MOST_HEADERS = 128
_HEADER_CHARACTERS = 4096

_SIGNATURE_CHARACTERS = 64
_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^,\s/]+)/([0-9]{8})/([^,\s/]+)/([^,\s/]+)/aws4_request, ?"
    r"SignedHeaders=([^,\s=]+), ?Signature=[0-9a-f]{64}"
)
_MOMENT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")
_IS_PRESIGNED = re.compile(r"(?:^|&)X-Amz-(?:Algorithm|Signature)=")
_SEPARATORS = re.compile(r"[,\s]+")
_PRESIGNED = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")


class Scope(msgspec.Struct, frozen=True, gc=False):
    """The access key of a signature, and the day, region and service for which its key was derived."""

    key_id: str
    date: str
    region: str
    service: str


class Claim(msgspec.Struct, frozen=True, gc=False):
    """What a request says about its signature. ``time`` is in seconds since 1970, ``moment`` the same as it is signed.

    ``expires`` is the validity of a pre-signed URL in seconds, None for the Authorization header.
    """

    scope: Scope
    headers: SignedHeaders
    signature: str
    moment: str
    time: int
    token: str | None
    expires: int | None


@dataclass(frozen=True, slots=True)
class SignedHeaders:
    """The names of the signed headers, in lower case and in order: as one text, and with their keys in the environ.

    ``template`` is the canonical headers with ``%s`` for each value. ``values`` returns the values of an environ in
    their order, or the only one; it raises KeyError if one is missing. ``lacking`` are those that must be signed and
    are not: Host, and headers that must be signed if they are present, by their keys.
    """

    text: str
    keys: tuple[tuple[str, str], ...]
    lacking: tuple[tuple[str, str], ...]
    template: str
    values: Callable[[Mapping[str, Any]], Any]


def read(environ: Mapping[str, Any], now: float) -> Claim | None:
    """Return the claim of a request, None if it is not signed. ``now`` is in seconds since 1970.

    Raises SignatureRefused.
    """
    header: str | None = environ.get("HTTP_AUTHORIZATION")
    query: str = environ.get("QUERY_STRING", "")
    is_presigned = "X-Amz-" in query and _IS_PRESIGNED.search(query) is not None
    if header is None:
        return _of_query(query, environ, now) if is_presigned else None
    if is_presigned:
        raise mismatch("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
    usual = _usual(header) if "HTTP_X_AMZ_DATE" in environ else None
    if usual is not None:
        moment: str = environ["HTTP_X_AMZ_DATE"]
        time = _time(moment)
        scope, headers = usual
        signature = header[-_SIGNATURE_CHARACTERS:]
    else:
        values = _parameters(header, environ)
        moment, time = _moment(environ)
        headers = signed_headers(values["SignedHeaders"])
    _check_age(moment, time, now, None)
    _check_headers(headers, environ)
    if usual is None:
        scope = _scope(values["Credential"], values["algorithm"])
        signature = values["Signature"]
    return Claim(scope, headers, signature, moment, time, environ.get("HTTP_X_AMZ_SECURITY_TOKEN"), None)


_Usual = tuple[Scope, SignedHeaders]
#: What headers say before their signature, which is the same in all requests of a client on one day. The cache is
#: cleared when it is full. Longer headers are not kept: anyone can send them.
_known: dict[str, _Usual] = {}
_MOST_KNOWN, _KNOWN_CHARACTERS = 4096, 1024


def _usual(header: str) -> _Usual | None:
    """Read a header in the form that SDKs write: its scope and its signed headers. None for another form.

    Raises SignatureRefused if too many headers are signed.
    """
    signature = header[-_SIGNATURE_CHARACTERS:]
    known = _known.get(header[:-_SIGNATURE_CHARACTERS])
    if known is not None and signature.isalnum():
        return known
    found = _HEADER.fullmatch(header)
    if found is None:
        return None
    *scope, names = found.groups()
    known = (Scope(*scope), signed_headers(names))
    if len(header) <= _KNOWN_CHARACTERS:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[header[:-_SIGNATURE_CHARACTERS]] = known
    return known


def _parameters(header: str, environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of an Authorization header, and its ``algorithm``. Raises SignatureRefused."""
    algorithm, *parts = _SEPARATORS.split(header.strip()) if header.strip() else [""]
    values: dict[str, str] = {}
    for part in filter(None, parts):
        name, equals, value = part.partition("=")
        if algorithm.startswith("AWS4-") and (not equals or name in values):
            raise incomplete(f"Invalid key=value pair (missing equal-sign) in Authorization header {_hashed(header)}.")
        values[name] = value
    lacking = [
        f"Authorization header requires '{name}' parameter."
        for name in ("Credential", "Signature", "SignedHeaders")
        if not values.get(name)
    ]
    if "HTTP_X_AMZ_DATE" not in environ and "HTTP_DATE" not in environ:
        lacking.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if lacking:
        raise incomplete(f"{' '.join(lacking)} {_hashed(header)}")
    return {**values, "algorithm": algorithm}


def _hashed(header: str) -> str:
    """Return the end of AWS's message about a header. It may be a secret of another kind, so it is not repeated."""
    sha256 = hashlib.sha256(header.encode("utf-8", "surrogateescape")).digest()
    return f"(Hashed with SHA-256 and encoded with Base64) Authorization={base64.b64encode(sha256).decode()}"


def _of_query(query: str, environ: Mapping[str, Any], now: float) -> Claim:
    values = _query_values(query)
    lacking = [f"AWS query-string parameters must include '{name}'." for name in _PRESIGNED if not values.get(name)]
    if lacking:
        raise incomplete(f"{' '.join(lacking)} Re-examine the query-string parameters.")
    moment = values["X-Amz-Date"]
    time = _time(moment)
    expires = _expires(values.get("X-Amz-Expires"))
    _check_age(moment, time, now, expires)
    headers = signed_headers(values["X-Amz-SignedHeaders"])
    _check_headers(headers, environ)
    scope = _scope(values["X-Amz-Credential"], values["X-Amz-Algorithm"])
    return Claim(scope, headers, values["X-Amz-Signature"], moment, time, values.get("X-Amz-Security-Token"), expires)


def _query_values(query: str) -> dict[str, str]:
    """Return the parameters of a signature. Raises SignatureRefused if one is repeated."""
    values: dict[str, str] = {}
    for pair in query.split("&"):
        if pair.startswith("X-Amz-"):
            name, _, value = pair.partition("=")
            if name in values:
                raise incomplete(f"AWS query-string parameters must include '{name[:64]}' once.")
            values[name] = unquote_to_bytes(value).decode("utf-8", "replace")
    return values


def _expires(text: str | None) -> int:
    if text is None:
        return limits.SIGNATURE_SKEW_SECONDS
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise incomplete("X-Amz-Expires should be a number")
    seconds = int(text)
    if seconds < 0:
        raise incomplete("X-Amz-Expires must be non-negative")
    if seconds > limits.PRESIGNED_SECONDS.most:
        raise incomplete(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must "
            f"be less than {limits.PRESIGNED_SECONDS.most} seconds"
        )
    return seconds


def _scope(credential: str, algorithm: str) -> Scope:
    if algorithm != ALGORITHM:
        raise incomplete(f"Unsupported AWS 'algorithm': '{algorithm[:64]}' (only {ALGORITHM} for now).")
    parts = credential.split("/")
    if len(parts) != 5 or not all(parts):
        raise incomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
            f"'{credential[:200]}'"
        )
    key_id, date, region, service, terminator = parts
    if terminator != TERMINATOR:
        raise mismatch(f"Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator[:64]}'.")
    return Scope(key_id, date, region, service)


# -- Times -------------------------------------------------------------------------------------------------------------


def _moment(environ: Mapping[str, Any]) -> tuple[str, int]:
    """Return the time of a signature, as it is signed and in seconds. X-Amz-Date takes precedence over Date."""
    text: str | None = environ.get("HTTP_X_AMZ_DATE")
    if text is not None:
        return text, _time(text)
    text = environ["HTTP_DATE"]
    if _MOMENT.fullmatch(text):
        return text, _time(text)
    try:
        moment = parsedate_to_datetime(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        raise _not_a_time(text) from None
    text = moment.strftime("%Y%m%dT%H%M%SZ")
    return text, _time(text)


@lru_cache(maxsize=1024)
def _time(text: str) -> int:
    """Return the time ``20260101T000000Z`` in seconds since 1970. Raises SignatureRefused."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise _not_a_time(text)
    year, month, day, hour, minute, second = map(int, found.groups())
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61 and year):
        raise _not_a_time(text)
    return calendar.timegm((year, month, day, hour, minute, second))


def _not_a_time(text: str) -> SignatureRefused:
    return incomplete(
        f"Date must be in ISO-8601 'basic format'. Got '{text[:64]}'. See http://en.wikipedia.org/wiki/ISO_8601"
    )


@lru_cache(maxsize=64)
def _text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")


def _check_age(moment: str, time: int, now: float, expires: int | None) -> None:
    """Refuse a signature that is too old or of the future. A pre-signed URL is valid for ``expires`` seconds."""
    longest = limits.SIGNATURE_SKEW_SECONDS if expires is None else expires
    current = int(now)
    if time + longest < current:
        if expires is None:
            note_refusal(remedies.CLOCK, round((time - current) / 60), is_apart=False)
        raise mismatch(
            f"Signature expired: {moment} is now earlier than {_text(current - longest)} "
            f"({_text(current)} - {_period(longest)}.)"
        )
    if time > current + limits.SIGNATURE_SKEW_SECONDS:
        note_refusal(remedies.CLOCK, f"+{round((time - current) / 60)}", is_apart=False)
        raise mismatch(
            f"Signature not yet current: {moment} is still later than {_text(current + limits.SIGNATURE_SKEW_SECONDS)} "
            f"({_text(current)} + {_period(limits.SIGNATURE_SKEW_SECONDS)}.)"
        )


def _period(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} sec"


# -- Headers -----------------------------------------------------------------------------------------------------------

#: Headers that must be signed: key in the environ, name, name in lower case. Host is always there; the others decide
#: what a request does.
_MUST_BE_SIGNED = (
    ("HTTP_HOST", "Host", "host"),
    ("HTTP_X_AMZ_TARGET", "X-Amz-Target", "x-amz-target"),
    ("HTTP_X_AMZ_SECURITY_TOKEN", "X-Amz-Security-Token", "x-amz-security-token"),
)


@lru_cache(maxsize=1024)
def signed_headers(text: str) -> SignedHeaders:
    """Return the headers of a list ``host;x-amz-date``. A name with an underscore is that of no header.

    Raises SignatureRefused if there are too many.
    """
    names = sorted({name.strip().lower() for name in text.split(";", _MOST_HEADERS)} - {""})
    if len(names) > _MOST_HEADERS or len(text) > _HEADER_CHARACTERS:
        raise incomplete(f"SignedHeaders must have at most {_MOST_HEADERS} names and {_HEADER_CHARACTERS} characters.")
    keys = tuple((name, _key(name)) for name in names)
    template = "".join(f"{name.replace('%', '%%')}:%s\n" for name in names)
    values = itemgetter(*(key for _, key in keys)) if keys else dict
    lacking = tuple((key, name) for key, name, lower in _MUST_BE_SIGNED if lower not in names)
    return SignedHeaders(";".join(names), keys, lacking, template, values)


def _key(name: str) -> str:
    if "_" in name:
        return ""
    key = name.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def _check_headers(headers: SignedHeaders, environ: Mapping[str, Any]) -> None:
    """Refuse a signature that leaves out Host, the operation or the session token."""
    for key, name in headers.lacking:
        if key == "HTTP_HOST":
            raise mismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
        if key in environ:
            raise mismatch(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")

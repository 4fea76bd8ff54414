"""Requests as WSGI servers give them, and botocore's signer, which is independent of the code under test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from zaqar_core.access.reloading import Credentials
from zaqar_core.access.session_tokens import SessionTokens
from zaqar_core.access.verification import Verifier
from zaqar_core.configuration.settings import Settings

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ACCOUNT = "123456789012"
USER = f"""
[[users]]
name = "one"
account = "{ACCOUNT}"
policies = ["admin"]
access_keys = [{{ id = "{KEY}", secret_access_key = "{SECRET}" }}]
"""


def credentials(folder: Path, text: str = USER) -> Credentials:
    file = folder / "credentials.toml"
    file.write_text(text)
    file.chmod(0o600)
    return Credentials(file)


def verifier(known: Credentials, now: float, **settings: Any) -> Verifier:
    return Verifier(Settings(**settings), known, SessionTokens(lambda: bytes(32)), lambda: now)


def verifier_at(known: Credentials, clock: Callable[[], float], sessions: SessionTokens) -> Verifier:
    """Return a verifier with a clock that a test moves."""
    return Verifier(Settings(), known, sessions, clock)


def environ(target: str, headers: Mapping[str, str], scheme: str = "http") -> dict[str, Any]:
    """The environ of a request. ``target`` is as in its request line; texts are latin-1, as in WSGI."""
    path, _, query = target.partition("?")
    found: dict[str, Any] = {
        "RAW_URI": target,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "wsgi.url_scheme": scheme,
    }
    for name, value in headers.items():
        key = name.upper().replace("-", "_")
        found[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return found


def at(moment: datetime) -> AbstractContextManager[Any]:
    """Sign at another time."""
    return mock.patch("botocore.auth.get_current_datetime", return_value=moment.replace(tzinfo=None))


def signed(
    method: str,
    url: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    key: str = KEY,
    secret: str = SECRET,
    token: str | None = None,
    region: str = "us-east-1",
    service: str = "sqs",
    moment: datetime | None = None,
    expires: int | None = None,
) -> tuple[str, dict[str, str]]:
    """Sign by botocore; return the URL and the headers to send. With ``expires`` the URL is pre-signed."""
    request = AWSRequest(method, url, dict(headers or {}), body)
    known = BotoCredentials(key, secret, token)
    signer = (
        SigV4Auth(known, service, region)
        if expires is None
        else SigV4QueryAuth(known, service, region, expires=expires)
    )
    with at(moment or datetime.now(UTC)):
        signer.add_auth(request)
    return request.url, {"Host": urlsplit(url).netloc, **dict(request.headers.items())}

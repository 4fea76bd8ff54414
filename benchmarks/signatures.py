"""Measure the CPU time that a verified signature adds to one SendMessage in the worker.

    python -m benchmarks.signatures [--requests 20000] [--limit 25]

The same request is identified by a service without credentials and by one with a credentials file, in this process and
in alternating rounds; the fastest round of each side counts. The request is as boto3 signs it, with 200 bytes of
message. Other rows: the same with a session token, by the query protocol, and with 64 KiB of message, whose hash takes
most of the time. With ``--limit`` the exit status is 1 if the first row adds more microseconds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from sqs_facade.callers import Callers
from zaqar_core.access import gate
from zaqar_core.access.gate import Gate
from zaqar_core.configuration.settings import Settings
from zaqar_core.web.envelope import Request

_KEY, _SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
_FILE = f"""
[[users]]
name = "bench"
account = "123456789012"
policies = ["admin"]
access_keys = [{{ id = "{_KEY}", secret_access_key = "{_SECRET}" }}]
"""
_URL = "http://127.0.0.1:9324/"
_ROUNDS = 15


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        return _measure(options, *gate_in(Path(folder)))


def gate_in(folder: Path) -> tuple[Gate, Settings]:
    """Open the gate of a service whose credentials file, in this folder, has the key of the requests."""
    file = folder / "credentials.toml"
    file.touch(mode=0o600)
    file.write_text(_FILE)
    settings = Settings(credentials_file=file)
    opened = gate.opened(settings, gate.credentials(settings), lambda: bytes(32))
    assert opened is not None
    return opened, settings


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--limit", type=float)
    return parser.parse_args()


def _measure(options: argparse.Namespace, opened: Gate, settings: Settings) -> int:
    [user] = opened.credentials.directory.users
    session, token = opened.sessions.issue(int(time.time()) + 3600, user)
    rows = {
        "JSON, 200 bytes": json_request(200),
        "JSON, 200 bytes, session token": json_request(200, session.key_id, session.secret, token),
        "query, 200 bytes": _query(200),
        "JSON, 64 KiB": json_request(65_536),
    }
    plain, guarded = Callers(Settings()), Callers(settings, opened)
    print(f"{'':32}{'open µs':>9}{'signed µs':>11}{'added µs':>10}")
    added = []
    for name, request in rows.items():
        count = max(100, options.requests // _ROUNDS)
        open_us, signed_us = 1e9, 1e9
        for _ in range(_ROUNDS):
            open_us = min(open_us, _microseconds(plain, request, count))
            signed_us = min(signed_us, _microseconds(guarded, request, count))
        added.append(signed_us - open_us)
        print(f"{name:32}{open_us:9.2f}{signed_us:11.2f}{added[-1]:10.2f}")
    return 1 if options.limit is not None and added[0] > options.limit else 0


def _microseconds(callers: Callers, request: Request, count: int) -> float:
    """Return the CPU time of one identification."""
    begin = time.process_time()
    for _ in range(count):
        callers.identify(request)
    return 1e6 * (time.process_time() - begin) / count


def json_request(size: int, key: str = _KEY, secret: str = _SECRET, token: str | None = None) -> Request:
    """Return a signed SendMessage as boto3 sends it."""
    body = orjson.dumps({"QueueUrl": f"{_URL}123456789012/bench", "MessageBody": "x" * size})
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"}
    return _signed(body, headers, key, secret, token)


def _query(size: int) -> Request:
    parameters = {"Action": "SendMessage", "QueueUrl": f"{_URL}123456789012/bench", "MessageBody": "x" * size}
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    return _signed(urlencode(parameters).encode(), headers, _KEY, _SECRET, None)


def _signed(body: bytes, headers: Mapping[str, str], key: str, secret: str, token: str | None) -> Request:
    request = AWSRequest("POST", _URL, dict(headers), body)
    SigV4Auth(BotoCredentials(key, secret, token), "sqs", "us-east-1").add_auth(request)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "wsgi.url_scheme": "http",
        "HTTP_HOST": urlsplit(_URL).netloc,
        "HTTP_USER_AGENT": "Boto3/1.43",
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in request.headers.items():
        environ["CONTENT_TYPE" if name == "Content-Type" else f"HTTP_{name.upper().replace('-', '_')}"] = value
    return Request("POST", "/", "", body, environ)


if __name__ == "__main__":
    sys.exit(main())

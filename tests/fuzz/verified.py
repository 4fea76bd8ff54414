"""The grammar of requests that are verified: signatures in headers and in URLs, tokens, and Basic authorization."""

from __future__ import annotations

import base64
import json
import random
from dataclasses import replace
from urllib.parse import quote

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.fuzz import aws, console, mixed, sqs, values, zaqar
from tests.fuzz.case import Case, Memory

HOST = b"127.0.0.1:9324"
ACCOUNT = "000000000000"
KEY, SECRET = "AKIAFUZZ000000000001", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
LESSER_KEY, LESSER_SECRET = "AKIAFUZZ000000000002", "bGVzc2VybGVzc2VybGVzc2VybGVzc2VybGVzc2Vy"
#: A header that names the first user.
BASIC = ("Authorization", b"Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()))
_LESSER_RIGHTS = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sqs:*Message*", "Resource": "arn:aws:sqs:*:*:${aws:username}*"},
            {
                "Effect": "Allow",
                "Action": ["sqs:*", "cloudwatch:*"],
                "Resource": "*",
                "Condition": {
                    "StringLike": {"aws:UserAgent": "a*a*a*a*b"},
                    "IpAddress": {"aws:SourceIp": "127.0.0.0/8"},
                },
            },
            {
                "Effect": "Deny",
                "Action": "sqs:DeleteQueue",
                "Resource": "*",
                "Condition": {"Null": {"aws:Referer": "true"}},
            },
        ],
    }
)
#: A user with all rights, one with a few that depend on the request.
CREDENTIALS_FILE = f"""
[[users]]
name = "one"
account = "{ACCOUNT}"
policies = ["admin"]
access_keys = [{{ id = "{KEY}", secret_access_key = "{SECRET}" }}]

[[users]]
name = "lesser"
account = "{ACCOUNT}"
access_keys = [{{ id = "{LESSER_KEY}", secret_access_key = "{LESSER_SECRET}" }}]
policies = ['{_LESSER_RIGHTS}']
"""
_SERVICES = {
    "sqs": (sqs.query, sqs.json_call, sqs.json_call, sqs.creation),
    "monitoring": (aws.cloudwatch,),
    "sts": (aws.token_service,),
}
_PIECES = (
    b" ", b",", b";", b"=", b"/", b"Signature=", b"Credential=", b"SignedHeaders=;", b"\xc3\xa4", b"a;" * 300, b"",
    b"20260101", b"99999999", b"aws4_request", b"AWS4-HMAC-SHA256", b"AWS3", b"0" * 64,
)  # fmt: skip


def call(source: random.Random, memory: Memory) -> Case:
    """Return a request as a whole, most of them with a valid signature."""
    drawn = source.random()
    if drawn < 0.12:
        return _whole(_with_basic(source, zaqar.call(source, memory)))
    if drawn < 0.2:
        return _whole(console.call(source, memory))
    if drawn < 0.28:
        return _whole(mixed.call(source, memory))
    service = source.choice(("sqs", "sqs", "sqs", "monitoring", "sts"))
    case = source.choice(_SERVICES[service])(source, memory)
    if source.random() < 0.1:
        return _whole(case)
    return _whole(_signed(source, case, service))


def _signed(source: random.Random, case: Case, service: str) -> Case:
    if source.random() < 0.03:
        service = source.choice(("sqs", "monitoring", "sts", "s3"))
    region = "us-east-1" if source.random() < 0.97 else source.choice(("eu-west-1", "x", "\u00e4"))
    key, secret = (KEY, SECRET) if source.random() < 0.7 else (LESSER_KEY, LESSER_SECRET)
    token = None if source.random() < 0.97 else source.choice(("x", "eA==", "A" * 3_000))
    known = Credentials(key, secret, token)
    headers = {name: value.decode("latin-1") for name, value in case.headers if name.lower() != "authorization"}
    if source.random() < 0.2:
        headers["User-Agent"] = source.choice(("aws-cli", "a" * 4_000, "a" * 2_000 + "b"))
    url = f"http://{HOST.decode()}{quote(case.path, safe='/%:@')}"
    query = case.query.decode("latin-1")
    url += f"?{query}" if query else ""
    is_url = source.random() < 0.1
    request = AWSRequest(case.method, url, headers, case.body)
    signer = SigV4QueryAuth(known, service, region, expires=60) if is_url else SigV4Auth(known, service, region)
    try:
        signer.add_auth(request)
    except (ValueError, TypeError, RecursionError):  # it reads the body as JSON, and expects pairs
        return case
    target = request.url.partition(HOST.decode())[2]
    path, _, signed_query = target.partition("?")
    found = [(name, str(value).encode("latin-1", "replace")) for name, value in request.headers.items()]
    found = [(name, value) for name, value in found if name.lower() not in ("host", "content-length")]
    if source.random() < 0.15:
        at = source.randrange(len(found)) if found else 0
        for place, (name, value) in enumerate(found):
            if name == "Authorization" or place == at:
                found[place] = (name, _one_line(values.damaged(source, value, _PIECES)))
    if source.random() < 0.03:
        signed_query = values.damaged(source, signed_query.encode("latin-1", "replace"), (b"&", b"%", b"=")).decode(
            "latin-1"
        )
    encoded = _one_line(signed_query.encode("latin-1", "replace"))
    return replace(case, path=path.encode("latin-1", "replace"), query=encoded, headers=found)


def _with_basic(source: random.Random, case: Case) -> Case:
    if source.random() < 0.1:
        return case
    pair = (
        f"{KEY}:{SECRET}" if source.random() < 0.85 else source.choice((":", "", "x", f"{KEY}:", values.text(source)))
    )
    encoded = base64.b64encode(pair.encode("utf-8", "surrogatepass")[:3_000])
    if source.random() < 0.05:
        encoded = _one_line(values.damaged(source, encoded, (b"=", b"!", b" ", b"\xff")))
    headers = [(name, value if name != "X-Project-Id" else ACCOUNT.encode()) for name, value in case.headers]
    return replace(case, headers=[*headers, ("Authorization", b"Basic " + encoded)])


def _one_line(text: bytes) -> bytes:
    return bytes(one for one in text if one > 32 and one != 127)


def _whole(case: Case) -> Case:
    """Return the case as it is sent, because a signature covers the request as it stands."""
    return replace(case, raw=case.request(HOST))

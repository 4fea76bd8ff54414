"""STS on the port of SQS, as boto3's client calls it: identities, sessions, and roles by web identity."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.access.conftest import written
from tests.access.issuers import AUDIENCE, SUBJECT, Issuer
from tests.access.signing import ACCOUNT, KEY, SECRET, USER, signed
from tests.conftest import Service, serving
from tests.sqs.wire import HTTP

ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"


def _with_role(url: str, where: str) -> str:
    return f"""
[[issuers]]
url = "{url}"
{where}

[[roles]]
name = "worker"
account = "{ACCOUNT}"
policies = ["admin"]
max_session_seconds = 3600
[[roles.trust]]
issuer = "{url}"
audiences = ["{AUDIENCE}"]
subjects = ["system:serviceaccount:shop:*"]
"""


class Bench:
    """A service, its credentials file and an issuer whose keys are in a file."""

    def __init__(self, service: Service, folder: Path, issuer: Issuer) -> None:
        self.service, self.folder, self.issuer = service, folder, issuer

    def client(self, name: str = "sts", **keys: Any) -> Any:
        return _client(self.service, name, **keys)

    def write(self, text: str) -> None:
        written(self.folder, text)

    def assumed(self, token: str | None = None, **more: Any) -> Any:
        token = self.issuer.token() if token is None else token
        client = self.client(config=Config(signature_version=UNSIGNED, retries={"max_attempts": 0}))
        request = {"RoleArn": ROLE, "RoleSessionName": "pod-1", "WebIdentityToken": token, **more}
        return client.assume_role_with_web_identity(**request)


def _client(service: Service, name: str, **keys: Any) -> Any:
    known = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
    known["config"] = Config(retries={"max_attempts": 0})
    return boto3.client(name, endpoint_url=service.url, **{**known, **keys})


def _keys(credentials: Any) -> dict[str, str]:
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


TEXT = USER + _with_role("https://issuer.example.org", 'jwks_file = "keys.json"')


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, store_settings: dict[str, str]) -> Iterator[Bench]:
    folder, issuer = tmp_path_factory.mktemp("access"), Issuer()
    (folder / "keys.json").write_text(json.dumps(issuer.key_set))
    file = written(folder, TEXT)
    with serving(credentials_file=str(file), workers="2", **store_settings) as service:
        yield Bench(service, folder, issuer)


def _error(refused: pytest.ExceptionInfo[ClientError]) -> tuple[int, str, str]:
    response = refused.value.response
    error = response["Error"]
    return response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]


def test_the_identity_of_a_user(bench: Bench) -> None:
    found = bench.client().get_caller_identity()
    assert (found["Account"], found["Arn"]) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/one")
    assert found["UserId"].startswith("AIDA")
    assert re.fullmatch(r"[0-9a-f-]{36}", found["ResponseMetadata"]["RequestId"])


def test_sts_is_in_every_region_and_pre_signed(bench: Bench) -> None:
    assert bench.client(region_name="eu-west-1").get_caller_identity()["Account"] == ACCOUNT
    url = f"{bench.service.url}/?Action=GetCallerIdentity&Version=2011-06-15"
    url, headers = signed("GET", url, service="sts", expires=60)
    assert f"<Account>{ACCOUNT}</Account>" in HTTP.get(url, headers=headers).text


@pytest.mark.parametrize(
    ("keys", "status", "code"),
    [
        ({"aws_access_key_id": "AKIDUNKNOWN"}, 403, "InvalidClientTokenId"),
        ({"aws_secret_access_key": "wrong"}, 403, "SignatureDoesNotMatch"),
        ({"aws_session_token": "AQoDYXdzEJr"}, 403, "InvalidClientTokenId"),
        ({"config": Config(signature_version=UNSIGNED)}, 403, "MissingAuthenticationToken"),
    ],
    ids=["unknown key", "wrong secret", "foreign token", "unsigned"],
)
def test_others_have_no_identity(bench: Bench, keys: dict[str, Any], status: int, code: str) -> None:
    with pytest.raises(ClientError) as refused:
        bench.client(**keys).get_caller_identity()
    assert _error(refused)[:2] == (status, code)


def test_a_signature_for_sqs_is_not_one_for_sts(bench: Bench) -> None:
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    url, headers = signed("POST", f"{bench.service.url}/", body, kind)
    answer = HTTP.post(url, body, headers=headers)
    assert (answer.status_code, "correct service: 'sts'" in answer.text) == (403, True)


def test_an_unknown_operation_is_refused(bench: Bench) -> None:
    with pytest.raises(ClientError) as refused:
        bench.client().get_federation_token(Name="xx")
    assert _error(refused)[:2] == (400, "InvalidAction")


def test_a_session_is_that_of_its_user(bench: Bench, queue_name: str) -> None:
    session = bench.client().get_session_token(DurationSeconds=900)["Credentials"]
    keys = _keys(session)
    found = bench.client(**keys).get_caller_identity()
    assert found["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/one"
    sqs = bench.client("sqs", **keys)
    url = sqs.create_queue(QueueName=queue_name)["QueueUrl"]
    assert f"/{ACCOUNT}/" in url
    with pytest.raises(ClientError) as refused:
        bench.client(**keys).get_session_token()
    assert _error(refused) == (403, "AccessDenied", "Cannot call GetSessionToken with session credentials")


@pytest.mark.parametrize(("seconds", "bound"), [(899, "greater than or equal to 900"), (129_601, "less than or equal")])
def test_a_session_has_bounds(bench: Bench, seconds: int, bound: str) -> None:
    with pytest.raises(ClientError) as refused:
        bench.client(config=Config(parameter_validation=False)).get_session_token(DurationSeconds=seconds)
    status, code, message = _error(refused)
    assert (status, code) == (400, "ValidationError")
    assert bound in message


def test_every_service_on_the_store_accepts_a_session(bench: Bench, store_url: str, tmp_path: Path) -> None:
    """A token is not stored anywhere: another service with the same users needs only the store's secret."""
    file = str(written(tmp_path, USER))
    settings = {"redis": store_url, "durability": "memory", "credentials_file": file}
    with serving(**settings) as first, serving(**settings) as second:
        keys = _keys(_client(first, "sts").get_session_token()["Credentials"])
        assert _client(second, "sqs", **keys).list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    with pytest.raises(ClientError) as refused:  # another store, another secret
        bench.client("sqs", **keys).list_queues()
    assert _error(refused)[0] == 403


def _list_for_ever(sqs: Any) -> None:
    while True:
        sqs.list_queues()


def test_a_session_ends_when_its_user_is_disabled(bench: Bench) -> None:
    keys = _keys(bench.client().get_session_token()["Credentials"])
    sqs = bench.client("sqs", **keys)
    sqs.list_queues()
    bench.write(TEXT.replace('policies = ["admin"]', "enabled = false", 1))
    try:
        with pytest.raises(ClientError) as refused:
            _list_for_ever(sqs)  # until the workers have read the file
        assert _error(refused)[1] == "InvalidClientTokenId"
    finally:
        bench.write(TEXT)


# -- Web identity ------------------------------------------------------------------------------------------------------


def test_a_service_account_assumes_a_role(bench: Bench, queue_name: str) -> None:
    found = bench.assumed(DurationSeconds=900)
    assert found["SubjectFromWebIdentityToken"] == SUBJECT
    assert found["Audience"] == AUDIENCE
    assert found["Provider"] == f"arn:aws:iam::{ACCOUNT}:oidc-provider/issuer.example.org"
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/pod-1"
    assert found["AssumedRoleUser"]["Arn"] == session
    keys = _keys(found["Credentials"])
    identity = bench.client(**keys).get_caller_identity()
    assert (identity["Arn"], identity["UserId"]) == (session, found["AssumedRoleUser"]["AssumedRoleId"])
    assert f"/{ACCOUNT}/" in bench.client("sqs", **keys).create_queue(QueueName=queue_name)["QueueUrl"]


def test_boto3_assumes_a_role_by_its_environment(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a pod of Kubernetes: a file with the token, and the role in the environment."""
    (tmp_path / "token").write_text(bench.issuer.token())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_ENDPOINT_URL", bench.service.url)
    sqs = boto3.session.Session(region_name="us-east-1").client("sqs")
    assert sqs.list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"sub": "system:serviceaccount:other:orders"}, "AccessDenied"),
        ({"aud": "s3"}, "InvalidIdentityToken"),
        ({"aud": []}, "InvalidIdentityToken"),
        ({"iss": "https://other.example.org"}, "InvalidIdentityToken"),
        ({"iss": None}, "InvalidIdentityToken"),
        ({"exp": 1_700_000_000}, "ExpiredTokenException"),
        ({"exp": None}, "InvalidIdentityToken"),
        ({"sub": None}, "InvalidIdentityToken"),
        ({"nbf": 32_503_680_000}, "InvalidIdentityToken"),
    ],
    ids=str,
)
def test_a_token_that_the_role_does_not_trust_is_refused(bench: Bench, claims: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        bench.assumed(bench.issuer.token(**claims))
    assert _error(refused)[1] == code


def test_a_token_of_another_key_or_without_a_signature_is_refused(bench: Bench) -> None:
    token = bench.issuer.token()
    head, claims, _ = token.split(".")
    unsigned = jwt.encode({"iss": bench.issuer.url, "sub": SUBJECT, "aud": AUDIENCE, "exp": 9_999_999_999}, "", "none")
    for wrong in (Issuer().token(), f"{head}.{claims}.", f"{head}.{claims}.AAAA", unsigned, "no token"):
        with pytest.raises(ClientError) as refused:
            bench.assumed(wrong)
        assert _error(refused)[:2] == (400, "InvalidIdentityToken")
        assert wrong not in _error(refused)[2] or wrong == "no token"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/other-role"}, "AccessDenied"),
        ({"RoleSessionName": "a b"}, "ValidationError"),
        ({"DurationSeconds": 3601}, "ValidationError"),
        ({"DurationSeconds": 43_201}, "ValidationError"),
        ({"Policy": "{}"}, "ValidationError"),
    ],
    ids=str,
)
def test_a_wrong_request_for_a_role_is_refused(bench: Bench, more: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        bench.assumed(**more)
    assert _error(refused)[1] == code

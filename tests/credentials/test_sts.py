"""STS on the port of SQS, as boto3's client calls it: identities, sessions, and roles by web identity."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import boto3
import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import Service, serving
from tests.credentials.conftest import ROLE, TEXT, Guarded, written
from tests.credentials.issuers import AUDIENCE, SUBJECT, Issuer
from tests.credentials.signing import ACCOUNT, KEY, SECRET, credentials, signed
from tests.sqs.wire import HTTP
from zaqar_core.access.session_tokens import SessionTokens
from zaqar_core.core.process import Core


def _client(service: Service, name: str = "sts", **keys: Any) -> Any:
    known = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "region_name": "us-east-1"}
    known["config"] = Config(retries={"max_attempts": 0})
    return boto3.client(name, endpoint_url=service.url, **{**known, **keys})


def _assumed(guarded: Guarded, token: str | None = None, **more: Any) -> Any:
    token = guarded.issuer.token() if token is None else token
    client = _client(guarded, config=Config(signature_version=UNSIGNED, retries={"max_attempts": 0}))
    request = {"RoleArn": ROLE, "RoleSessionName": "pod-1", "WebIdentityToken": token, **more}
    return client.assume_role_with_web_identity(**request)


def _keys(credentials: Any) -> dict[str, str]:
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def _error(refused: pytest.ExceptionInfo[ClientError]) -> tuple[int, str, str]:
    response = refused.value.response
    error = response["Error"]
    return response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]


def test_the_identity_of_a_user(guarded: Guarded) -> None:
    found = _client(guarded).get_caller_identity()
    assert (found["Account"], found["Arn"]) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/one")
    assert found["UserId"].startswith("AIDA")
    assert re.fullmatch(r"[0-9a-f-]{36}", found["ResponseMetadata"]["RequestId"])


def test_sts_is_in_every_region_and_pre_signed(guarded: Guarded) -> None:
    assert _client(guarded, region_name="eu-west-1").get_caller_identity()["Account"] == ACCOUNT
    url = f"{guarded.url}/?Action=GetCallerIdentity&Version=2011-06-15"
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
def test_others_have_no_identity(guarded: Guarded, keys: dict[str, Any], status: int, code: str) -> None:
    with pytest.raises(ClientError) as refused:
        _client(guarded, **keys).get_caller_identity()
    assert _error(refused)[:2] == (status, code)


def test_a_signature_for_sqs_is_not_one_for_sts(guarded: Guarded) -> None:
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    url, headers = signed("POST", f"{guarded.url}/", body, kind)
    answer = HTTP.post(url, body, headers=headers)
    assert (answer.status_code, "correct service: 'sts'" in answer.text) == (403, True)


def test_an_unknown_operation_is_refused(guarded: Guarded) -> None:
    with pytest.raises(ClientError) as refused:
        _client(guarded).get_federation_token(Name="xx")
    assert _error(refused)[:2] == (400, "InvalidAction")


def test_a_session_is_that_of_its_user(guarded: Guarded, queue_name: str) -> None:
    session = _client(guarded).get_session_token(DurationSeconds=900)["Credentials"]
    keys = _keys(session)
    found = _client(guarded, **keys).get_caller_identity()
    assert found["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/one"
    sqs = _client(guarded, "sqs", **keys)
    url = sqs.create_queue(QueueName=queue_name)["QueueUrl"]
    assert f"/{ACCOUNT}/" in url
    with pytest.raises(ClientError) as refused:
        _client(guarded, **keys).get_session_token()
    assert _error(refused) == (403, "AccessDenied", "Cannot call GetSessionToken with session credentials")


@pytest.mark.parametrize(("seconds", "bound"), [(899, "greater than or equal to 900"), (129_601, "less than or equal")])
def test_a_session_has_bounds(guarded: Guarded, seconds: int, bound: str) -> None:
    with pytest.raises(ClientError) as refused:
        _client(guarded, config=Config(parameter_validation=False)).get_session_token(DurationSeconds=seconds)
    status, code, message = _error(refused)
    assert (status, code) == (400, "ValidationError")
    assert bound in message


def test_every_service_on_the_store_accepts_a_session(
    guarded: Guarded, core: Core, store_url: str, tmp_path: Path
) -> None:
    """A token is stored nowhere: a service needs only the store's secret, which seals it, and the same users."""
    known = credentials(tmp_path)
    [user] = known.directory.users
    session, token = SessionTokens(lambda: core.secrets.secret).issue(int(time.time()) + 900, user)
    keys = {
        "aws_access_key_id": session.key_id,
        "aws_secret_access_key": session.secret,
        "aws_session_token": token,
    }
    file = str(tmp_path / "credentials.toml")
    with serving(redis=store_url, durability="memory", credentials_file=file) as service:
        assert _client(service, "sqs", **keys).list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    if guarded.has_own_store:
        with pytest.raises(ClientError) as refused:
            _client(guarded, "sqs", **keys).list_queues()
        assert _error(refused)[:2] == (403, "InvalidClientTokenId")


def _list_for_ever(sqs: Any) -> None:
    while True:
        sqs.list_queues()


def test_a_session_ends_when_its_user_is_disabled(guarded: Guarded) -> None:
    keys = _keys(_client(guarded).get_session_token()["Credentials"])
    sqs = _client(guarded, "sqs", **keys)
    sqs.list_queues()
    written(guarded.folder, TEXT.replace('policies = ["admin"]', "enabled = false", 1))
    try:
        with pytest.raises(ClientError) as refused:
            _list_for_ever(sqs)  # until the workers have read the file
        assert _error(refused)[1] == "InvalidClientTokenId"
    finally:
        written(guarded.folder, TEXT)


# -- Web identity ------------------------------------------------------------------------------------------------------


def test_a_service_account_assumes_a_role(guarded: Guarded, queue_name: str) -> None:
    found = _assumed(guarded, DurationSeconds=900)
    assert found["SubjectFromWebIdentityToken"] == SUBJECT
    assert found["Audience"] == AUDIENCE
    assert found["Provider"] == f"arn:aws:iam::{ACCOUNT}:oidc-provider/issuer.example.org"
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/pod-1"
    assert found["AssumedRoleUser"]["Arn"] == session
    keys = _keys(found["Credentials"])
    identity = _client(guarded, **keys).get_caller_identity()
    assert (identity["Arn"], identity["UserId"]) == (session, found["AssumedRoleUser"]["AssumedRoleId"])
    assert f"/{ACCOUNT}/" in _client(guarded, "sqs", **keys).create_queue(QueueName=queue_name)["QueueUrl"]


def test_boto3_assumes_a_role_by_its_environment(
    guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a pod of Kubernetes: a file with the token, and the role in the environment."""
    (tmp_path / "token").write_text(guarded.issuer.token())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_ENDPOINT_URL", guarded.url)
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
def test_a_token_that_the_role_does_not_trust_is_refused(guarded: Guarded, claims: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        _assumed(guarded, guarded.issuer.token(**claims))
    assert _error(refused)[1] == code


def test_a_token_of_another_key_or_without_a_signature_is_refused(guarded: Guarded) -> None:
    token = guarded.issuer.token()
    head, claims, _ = token.split(".")
    unsigned = jwt.encode(
        {"iss": guarded.issuer.url, "sub": SUBJECT, "aud": AUDIENCE, "exp": 9_999_999_999}, "", "none"
    )
    for wrong in (Issuer().token(), f"{head}.{claims}.", f"{head}.{claims}.AAAA", unsigned, "no token"):
        with pytest.raises(ClientError) as refused:
            _assumed(guarded, wrong)
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
def test_a_wrong_request_for_a_role_is_refused(guarded: Guarded, more: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        _assumed(guarded, **more)
    assert _error(refused)[1] == code

"""No secret, token or body of a request is in any log or in any other answer than that which creates it."""

from __future__ import annotations

import time
from pathlib import Path

from sqs_facade.compat.launching import ServiceProcess
from tests.credentials.conftest import OTHERS, written
from tests.credentials.signing import KEY, SECRET, USER, signed
from tests.sqs.wire import HTTP

_TOKEN = "a static token of user two"
_BODY = "the body of a message"
_JSON = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _answers(url: str) -> list[str]:
    """Send accepted and refused requests of all kinds; return what the service says."""
    body = f'{{"QueueUrl": "none", "MessageBody": "{_BODY}"}}'.encode()
    found = []
    for signing in ({}, {"secret": "x" * 40}, {"key": "AKIDOTHER"}, {"token": _TOKEN}, {"region": "eu-west-1"}):
        _, headers = signed("POST", f"{url}/", body, _JSON, **signing)  # type: ignore[arg-type]
        found.append(HTTP.post(f"{url}/", body, headers=headers))
    malformed = (f"Bearer {SECRET}", f"AWS4-HMAC-SHA256 {SECRET}", f"AWS4-HMAC-SHA256 Credential={SECRET}")
    found += [HTTP.post(f"{url}/", body, headers={**_JSON, "Authorization": header}) for header in malformed]
    found.append(HTTP.get(f"{url}/?Action=ListQueues&X-Amz-Signature={SECRET}&X-Amz-Algorithm={SECRET}"))
    form = f"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=a&RoleSessionName=b&WebIdentityToken={SECRET}"
    found.append(HTTP.post(f"{url}/", form, headers=_FORM))
    callers = ({"X-Auth-Token": _TOKEN}, {"X-Auth-Token": SECRET}, {"Authorization": f"Basic {SECRET}"})
    paths = ("/v2/queues", "/v2/queues/x/messages")
    found += [HTTP.get(url + path, headers=headers) for path in paths for headers in callers]
    return [str(answer.headers) + answer.text for answer in found]


def test_no_secret_is_logged_or_answered(tmp_path: Path) -> None:
    file = written(tmp_path, USER + OTHERS)
    environment = {"SQS_FACADE_EPHEMERAL": "true", "SQS_FACADE_CREDENTIALS_FILE": str(file)}
    service = ServiceProcess("serve", environment=environment, keeps_errors=True)
    try:
        errors = Path(service._folder.name) / "errors"
        answers = _answers(service.url)
        file.write_text(f'[[users]]\nname = "{SECRET}')
        while "stays in force" not in errors.read_text():
            time.sleep(0.05)
        answers += _answers(service.url)
        said = [*answers, errors.read_text()]
    finally:
        service.stop()
    assert "cannot reload" in said[-1]
    assert said[-1].count("stays in force") == 1
    for secret in (SECRET, SECRET[:12], _TOKEN, _BODY):
        assert not [text for text in said if secret in text]
    assert KEY not in said[-1]

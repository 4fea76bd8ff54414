"""Zaqar's projects with names of their own as SQS's accounts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import Service, serving
from tests.interop.conftest import sqs_of
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import load

ACCOUNT = "123456789012"
PROJECT = "0123456789abcdef0123456789abcdef"
OTHER = "a project"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """Two workers, which get the settings through their environment."""
    accounts = f"{PROJECT}={ACCOUNT}, {OTHER}=210987654321"
    with serving(project_accounts=accounts, signed_url_key="a secret", workers="2") as service:
        yield service


@pytest.fixture
def sqs(service: Service) -> Any:
    return sqs_of(service, ACCOUNT)


def _zaqar(service: Service, method: str, path: str, project: str | None, json: Any = None, **more: str) -> Any:
    shown = {"Client-ID": str(uuid.uuid4()), **({} if project is None else {"X-Project-Id": project}), **more}
    return requests.request(method, service.url + path, json=json, headers=shown, timeout=20)


def test_a_project_and_its_account_reach_the_same_queues(service: Service, sqs: Any, queue_name: str) -> None:
    path = f"/v2/queues/{queue_name}"
    assert _zaqar(service, "PUT", path, PROJECT, {}).status_code == 201
    url = sqs.get_queue_url(QueueName=queue_name)["QueueUrl"]
    assert url.endswith(f"/{ACCOUNT}/{queue_name}")
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    [message] = _zaqar(service, "GET", f"{path}/messages?echo=true", PROJECT).json()["messages"]
    assert message["body"] == "hello"
    assert _zaqar(service, "GET", f"{path}/messages?echo=true", OTHER).json()["messages"] == []


def test_a_shared_url_is_signed_for_the_project_and_not_for_its_account(service: Service, queue_name: str) -> None:
    path = f"/v2/queues/{queue_name}"
    _zaqar(service, "POST", f"{path}/messages", PROJECT, {"messages": [{"body": 1, "ttl": 300}]})
    grant = _zaqar(service, "POST", f"{path}/share", PROJECT, {"paths": ["messages"], "methods": ["GET"]}).json()
    assert grant["project"] == PROJECT
    signed = {
        "URL-Signature": grant["signature"],
        "URL-Methods": "GET",
        "URL-Paths": grant["paths"][0],
        "URL-Expires": grant["expires"],
    }
    read = _zaqar(service, "GET", f"{path}/messages?echo=true", PROJECT, **signed)
    assert [message["body"] for message in read.json()["messages"]] == [1]
    assert _zaqar(service, "GET", f"{path}/messages?echo=true", OTHER, **signed).status_code == 404


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("project", "name=value pairs"),
        ("project=12", "PROJECT_ACCOUNTS must be .* each value 12 digits"),
        ("=123456789012", "PROJECT_ACCOUNTS must be .* each name 1 to 256 characters"),
        ("one=123456789012,two=123456789012", "two projects must not have the same account"),
    ],
)
def test_a_wrong_mapping_is_refused(text: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        load({}, {"SQS_FACADE_PROJECT_ACCOUNTS": text})


def test_a_table_of_the_file_maps_projects(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(f'[project_accounts]\n"{PROJECT}" = "{ACCOUNT}"\n')
    assert load({}, {}, file).project_accounts == {PROJECT: ACCOUNT}

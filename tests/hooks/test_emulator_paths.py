"""Paths of LocalStack, MiniStack and moto server that containers, scripts and suites call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from werkzeug.test import Client, TestResponse

from sqs_facade.wsgi import create_app
from tests.conftest import Service, serving
from tests.credentials.signing import USER
from tests.patience import until
from tests.private_valkey import private_valkey
from tests.sqs.wire import HTTP, Sqs
from zaqar_core.configuration.settings import Settings

RESETS = ["/_localstack/state/reset", "/_localstack/state/sqs/reset", "/_ministack/reset", "/moto-api/reset"]


def got(service: Service, path: str) -> Any:
    answer = HTTP.get(service.url + path, timeout=10)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()


@pytest.mark.parametrize("path", ["/_localstack/health", "/_localstack/health/", "/_ministack/health"])
def test_the_health_names_the_service_as_running(service: Service, path: str) -> None:
    found = got(service, path)
    assert found["services"] == {"sqs": "running"}
    assert set(found) == {"services", "edition", "version"}


def test_scripts_find_the_state_in_the_text_of_the_health(service: Service) -> None:
    """They search it with grep, with the blank that Python's JSON has."""
    assert '"sqs": "running"' in HTTP.get(f"{service.url}/_localstack/health", timeout=10).text


def test_init_scripts_have_ended(service: Service) -> None:
    stages = {"BOOT": True, "START": True, "READY": True, "SHUTDOWN": False}
    assert got(service, "/_localstack/init") == {"completed": stages, "scripts": []}
    assert got(service, "/_localstack/init/ready") == {"completed": True, "scripts": []}
    assert got(service, "/_ministack/ready") == {"status": "completed"}


def test_the_information_is_that_of_this_service(service: Service) -> None:
    found = got(service, "/_localstack/info")
    assert found["edition"] == "sqs-facade"
    assert found["is_license_activated"] is False
    assert found["uptime"] >= 0


def test_other_paths_are_404_and_name_those_that_exist(service: Service) -> None:
    answer = HTTP.get(f"{service.url}/_localstack/diagnose", timeout=10)
    assert answer.status_code == 404
    assert "/_localstack/health" in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("POST", "/_localstack/health", "GET, HEAD"), ("GET", "/moto-api/reset", "POST")]
)
def test_a_wrong_method_is_405(service: Service, method: str, path: str, allowed: str) -> None:
    answer = HTTP.request(method, service.url + path, json={"action": "kill"}, timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)


def test_a_client_may_read_the_head_of_the_health(service: Service) -> None:
    answer = HTTP.head(f"{service.url}/_localstack/health", timeout=10)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.slow
@pytest.mark.parametrize("path", RESETS)
def test_a_reset_deletes_the_queues_of_all_accounts(own: Service, path: str) -> None:
    one, two = Sqs(own.url, "json", "fast"), Sqs(own.url, "json", "fast", "123456789012")
    one.queue("q")
    two.queue("q")
    assert requests.post(own.url + path, timeout=10).status_code == 200
    assert one.call("ListQueues") == two.call("ListQueues") == {}


@pytest.fixture(scope="module")
def own() -> Iterator[Service]:
    """A service that nobody else uses."""
    with serving() as service:
        yield service


@pytest.mark.slow
def test_a_service_without_test_hooks_is_not_reset(valkey: str) -> None:
    with serving(redis=valkey, durability="memory") as service:
        Sqs(service.url, "json", "fast").queue("kept")
        for path in RESETS:
            answer = requests.post(service.url + path, timeout=10)
            assert answer.status_code == 404
            assert "--test-hooks" in answer.json()["error"]
        assert Sqs(service.url, "json", "fast").call("ListQueues")["QueueUrls"]


@pytest.mark.slow
def test_the_health_of_a_service_with_credentials_needs_none_and_names_no_version(tmp_path: Path) -> None:
    file = tmp_path / "credentials.toml"
    file.write_text(USER)
    file.chmod(0o600)
    with serving(credentials_file=str(file)) as service:
        found = got(service, "/_localstack/health")
        assert found == {"services": {"sqs": "running", "sts": "running"}, "edition": "sqs-facade"}
        assert set(got(service, "/_localstack/info")) == {"edition", "is_license_activated"}
        for path in RESETS:
            assert requests.post(service.url + path, timeout=10).status_code == 401


@pytest.mark.slow
def test_the_health_of_a_service_without_its_store_is_503() -> None:
    with private_valkey() as server, serving(redis=server.url, durability="memory") as service:
        server.kill()

        def health() -> requests.Response:
            return requests.get(f"{service.url}/_localstack/health", timeout=20)

        until(lambda: health().status_code == 503, "the service notices")
        assert health().json()["services"] == {"sqs": "error"}
        assert requests.get(f"{service.url}/_ministack/ready", timeout=20).status_code == 503


def test_the_health_waits_for_what_the_readiness_waits_for(valkey: str) -> None:
    """For example declared queues: a test that waits for the health must find them."""
    app = create_app(Settings(redis=valkey, durability="memory"))
    core, http = app.extensions["sqs_facade"], Client(app.wsgi_app, TestResponse)
    missing = ["the declared queues have not been created yet"]
    core.unready.append(lambda: missing[-1])
    for status in (503, 200):
        paths = ("/health/ready", "/_localstack/health", "/_ministack/health", "/_ministack/ready")
        assert [http.get(path).status_code for path in paths] == [status] * len(paths)
        missing.append("")
    core.close()


@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH"])
@pytest.mark.parametrize("as_json", [True, False])
def test_the_viewer_of_messages_deletes_none(service: Service, queue_name: str, method: str, as_json: bool) -> None:
    sqs = Sqs(service.url, "json", "fast")
    sqs.send(sqs.queue(queue_name), "kept")
    headers = {"Accept": "application/json"} if as_json else {}
    path = f"/_aws/sqs/messages/us-east-1/000000000000/{queue_name}"
    answer = HTTP.request(method, service.url + path, headers=headers, timeout=10)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, POST, OPTIONS")
    assert "PurgeQueue" in answer.text
    assert "kept" not in answer.text
    assert "kept" in HTTP.get(service.url + path, timeout=10).text


@pytest.mark.parametrize("host", ["sqs.us-east-1.localhost.localstack.cloud:4566", "localhost.localstack.cloud:4566"])
def test_the_names_of_localstack_may_be_called_and_stand_in_queue_urls(
    service: Service, queue_name: str, host: str
) -> None:
    """boto3 signs the name as it is; here the connection goes to this machine without the public DNS."""
    client = boto3.client(
        "sqs", endpoint_url=f"http://{host}", region_name="us-east-1", aws_access_key_id="any",
        aws_secret_access_key="any", config=Config(proxies={"http": service.url}, retries={"total_max_attempts": 1}),
    )  # fmt: skip
    url = client.create_queue(QueueName=queue_name)["QueueUrl"]
    assert url == f"http://{host}/000000000000/{queue_name}"
    client.send_message(QueueUrl=url, MessageBody="here")
    assert client.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "here"

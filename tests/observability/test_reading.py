"""Who may read the metrics, and at which host."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from werkzeug.test import Client, TestResponse

from sqs_facade.wsgi import create_app
from tests.credentials.conftest import written
from tests.credentials.signing import ACCOUNT, KEY, SECRET, USER
from tests.observability.conftest import Measured
from zaqar_core.configuration.settings import Settings

URL = "http://queues.example.org"
_TOKENS = f"""
tokens = [{{ token = "a static token of the administrator" }}]

[[users]]
name = "queues"
account = "{ACCOUNT}"
policies = ['{{"Statement": {{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}}}}']
access_keys = [{{ id = "AKIDQUEUES", secret_access_key = "a secret of forty characters, all queues" }}]
tokens = [{{ token = "a static token without rights" }}]
"""


def _basic(key: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()


@pytest.fixture(scope="module")
def guarded(valkey: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    file = written(tmp_path_factory.mktemp("metrics"), USER + _TOKENS)
    app = create_app(
        Settings(redis=valkey, durability="memory", credentials_file=file, metrics_token="prometheus", metrics_queues=1)
    )
    yield Client(app.wsgi_app, TestResponse)
    app.extensions["sqs_facade"].close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer prometheus"}, 200),
        ({"Authorization": "bearer prometheus"}, 200),
        ({"Authorization": "Bearer prometheu"}, 401),
        ({"Authorization": "Bearer prometheus\N{LATIN SMALL LETTER E WITH ACUTE}"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": _basic(KEY, SECRET)}, 200),
        ({"Authorization": _basic(KEY, "wrong")}, 401),
        ({"Authorization": _basic("AKIDQUEUES", "a secret of forty characters, all queues")}, 403),
        ({"Authorization": "Bearer a static token of the administrator"}, 200),
        ({"X-Auth-Token": "a static token of the administrator"}, 200),
        ({"Authorization": "Bearer a static token without rights"}, 403),
    ],
)
def test_where_callers_need_credentials_only_administrators_and_the_token_read_the_metrics(
    guarded: Client, headers: dict[str, str], status: int
) -> None:
    answer = guarded.get("/metrics", base_url=URL, headers=headers)
    assert answer.status_code == status
    assert ("sqs_facade_store_up 1" in answer.text) is (status == 200)
    assert ("WWW-Authenticate" in answer.headers) is (status == 401)


@pytest.mark.parametrize(("host", "status"), [("localhost:9324", 200), ("rebound.example", 403)])
def test_a_service_on_loopback_shows_them_at_hosts_of_this_machine_only(
    measured: Measured, host: str, status: int
) -> None:
    answer = measured.http.get("/metrics", headers={"Host": host}, environ_overrides={"SERVER_NAME": "127.0.0.1"})
    assert answer.status_code == status
    assert ("sqs_facade" in answer.text) is (status == 200)


def test_a_web_page_of_another_origin_does_not_read_them(measured: Measured) -> None:
    assert measured.http.get("/metrics", headers={"Origin": "http://elsewhere.example"}).status_code == 403


def test_without_metrics_the_path_is_one_of_sqs(valkey: str) -> None:
    app = create_app(Settings(redis=valkey, durability="memory", metrics=False))
    answer = Client(app.wsgi_app, TestResponse).get("/metrics", base_url="http://localhost")
    app.extensions["sqs_facade"].close()
    assert answer.status_code == 404
    assert "sqs_facade" not in answer.text

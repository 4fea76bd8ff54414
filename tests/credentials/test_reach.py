"""Who reaches what in a service with credentials: each path of its URL map, each operation of both dialects.

A path or an operation that is added later fails a test here until somebody has decided about it.
"""

from __future__ import annotations

import base64
import json
import uuid

import flask
import pytest
from werkzeug.test import Client, TestResponse

from sqs_facade.console.api import API
from sqs_facade.registry import OPERATIONS
from sqs_facade.wsgi import create_app
from tests.credentials.conftest import written
from tests.credentials.signing import ACCOUNT, KEY, SECRET, USER, signed
from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.rest.route import Route
from zaqar_core.rest.routes import ROUTES
from zaqar_core.store.single_server import Store

#: A user of the same account without rights, and one who may do all with queues and no more.
OTHERS = f"""
[[users]]
name = "nothing"
account = "{ACCOUNT}"
access_keys = [{{ id = "AKIDNOTHING", secret_access_key = "a secret of forty characters, nothing at" }}]

[[users]]
name = "queues"
account = "{ACCOUNT}"
policies = ['{{"Statement": {{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}}}}']
access_keys = [{{ id = "AKIDQUEUES", secret_access_key = "a secret of forty characters, all queues" }}]
"""
KEYS = {
    "admin": (KEY, SECRET),
    "queues": ("AKIDQUEUES", "a secret of forty characters, all queues"),
    "nothing": ("AKIDNOTHING", "a secret of forty characters, nothing at"),
}
URL = "http://queues.example.org"
QUEUE = "reached"
ARN = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{QUEUE}"
#: Path -> what is served there. The rules of Flask's URL map, without those below a path.
DECIDED = {
    "/health": "open",
    "/health/ready": "open",
    "/": "page",
    "/v1": "zaqar",
    "/v1.1": "zaqar",
    "/v2": "zaqar",
    "/_aws/sqs/messages": "peek",
    "/_test": "hooks",
    "/service/GraniteServiceVersion20100801": "cloudwatch",
    "/metrics": "metrics",
    "/console": "console",
    "/_localstack": "emulated",
    "/_ministack": "emulated",
    "/moto-api": "emulated",
    "/<path:rest>": "sqs",
}
#: Zaqar's rules that are open to all who authenticate.
OPEN_TO_USERS = {"home:get", "ping:get", "flavors:get_all", "flavors:get"}
FOR_ADMINISTRATORS = ("pools:", "flavors:", "health:")


@pytest.fixture(scope="module")
def app(valkey: str, tmp_path_factory: pytest.TempPathFactory) -> flask.Flask:
    file = written(tmp_path_factory.mktemp("reach"), USER + OTHERS)
    return create_app(
        Settings(
            redis=valkey, durability="memory", test_hooks=True, credentials_file=file, admin_mode=True, pooling=True
        )
    )


@pytest.fixture
def client(app: flask.Flask) -> Client:
    return Client(app.wsgi_app, TestResponse)


def _zaqar(client: Client, caller: str | None, method: str, path: str) -> int:
    headers = {"Client-ID": str(uuid.UUID(int=1)), "X-Project-Id": ACCOUNT}
    if caller is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(KEYS[caller]).encode()).decode()
    return client.open(path, base_url=URL, method=method, headers=headers).status_code


def _sqs(client: Client, caller: str | None, name: str, query: str = "") -> TestResponse:
    """Call an operation with parameters that reach its decision."""
    task = base64.b64encode(json.dumps({"taskId": str(uuid.UUID(int=1)), "sourceArn": ARN}).encode()).decode()
    body = json.dumps(
        {
            "QueueUrl": f"{URL}/{ACCOUNT}/{QUEUE}",
            "QueueName": QUEUE,
            "QueueOwnerAWSAccountId": ACCOUNT,
            "SourceArn": ARN,
            "TaskHandle": task,
        }
    ).encode()
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{name}"}
    if caller is not None:
        key, secret = KEYS[caller]
        _, headers = signed("POST", f"{URL}/{query}", body, headers, key=key, secret=secret)
    return client.post(f"/{query}", base_url=URL, data=body, headers=headers)


def test_each_path_of_the_service_is_decided(app: flask.Flask) -> None:
    paths = {rule.rule.removesuffix("/<path:rest>").rstrip("/") or rule.rule for rule in app.url_map.iter_rules()}
    assert paths == DECIDED.keys()


@pytest.mark.parametrize(("path", "status"), [
    ("/_localstack/health", 200), ("/_ministack/ready", 200),
    ("/_localstack/state/reset", 401), ("/moto-api/reset", 401),
])  # fmt: skip
def test_paths_of_other_emulators_show_health_and_reset_nothing(client: Client, path: str, status: int) -> None:
    call = client.post if path.endswith("reset") else client.get
    reply = call(path, base_url=URL)
    assert reply.status_code == status
    assert b"version" not in reply.data


@pytest.mark.parametrize("path", [path for path, kind in DECIDED.items() if kind == "open"])
def test_health_is_open(client: Client, path: str) -> None:
    assert client.get(path, base_url=URL).status_code == 200


def test_health_shows_no_reason(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise StoreUnavailable("Error 111 connecting to 10.0.0.5:6379")

    monkeypatch.setattr(Store, "inspect", fail)
    answer = client.get("/health/ready", base_url=URL)
    assert (answer.status_code, answer.json) == (503, {"status": "not ready"})


def test_the_front_page_shows_nothing_of_the_deployment(client: Client) -> None:
    page = client.get("/", base_url=URL, headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert not [word for word in ("example.org", "us-east-1", "/v2", "boto3", 'href="http') if word in page.text]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_zaqars_operations_need_their_right(client: Client, route: Route) -> None:
    path = f"/v2/{route.path}".format(
        queue_name=QUEUE, topic_name=QUEUE, message_id="1", claim_id="1", subscription_id="1", pool_name="p",
        flavor_name="f",
    ).rstrip("/")  # fmt: skip
    path = path.replace("/v2", {"1.1": "/v1.1", "1": "/v1"}.get(route.versions[0].id, "/v2"), 1)
    if route.rule == "health:get":
        path = "/v2/health"
    assert _zaqar(client, None, route.method, path) == 401
    assert (_zaqar(client, "nothing", route.method, path) == 403) is (route.rule not in OPEN_TO_USERS)
    is_for_administrators = route.rule.startswith(FOR_ADMINISTRATORS) and route.rule not in OPEN_TO_USERS
    assert (_zaqar(client, "queues", route.method, path) == 403) is is_for_administrators
    assert _zaqar(client, "admin", route.method, path) not in (401, 403)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_of_sqs_need_their_right(client: Client, name: str) -> None:
    for caller in (None, "nothing"):
        answer = _sqs(client, caller, name)
        assert answer.status_code == 403
        assert answer.get_json(force=True)["__type"].endswith("#AccessDeniedException")
    for caller in ("queues", "admin"):
        assert _sqs(client, caller, name).status_code != 403


def test_the_viewer_of_messages_needs_the_right_to_receive(client: Client) -> None:
    def status(caller: str | None) -> int:
        headers: dict[str, str] = {}
        path = f"/_aws/sqs/messages/us-east-1/{ACCOUNT}/{QUEUE}"
        if caller is not None:
            key, secret = KEYS[caller]
            _, headers = signed("GET", URL + path, key=key, secret=secret)
        return client.get(path, base_url=URL, headers=headers).status_code

    assert [status(caller) for caller in (None, "nothing")] == [403, 403]
    assert status("queues") != 403


@pytest.mark.parametrize("path", API)
def test_the_console_needs_a_session(client: Client, path: str) -> None:
    """Its pages and files have nothing of the deployment."""
    method = "POST" if API[path].changes else "GET"
    answer = client.open(f"/console/api/{path}?queue={QUEUE}", base_url=URL, method=method, json={})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("method", "hook"), [("GET", "clock"), ("POST", "clock"), ("POST", "reset"), ("GET", "spy"), ("GET", "waiting")]
)
def test_test_hooks_need_an_administrator(client: Client, method: str, hook: str) -> None:
    found = [_zaqar(client, caller, method, f"/_test/{hook}") for caller in (None, "nothing", "queues")]
    assert found == [401, 403, 403]
    assert _zaqar(client, "admin", method, f"/_test/{hook}") in (200, 409)

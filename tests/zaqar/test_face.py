"""The face itself: order of checks, errors, and the documents of the root."""

from __future__ import annotations

from typing import Any

import pytest

from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.loading import load
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.session import Session
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.rest.face import ZaqarFace
from zaqar_core.web.envelope import Refusal, Request


def test_the_root_lists_the_versions(zaqar: Any) -> None:
    answer = zaqar.call("GET", "/", headers={"HTTP_CLIENT_ID": None, "HTTP_X_PROJECT_ID": None})
    assert answer.status == 300
    assert [version["id"] for version in answer.json["versions"]] == ["1", "1.1", "2"]


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_the_home_document_lists_the_resources(zaqar: Any, path: str) -> None:
    answer = zaqar.call("GET", path)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json-home"
    assert answer.headers["cache-control"] == "max-age=86400"
    template = answer.json["resources"]["rel/queue"]["href-template"]
    assert zaqar.call("PUT", template.format(queue_name="x")).status == 201


def test_headers_come_before_names_and_names_before_bodies(zaqar: Any) -> None:
    """Of several errors the first one in the order of the specification is reported."""
    path, body = "/v2/queues/" + "x" * 65, b"nope"
    no_project: dict[str, str | None] = {"HTTP_X_PROJECT_ID": None}
    assert zaqar.call("PUT", path, raw=body, headers=no_project).json["title"] == "Project-Id Missing"
    assert zaqar.call("PUT", path, raw=body).json["title"] == "Invalid queue identification"
    assert zaqar.call("PUT", "/v2/queues/x", raw=body).json["title"] == "Invalid request body"
    assert zaqar.call("POST", path, raw=body, headers=no_project).status == 405
    no_client = {**no_project, "HTTP_CLIENT_ID": None}
    assert zaqar.call("PUT", path, raw=body, headers=no_client).json["title"] == "Missing header value"
    assert zaqar.call("PUT", path, headers={**no_client, "HTTP_ACCEPT": "text/html"}).status == 406


def test_extra_spec_has_no_effect(zaqar: Any, queue_name: str) -> None:
    """The header of Zaqar's authentication plug-ins has no effect."""
    path = f"/v2/queues/{queue_name}"
    assert zaqar.call("PUT", path, headers={"HTTP_EXTRA_SPEC": "messagecode:x"}).status == 201
    stranger = {"HTTP_EXTRA_SPEC": "messagecode:x", "HTTP_X_PROJECT_ID": None}
    assert zaqar.call("GET", path, headers=stranger).status == 400


@pytest.mark.parametrize("path", ["/v2/", "/v2/ping", "/v2/queues", "/v2/queues/a/messages"])
@pytest.mark.parametrize(
    ("headers", "status", "title"),
    [
        ({"HTTP_CLIENT_ID": None}, 400, "Missing header value"),
        ({"HTTP_CLIENT_ID": "x"}, 400, "Wrong UUID value"),
        ({"HTTP_CLIENT_ID": ""}, 400, "Wrong UUID value"),
        ({"HTTP_X_PROJECT_ID": None}, 400, "Project-Id Missing"),
        ({"HTTP_X_PROJECT_ID": ""}, 400, "Empty project header not allowed"),
        ({"HTTP_X_PROJECT_ID": "x" * 257}, 400, "Invalid API request"),
        ({"HTTP_ACCEPT": "text/html"}, 406, "Not acceptable"),
        ({"HTTP_ACCEPT": "application/json;q=0"}, 406, "Not acceptable"),
        ({"HTTP_URL_SIGNATURE": "x"}, 404, "Not found"),
    ],
)
def test_headers_with_wrong_values_are_refused(
    zaqar: Any, path: str, headers: dict[str, str | None], status: int, title: str
) -> None:
    answer = zaqar.call("GET", path, headers=headers)
    assert (answer.status, answer.json["title"]) == (status, title)


@pytest.mark.parametrize("accept", ["*/*", "application/*", "text/html, application/json;q=0.1", "Application/JSON"])
def test_an_accept_header_must_allow_json(zaqar: Any, accept: str) -> None:
    assert zaqar.call("GET", "/v2/queues", headers={"HTTP_ACCEPT": accept}).status == 200


def test_form_bodies_are_refused(zaqar: Any) -> None:
    form: dict[str, str | None] = {"CONTENT_TYPE": "Application/X-www-form-urlencoded"}
    answer = zaqar.call("PUT", "/v2/queues/a", {}, headers=form)
    assert (answer.status, answer.json["title"]) == (400, "Invalid Content-Type")
    assert zaqar.call("PUT", "/v2/queues/a", headers=form).status == 201


@pytest.mark.parametrize("path", ["/v2/nothing", "/v2/queues/a/b", "/v2/queues/a/messages/b/c", "/v2x", "/x", "/v2//"])
def test_an_unknown_path_is_404(zaqar: Any, path: str) -> None:
    assert zaqar.call("GET", path).status == 404


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("HEAD", "/v2/queues/a", "DELETE, GET, OPTIONS, PATCH, PUT"),
        ("POST", "/v2/queues/a", "DELETE, GET, OPTIONS, PATCH, PUT"),
        ("GET", "/v2/queues/a/claims", "OPTIONS, POST"),
        ("PUT", "/v2/queues/a/messages", "DELETE, GET, OPTIONS, POST"),
        ("POST", "/", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_405(zaqar: Any, method: str, path: str, allow: str) -> None:
    answer = zaqar.call(method, path)
    assert (answer.status, answer.headers["allow"]) == (405, allow)
    answer = zaqar.call("OPTIONS", path, headers={"HTTP_CLIENT_ID": None})
    assert (answer.status, answer.headers["allow"]) == (204, allow)


@pytest.mark.parametrize(
    ("why", "status"),
    [
        (Refusal.BODY_TOO_LARGE, 400),
        (Refusal.BODY_CUT_SHORT, 400),
        (Refusal.BODY_LENGTH_INVALID, 400),
        (Refusal.BODY_TOO_SLOW, 408),
        (Refusal.LENGTH_REQUIRED, 411),
        (Refusal.CROSS_SITE, 403),
    ],
)
def test_a_refused_request_has_an_error_of_zaqar(zaqar: Any, why: Refusal, status: int) -> None:
    reply = zaqar.face.refuse(Request("POST", "/v2/queues/a/messages", "", b"", {}), why)
    assert reply.status == status
    assert "x-openstack-request-id" in dict(reply.headers)


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/v2/queues/a/messages", 262_144),
        ("/v2/queues/messages", 64),
        ("/v2/queues/a", 64),
        ("/v2/queues/a/", 64),
        ("/v2/topics/a", 64),
        ("/v1/queues/a/metadata", 64),
        ("/v2/queues/a/claims", 65_536),
        ("/v2/queues/a/subscriptions", 65_536),
        ("/v2/pools/a", 65_536),
    ],
)
def test_the_body_limit_depends_on_the_path(path: str, most: int) -> None:
    """The limit of metadata is a setting of its own."""
    assert ZaqarFace(Settings(max_queue_metadata=64)).body_limit({"PATH_INFO": path}) == most


@pytest.mark.parametrize(("fault", "status"), [(StoreUnavailable("gone"), 503), (RuntimeError("bug"), 500)])
def test_an_unexpected_exception_is_500_without_details(
    zaqar: Any, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int
) -> None:
    def fail(*_: object) -> None:
        raise fault

    monkeypatch.setattr(Session, "call", fail)
    answer = zaqar.call("GET", "/v2/queues/a")
    assert answer.status == status
    assert "gone" not in str(answer.json)
    assert "bug" not in str(answer.json)


@pytest.mark.parametrize(
    "name",
    [
        "max_queues_per_page",
        "max_messages_per_page",
        "max_subscriptions_per_page",
        "max_messages_per_claim_or_pop",
        "max_pools_per_page",
        "max_flavors_per_page",
    ],
)
def test_a_setting_cannot_allow_pages_that_block_the_store(name: str) -> None:
    assert getattr(load({name: 1000}, {}), name) == 1000
    with pytest.raises(SettingsInvalid, match=name):
        load({name: 1001}, {})

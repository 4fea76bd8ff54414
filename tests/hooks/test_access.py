"""The hooks serve only this machine, and only if the service was started with them."""

from __future__ import annotations

import pytest
import requests

from tests.conftest import Service, serving

HOOKS = ("clock", "reset", "chaos", "spy")


@pytest.mark.parametrize("hook", HOOKS)
def test_a_host_name_that_is_not_allowed_is_refused(service: Service, hook: str) -> None:
    answer = requests.post(f"{service.url}/_test/{hook}", json={}, headers={"Host": "evil.example"}, timeout=10)
    assert answer.status_code == 403


def test_a_host_of_allowed_hosts_is_served() -> None:
    with serving(allowed_hosts="sqs.test") as service:
        answer = requests.post(f"{service.url}/_test/clock", json={}, headers={"Host": "sqs.test:80"}, timeout=10)
        assert answer.status_code == 200


def test_a_web_page_of_another_origin_is_refused(service: Service) -> None:
    headers = {"Origin": "https://evil.example"}
    answer = requests.post(f"{service.url}/_test/reset", json={}, headers=headers, timeout=10)
    assert answer.status_code == 403


def test_an_unknown_hook_is_404(service: Service) -> None:
    assert requests.post(f"{service.url}/_test/nothing", json={}, timeout=10).status_code == 404


def test_a_production_server_has_no_hooks(valkey: str) -> None:
    with serving(redis=valkey, durability="memory") as service:
        found = {
            requests.request(method, f"{service.url}/_test/{hook}", data=b"{}", headers=headers, timeout=10).status_code
            for method in ("GET", "POST")
            for hook in (*HOOKS, "waiting")
            for headers in ({}, {"X-Amz-Target": "AmazonSQS.ListQueues"}, {"Content-Type": "application/json"})
        }
        assert found == {404}

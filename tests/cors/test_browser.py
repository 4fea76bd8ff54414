"""A real browser's pages of another origin: those of a listed one work, others are blocked."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from tests.conftest import serving
from tests.cors.conftest import Site, opened

pytestmark = pytest.mark.browser

_CALLS = """
const zaqar = {"Client-ID": "%(client)s", "X-Project-Id": "%(client)s", "Content-Type": "application/json"};
const sqs = target => ({"X-Amz-Target": "AmazonSQS." + target, "Content-Type": "application/x-amz-json-1.0"});
const call = (path, method, headers, document) =>
  fetch("%(url)s" + path, {method, headers, body: document && JSON.stringify(document)});
const tried = async work => { try { return await work() } catch (problem) { return problem.name } };
"""
_ZAQAR = """
const posted = await call("/v2/queues/q/messages", "POST", zaqar, {messages: [{body: "hello"}]});
const claim = await call("/v2/queues/q/claims", "POST", zaqar, {});
const [message] = (await claim.json()).messages;
const deleted = await call(message.href, "DELETE", zaqar);
return [posted.status, message.body, deleted.status, claim.headers.get("Location").startsWith("/v2/queues/q/claims/"),
        posted.headers.get("X-OpenStack-Request-ID").slice(0, 4)];
"""
_SQS = """
const {QueueUrl} = await (await call("/", "POST", sqs("CreateQueue"), {QueueName: "q"})).json();
const sent = await call("/", "POST", sqs("SendMessage"), {QueueUrl, MessageBody: "hello"});
const {Messages} = await (await call("/", "POST", sqs("ReceiveMessage"), {QueueUrl})).json();
const missing = await call("/", "POST", sqs("GetQueueUrl"), {QueueName: "none"});
return [sent.status, Messages[0].Body, sent.headers.get("x-amzn-RequestId").length,
        missing.status, missing.headers.get("x-amzn-query-error")];
"""
_BLOCKED = """
return [await tried(() => call("/v2/queues/q/messages", "POST", zaqar, {messages: [{body: 1}]})),
        await tried(() => call("/", "POST", sqs("CreateQueue"), {QueueName: "q"})),
        await tried(() => fetch("%(url)s/v2/queues", {headers: zaqar})),
        await tried(async () => (await fetch("%(url)s/health", {mode: "cors"})).status)];
"""


def _script(site: Site, work: str, url: str) -> None:
    site.script = (_CALLS + work) % {"url": url, "client": uuid.uuid4()}


def test_a_page_of_a_listed_origin_uses_zaqar(browser: str, site: Site, tmp_path: Path) -> None:
    with serving(allowed_origins=site.address("127.0.0.1")) as service:
        _script(site, _ZAQAR, service.url)
        assert opened(browser, site, "127.0.0.1", tmp_path) == [201, "hello", 204, True, "req-"]


def test_a_page_of_a_listed_origin_uses_sqs_and_reads_its_errors(browser: str, site: Site, tmp_path: Path) -> None:
    with serving(allowed_origins=site.address("127.0.0.1")) as service:
        _script(site, _SQS, service.url)
        sent, body, id_length, missing, kind = opened(browser, site, "127.0.0.1", tmp_path)
        assert (sent, body, id_length, missing) == (200, "hello", 36, 400)
        assert kind == "AWS.SimpleQueueService.NonExistentQueue;Sender"


@pytest.mark.parametrize("listed", ["127.0.0.1", None])
def test_a_page_of_another_origin_is_blocked(browser: str, site: Site, tmp_path: Path, listed: str | None) -> None:
    with serving(allowed_origins=site.address(listed) if listed else "") as service:
        _script(site, _BLOCKED, service.url)
        assert opened(browser, site, "localhost", tmp_path) == ["TypeError"] * 4


def test_the_wildcard_admits_a_page_of_any_origin(browser: str, site: Site, tmp_path: Path) -> None:
    with serving(allowed_origins="*") as service:
        _script(site, _ZAQAR, service.url)
        assert opened(browser, site, "localhost", tmp_path)[:3] == [201, "hello", 204]

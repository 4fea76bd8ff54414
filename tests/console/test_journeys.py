"""Journeys through the console in a real Chromium. No page logs an error, and none asks another host."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

from tests.conftest import Service, serving
from tests.console.chrome import Chrome, Page
from tests.console.conftest import KEYS, USERS, sqs
from tests.credentials.conftest import written
from tests.credentials.signing import USER
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues
from zaqar_core.core.process import Core
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef

pytestmark = pytest.mark.browser

AXE = "axe-core@4.14.1"
REGION, ACCOUNT = "us-east-1", "000000000000"
#: Does something only if a page takes it for markup.
HOSTILE = "<img src=x onerror='window.hit=1'><script>window.hit=1</script>&amp;\"'`${window.hit=1}"


def test_a_queue_is_created_filled_looked_at_and_deleted(page: Page, queue_name: str) -> None:
    page.click("Create queue")
    page.fill("Name", queue_name)
    page.click("Create")
    page.sees("The queue is empty")
    page.click("Send message")
    page.fill("Body", '{"order": 12345678901234567890, "lines": [1, {}]}')
    page.click("Add attribute")
    page.fill("Name", "kind")
    page.fill("Value", "created")
    page.click("Send")
    page.sees("1 message shown")
    page.run("document.querySelector('.message-head').click()")
    page.sees('{\n  "order": 12345678901234567890,\n  "lines": [\n    1,\n    {}\n  ]\n}')
    page.sees("created")
    page.sees("never")
    page.click("Delete message")
    page.click("Delete")
    page.sees("The queue is empty")
    page.click("Purge")
    page.fill(f"Type {queue_name} to confirm", queue_name[:-1])
    assert page.run("document.querySelector('dialog button.danger').disabled")
    page.fill(f"Type {queue_name} to confirm", queue_name)
    page.click("Purge")
    page.sees(f"Purged {queue_name}")
    page.click("Delete")
    page.fill(f"Type {queue_name} to confirm", queue_name)
    page.click("Delete")
    page.sees(f"Deleted {queue_name}")
    page.until("location.hash === '#/queues'")


def test_settings_are_changed_and_errors_stand_at_their_field(page: Page, served: Service, queue_name: str) -> None:
    sqs(served, "CreateQueue", QueueName=queue_name)
    page.open(f"{served.url}/console/#/queues/{queue_name}/settings")
    page.fill("Delay seconds", "901")
    page.click("Save")
    page.sees("Invalid value for the parameter DelaySeconds.")
    assert page.run("document.querySelector('.invalid label').innerText") == "Delay seconds"
    assert page.run("document.querySelector('[aria-invalid]').value") == "901"
    page.fill("Delay seconds", "900")
    page.click("Save")
    page.sees("Saved the settings")
    url = f"{served.url}/{ACCOUNT}/{queue_name}"
    shown = sqs(served, "GetQueueAttributes", QueueUrl=url, AttributeNames=["DelaySeconds"])
    assert shown["Attributes"] == {"DelaySeconds": "900"}
    page.fill("Key", "team")
    page.fill("Value", "shop")
    page.click("Set tag")
    page.sees("Set the tag team")
    page.click("Remove the tag team")
    page.sees("No tags.")
    page.click("Access")
    page.click("Add a policy", "#panel section:first-child button")
    page.fill("JSON", "no policy")
    page.click("Save")
    page.sees("Invalid value for the parameter Policy.")
    page.click("Cancel")


def test_an_address_that_changes_while_the_page_is_drawn_is_followed(page: Page, served: Service) -> None:
    page.send(
        "Page.addScriptToEvaluateOnNewDocument",
        source="""new MutationObserver((_, observer) => {
          if (!document.querySelector("header.bar")) return;
          observer.disconnect();
          location.hash = "#/service";
        }).observe(document, { subtree: true, childList: true });""",
    )
    page.open(f"{served.url}/console/")
    page.sees("Valkey")
    page.misses("All messages")


def test_dead_letters_are_followed_both_ways_and_moved_with_progress(
    page: Page, served: Service, queue_name: str
) -> None:
    dead = f"{queue_name}-dead"
    sqs(served, "CreateQueue", QueueName=queue_name)
    sqs(served, "CreateQueue", QueueName=dead)
    for at in range(3):
        sqs(served, "SendMessage", QueueUrl=f"{served.url}/{ACCOUNT}/{dead}", MessageBody=str(at))
    page.open(f"{served.url}/console/#/queues/{queue_name}/redrive")
    page.click("Set a dead-letter queue")
    page.fill("Dead-letter queue", dead)
    page.fill("Receives before a message goes there", "0")
    page.click("Save")
    page.sees("valid values are from 1 to 1000")
    page.fill("Receives before a message goes there", "3")
    page.click("Save")
    page.click(dead)
    page.sees("From 1 queue:")
    page.choose("Move the visible messages", "other")
    page.fill("Destination", queue_name)
    page.click("Move 3 messages")
    page.sees("3 of 3 messages")
    page.until("document.querySelector('progress').value === 3")
    page.click(queue_name, "#panel a")
    page.until(f"document.querySelector('h1').innerText === '{queue_name}'")
    page.click("Messages")
    page.sees("3 messages shown")


def test_hostile_values_are_text(page: Page, served: Service, queue_name: str) -> None:
    zaqar = {"Client-ID": str(uuid.uuid4()), "X-Project-Id": ACCOUNT}
    queue = f"{served.url}/v2/queues/{queue_name}"
    requests.put(queue, json={HOSTILE: HOSTILE}, headers=zaqar, timeout=10)
    requests.post(f"{queue}/messages", json={"messages": [{"body": {HOSTILE: HOSTILE}}]}, headers=zaqar, timeout=10)
    subscriber = {"subscriber": "https://example.org/" + quote(HOSTILE)}
    requests.post(f"{queue}/subscriptions", json=subscriber, headers=zaqar, timeout=10)
    url = f"{served.url}/{ACCOUNT}/{queue_name}"
    sqs(served, "TagQueue", QueueUrl=url, Tags={HOSTILE: HOSTILE})
    kind = {"DataType": "String.x", "StringValue": HOSTILE}
    sqs(served, "SendMessage", QueueUrl=url, MessageBody=HOSTILE, MessageAttributes={"a": kind}, MessageGroupId="<b>")
    page.open(f"{served.url}/console/#/queues/{queue_name}")
    page.sees("2 messages shown")
    page.run("document.querySelectorAll('.message-head').forEach(one => one.click())")
    page.until("document.querySelectorAll('pre.document').length === 2")
    texts = page.run("[...document.querySelectorAll('pre.document')].map(one => one.innerText)")
    assert HOSTILE in texts
    page.until(f"[...document.querySelectorAll('td code')].some(one => one.innerText === {json.dumps(HOSTILE)})")
    page.click("Settings")
    page.until(f"[...document.querySelectorAll('td')].some(one => one.innerText === {json.dumps(HOSTILE)})")
    page.click("Claims and subscriptions")
    page.sees("window.hit=1")
    for at in (f"queues/{quote(HOSTILE, safe='')}", "queues/%ff", quote(HOSTILE)):
        page.open(f"{served.url}/console/#/{at}")
        page.until("document.querySelector('h1')")
    page.open(f"{served.url}/console/#/queues")
    page.sees("Removed")
    page.fill("Search names and tags", HOSTILE + " nothing")
    page.sees("No queue matches")
    assert page.run("document.querySelectorAll('main img, main script').length") == 0


def test_a_user_signs_in_and_sees_what_policies_allow(chrome: Chrome, tmp_path: Path, queue_name: str) -> None:
    file = written(tmp_path, USER + USERS)
    with serving(credentials_file=str(file)) as service, chrome.page() as page:
        page.open(f"{service.url}/console/")
        key, secret = KEYS["one"]
        page.fill("Access key id", key)
        page.fill("Secret access key", "wrong")
        page.press("Enter")
        page.sees("The access key id or the secret access key is wrong")
        page.fill("Secret access key", secret)
        page.press("Enter")
        page.sees("This account has no queues")
        assert page.run("document.cookie") == ""
        assert secret not in page.run(
            "JSON.stringify([localStorage, sessionStorage, document.documentElement.outerHTML])"
        )
        page.click("Create queue")
        page.fill("Name", queue_name)
        page.click("Create")
        page.sees("The queue is empty")
        page.click("Sign out")
        page.sees("Sign in with an access key")
        key, secret = KEYS["reader"]
        page.fill("Access key id", key)
        page.fill("Secret access key", secret)
        page.press("Enter")
        page.sees("sqs:receivemessage")
        page.click("Purge")
        page.fill(f"Type {queue_name} to confirm", queue_name)
        page.click("Purge")
        page.sees("is not authorized to perform: sqs:purgequeue")
        page.click("Cancel")
        page.click("Service")
        page.sees("shown to administrators")
        page.run("fetch('api/sign-out')")  # a GET ends no session
        page.assert_clean(service.url)


def test_a_thousand_queues_are_listed_by_one_request(chrome: Chrome, valkey: str) -> None:
    account = "999999999999"
    core = Core(Settings(redis=valkey, durability="memory"), valkey)
    for at in range(1_000):
        queues.create(core.session(), QueueRef(account, REGION, f"queue-{at:04}"), QueueSettings(), creator="sqs")
    core.close()
    with serving(redis=valkey, durability="memory", default_account=account) as service, chrome.page() as page:
        page.open(f"{service.url}/console/")
        page.until("document.querySelectorAll('table.queues tbody tr').length === 50")
        page.sees("1,000 queues")
        lists = [one for one in page.requests if "/api/queues" in one]
        timing = "performance.getEntriesByType('resource').find(one => one.name.includes('/api/queues'))"
        shown_ms, request_ms = page.run(f"(one => [one.responseEnd, one.duration])({timing})")
        print(f"1,000 queues: {shown_ms:.0f} ms after the navigation, of which the request took {request_ms:.0f} ms")  # noqa: T201
        assert len(lists) == 1
        assert len(page.requests) < 30
        page.click("Next")
        page.sees("51\u2013100 of 1,000")
        page.run("document.querySelector('.search').focus()")
        page.type("99")
        page.sees("19 of 1,000 queues")
        page.assert_clean(service.url)

"""What every page of the console has in common: keys, phones, themes, aids, and quiet when nobody looks."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from typing import Any

import pytest
import requests

from tests.conftest import Service
from tests.console.chrome import Page
from tests.console.conftest import sqs

pytestmark = pytest.mark.browser

AXE = "axe-core@4.14.1"
REGION, ACCOUNT = "us-east-1", "000000000000"


def test_everything_can_be_done_by_keyboard(page: Page, queue_name: str) -> None:
    def tab_to(text: str) -> None:
        """Press Tab until the focus is on the element of that text or label."""
        for _ in range(60):
            name = page.run(
                "(e => e.getAttribute('aria-label') ?? e.labels?.[0]?.innerText ?? e.innerText)(document.activeElement)"
            )
            if name and name.strip() == text:
                return
            page.press("Tab")
        pytest.fail(f"the focus does not come to {text}")

    page.press("Tab")
    assert page.run("document.activeElement.innerText") == "Skip to the content"
    tab_to("Create queue")
    assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.press("Enter")
    page.until("document.activeElement.matches('dialog input')")
    page.press("Escape")
    page.until("!document.querySelector('dialog') && document.activeElement.innerText === 'Create queue'")
    page.press("Enter")
    page.until("document.activeElement.matches('dialog input')")
    page.type(queue_name)
    page.press("Enter")
    page.sees("The queue is empty")
    tab_to("Send message")
    page.press("Enter")
    page.until("document.activeElement.matches('dialog textarea')")
    page.type("hello")
    for _ in range(12):  # the focus stays in the dialog
        page.press("Tab")
        assert page.run("document.activeElement === document.body || document.activeElement.closest('dialog') !== null")
    tab_to("Send")
    page.press("Enter")
    page.sees("1 message shown")
    tab_to("Messages")
    page.press("ArrowRight")
    page.until("document.activeElement.innerText === 'Settings' && document.activeElement.ariaSelected === 'true'")
    page.press("End")
    page.until("document.activeElement.innerText === 'Claims and subscriptions'")
    page.press("Home")
    page.sees("1 message shown")
    page.press("Tab", "Tab", "Tab", "Tab")
    page.until("document.activeElement.matches('.message-head')")
    page.press(" ")
    page.sees("Message id")


def test_nothing_is_read_while_the_tab_is_hidden(page: Page) -> None:
    page.until("document.querySelector('main h1')")
    page.run("""(() => { window.timers = []; const real = window.setTimeout;
        window.setTimeout = (call, ms, ...rest) => { if (ms >= 1000) timers.push(ms); return real(call, ms, ...rest) };
        const to = is => { Object.defineProperty(document, "hidden", {value: is, configurable: true});
          document.dispatchEvent(new Event("visibilitychange")) };
        window.show = () => to(false); to(true) })()""")
    page.run("fetch('api/session')")  # gives reads that have begun before the time to end
    assert page.run("timers") == []
    before = len(page.requests)
    page.run("show()")
    page.until("timers.length > 0")
    assert len(page.requests) > before


def test_nothing_moves_when_numbers_change(page: Page, served: Service, queue_name: str) -> None:
    sqs(served, "CreateQueue", QueueName=queue_name)
    page.open(f"{served.url}/console/#/queues/{queue_name}/settings")
    page.sees("Attributes")
    page.run("""(() => { window.moved = []; new PerformanceObserver(list => list.getEntries().forEach(one => {
        if (!one.hadRecentInput) moved.push(one.value) })).observe({type: "layout-shift"}) })()""")
    for number in (1, 10):
        for _ in range(number):
            sqs(served, "SendMessage", QueueUrl=f"{served.url}/{ACCOUNT}/{queue_name}", MessageBody="x")
        page.until(f"document.querySelector('.tile dd').innerText === '{1 if number == 1 else 11}'")
    assert sum(page.run("moved")) == 0


PAGES = [
    "queues",
    "queues/{}",
    "queues/{}/settings",
    "queues/{}/redrive",
    "queues/{}/access",
    "queues/{}/zaqar",
    "service",
]


@pytest.fixture(scope="module")
def filled(served: Service) -> str:
    """A queue that has something of everything."""
    name = f"filled-{uuid.uuid4().hex[:6]}"
    dead = f"{name}-dead"
    sqs(served, "CreateQueue", QueueName=dead)
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{dead}", "maxReceiveCount": 3}
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    attributes = {
        "RedrivePolicy": json.dumps(redrive),
        "Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    }
    sqs(served, "CreateQueue", QueueName=name, Attributes=attributes, tags={"team": "shop"})
    url = f"{served.url}/{ACCOUNT}/{name}"
    for _ in range(3):
        sqs(served, "SendMessage", QueueUrl=url, MessageBody=json.dumps({"a": "x" * 300}))
    zaqar = {"Client-ID": str(uuid.uuid4()), "X-Project-Id": ACCOUNT}
    base = f"{served.url}/v2/queues/{name}"
    requests.post(f"{base}/claims?limit=1", json={"ttl": 300, "grace": 60}, headers=zaqar, timeout=10)
    requests.post(f"{base}/subscriptions", json={"subscriber": "https://example.org/"}, headers=zaqar, timeout=10)
    return name


def opened(page: Page, served: Service, at: str, queue: str) -> None:
    page.open(f"{served.url}/console/#/{at.format(queue)}")
    page.until("document.querySelector('main .tiles, main .condition') && !document.querySelector('.loading')")
    if at == "queues/{}":
        page.run("document.querySelector('.message-head').click()")
        page.sees("Message id")


def test_no_page_is_wider_than_a_phone(page: Page, served: Service, filled: str) -> None:
    page.size(360, 740, is_phone=True)
    for at in PAGES:
        opened(page, served, at, filled)
        assert page.run("[document.documentElement.scrollWidth, innerWidth]") == [360, 360], at
    page.open(f"{served.url}/console/#/queues/{filled}")
    page.click("Send message")
    page.click("Add attribute")
    assert page.run("document.querySelector('dialog').scrollWidth <= innerWidth")
    page.click("Remove attribute")
    page.fill("Body", "from a phone")
    page.click("Send")
    page.sees("Sent message")


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program that checks accessibility."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed, so axe-core cannot be fetched")
    folder = tmp_path_factory.mktemp("axe")
    command = [npm, "install", "--prefix", str(folder), "--ignore-scripts", "--no-audit", "--no-fund", AXE]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if ran.returncode != 0:
        pytest.skip(f"npm cannot fetch {AXE}: {ran.stderr[-300:]}")
    return (folder / "node_modules/axe-core/axe.min.js").read_text()


def test_axe_finds_no_serious_violation_in_either_theme(page: Page, served: Service, filled: str, axe: str) -> None:
    found: dict[str, Any] = {}

    def violations(options: str) -> Any:
        # The program runs as the tools of a developer do: the policy of the page does not concern them.
        page.run(f"void (window.axe || (() => {{ {axe} }})())")
        run = f"axe.run(document, {{resultTypes: ['violations'], {options}}}).then(one => one.violations.map(v =>"
        run += " ({id: v.id, impact: v.impact, at: v.nodes.map(n => n.target + ' ' + n.failureSummary)})))"
        return page.run(run)

    def check(where: str) -> None:
        page.prefer("light")
        bad = violations("")
        page.prefer("dark")  # which changes nothing but the colors
        bad += violations("runOnly: ['color-contrast']")
        if bad := [one for one in bad if one["impact"] in ("serious", "critical")]:
            found[where] = bad

    for at in PAGES:
        opened(page, served, at, filled)
        check(at)
    opened(page, served, "queues/{}", filled)
    for name in ("Send message", "Purge"):
        page.click(name)
        page.until("document.querySelector('dialog[open]')")
        check(name)
        page.press("Escape")
        page.until("!document.querySelector('dialog')")
    page.open(f"{served.url}/console/#/queues/nothing-of-that-name")
    page.sees("This queue does not exist")
    check("missing")
    assert found == {}

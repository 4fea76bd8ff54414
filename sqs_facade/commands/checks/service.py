"""Checks of a running service, as a client sees it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqs_facade.commands.checks.findings import Finding, Topic

TOPIC = Topic("The running service")


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What a service at a URL answers. None where it was not asked or did not answer."""

    url: str
    #: Why no answer came; empty otherwise.
    unreachable: str = ""
    #: Whether ``/health`` is that of this product.
    is_ours: bool = True
    #: The document of ``/health/ready``: its status, and with reasons the code, the reason and the remedy.
    ready_status: str = "ready"
    ready_code: str = ""
    ready_reason: str = ""
    ready_remedy: str = ""
    #: Whether ListQueues without a signature was answered.
    is_open: bool | None = None
    #: The address is loopback.
    is_loopback: bool = True
    has_tls: bool = False
    has_test_hooks: bool = False
    #: The time of the service minus ours.
    clock_seconds: float | None = None
    #: A queue URL that it returned, and why that URL does not lead to this service; empty if it does.
    queue_url: str = ""
    queue_url_problem: str = ""
    #: A header that only another server sets, such as Via or Server: nginx.
    proxy: str = ""
    #: Median time of a request for /health.
    seconds: float | None = None


_GONE = TOPIC.rule(
    "service-unreachable", "error", means="nothing answers at the URL",
    why="clients get no answer either",
    remedy="sqs-facade serve --port {port}; check firewalls and proxies",
)  # fmt: skip
_OTHER = TOPIC.rule(
    "service-other", "error", means="another program answers at the URL",
    why="clients call the wrong service",
    remedy="check host, port and base path of the URL {url}",
)  # fmt: skip
_NOT_READY = TOPIC.rule(
    "service-not-ready", "error", means="/health/ready is not ready",
    why="some or all requests are refused",
    remedy="see the log of the service, and run doctor with its --data-dir or --redis",
)  # fmt: skip
_SLOW_STORE = TOPIC.rule(
    "service-degraded", "warning", means="/health/ready warns of a slow store or of a pool",
    why="requests wait, or those for the queues of the pool fail",
    remedy="run doctor with the --redis or --data-dir of the store",
)  # fmt: skip
_OPEN = TOPIC.rule(
    "service-open", "error", means="a request without a signature is answered at an address that is not loopback",
    why="whoever reaches the port reads and deletes every message",
    remedy="set credentials_file (sqs-facade credentials add creates it)",
)  # fmt: skip
_PLAIN = TOPIC.rule(
    "service-no-tls", "warning", means="the URL of another machine is http",
    why="messages and tokens cross the network readable",
    remedy="set tls_certificate and tls_key, or put a proxy with TLS before the service and set public_url",
)  # fmt: skip
_HOOKS = TOPIC.rule(
    "service-test-hooks", "error", means="the test hooks are on at an address that is not loopback",
    why="whoever reaches the port can move the clock and reset every queue",
    remedy="remove test_hooks and ephemeral",
)  # fmt: skip
_CLOCK = TOPIC.rule(
    "service-clock", "warning", means="its clock and ours differ by over 5 s",
    why="clients with such a clock get RequestTimeTooSkewed from 15 minutes on",
    remedy="timedatectl set-ntp true on both machines",
)  # fmt: skip
_QUEUE_URL = TOPIC.rule(
    "service-queue-url", "error", means="a queue URL of the service does not lead back to it",
    why="SDKs send requests to the queue URL: they fail",
    remedy="set public_url to the URL that clients reach, such as {url}",
)  # fmt: skip
_PUBLIC_URL = TOPIC.rule(
    "service-public-url", "warning", means="no service of this product answers at public_url, as seen from here",
    why="queue URLs begin with it, and SDKs send their requests there",
    remedy="correct public_url ({url}), or the proxy that serves it; start the service if it is stopped",
)  # fmt: skip
_SCHEME = TOPIC.rule(
    "service-queue-url-scheme", "warning", means="the service is called by https, and its queue URLs are http",
    why="SDKs that follow queue URLs leave TLS, or are redirected",
    remedy="set public_url to {url}, or trusted_proxies to the network of the proxy",
)  # fmt: skip
_PROXY = TOPIC.rule(
    "service-proxy", "note", means="a proxy answers for the service",
    why="its read time-out must be above 20 s, the longest wait, and its body limit 1 MiB or more",
    remedy="nginx: proxy_read_timeout 60s; client_max_body_size 2m; HAProxy: timeout server 60s",
)  # fmt: skip
_SLOW = TOPIC.rule(
    "service-slow", "warning", means="/health takes over 0.2 s",
    why="it needs no store: the worker is busy, or the network is slow",
    remedy="add workers, and look at the CPU of the workers",
)  # fmt: skip


def check(facts: ServiceFacts) -> Iterator[Finding]:
    """Return what is wrong with a running service."""
    url = facts.url
    if facts.unreachable:
        port = url.rstrip("/").rpartition(":")[2]
        yield _GONE.found(facts.unreachable, where=url, port=port if port.isdigit() else "9324")
        return
    if not facts.is_ours:
        yield _OTHER.found("/health is not that of sqs-facade", where=url, url=url)
        return
    if facts.ready_status != "ready":
        reason = facts.ready_reason or "the service does not say why, since callers need credentials"
        code = f"{facts.ready_code}: " if facts.ready_code else ""
        yield _NOT_READY.found(f"{code}{reason}", where=url, remedy=facts.ready_remedy)
    elif facts.ready_code:
        yield _SLOW_STORE.found(f"{facts.ready_code}: {facts.ready_reason}", where=url, remedy=facts.ready_remedy)
    yield from _reach(facts, url)
    if facts.clock_seconds is not None and abs(facts.clock_seconds) > 5:
        yield _CLOCK.found(f"its clock differs by {facts.clock_seconds:+.0f} s from ours", where=url)
    if facts.queue_url_problem:
        yield _QUEUE_URL.found(f"{facts.queue_url}: {facts.queue_url_problem}", where=url, url=url)
    elif facts.has_tls and facts.queue_url.startswith("http://"):
        yield _SCHEME.found(f"a queue URL is {facts.queue_url}", where=url, url=url)
    if facts.proxy:
        yield _PROXY.found(f"responses have the header {facts.proxy}", where=url)
    if facts.seconds is not None and facts.seconds > 0.2:
        yield _SLOW.found(f"/health takes {facts.seconds:.2f} s", where=url)


def check_public_url(url: str, *, is_ours: bool) -> Iterator[Finding]:
    """Return what is wrong with the setting ``public_url``. ``is_ours``: a service of this product answers there."""
    if not is_ours:
        yield _PUBLIC_URL.found(f"no service answers at {url}", where="public_url", url=url)


def _reach(facts: ServiceFacts, url: str) -> Iterator[Finding]:
    if facts.is_loopback:
        return
    if facts.is_open:
        yield _OPEN.found("ListQueues without a signature is answered", where=url)
    if not facts.has_tls:
        yield _PLAIN.found("the service is called without TLS", where=url)
    if facts.has_test_hooks:
        yield _HOOKS.found("/_test answers", where=url)

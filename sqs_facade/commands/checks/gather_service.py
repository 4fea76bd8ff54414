"""Asks a running service, as clients do."""

from __future__ import annotations

import email.utils
import re
import socket
import ssl
import statistics
import time
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import orjson
import urllib3
from cryptography import x509

from sqs_facade.commands.checks.access import CertificateFacts
from sqs_facade.commands.checks.gather_access import certificate_facts
from sqs_facade.commands.checks.service import ServiceFacts
from zaqar_core.web import allowed_hosts

_TIMEOUT = urllib3.Timeout(connect=3, read=10)
_REQUESTS = 3
_OK = 200
#: For the question whether a service answers at all.
_SHORT = urllib3.Timeout(connect=1, read=1)
#: How urllib3 begins the text of an error, in its older and newer releases.
_CONNECTION = re.compile(r"^(?:<[^>]*>|\w+\([^()]*\)): ")
_LIST = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ListQueues"}


def service_facts(url: str, ca_file: str | None = None) -> ServiceFacts:
    """Ask the service at a URL. Its certificate is verified by the authorities of the system, or by ``ca_file``."""
    url = url.rstrip("/")
    parts = urlsplit(url)
    context = ssl.create_default_context(cafile=ca_file)
    http = urllib3.PoolManager(timeout=_TIMEOUT, retries=False, ssl_context=context)
    host = parts.hostname or ""
    known = ServiceFacts(url, is_loopback=allowed_hosts.is_loopback(host), has_tls=parts.scheme == "https")
    try:
        taken, health = [], None
        for _ in range(_REQUESTS):
            began = time.perf_counter()
            health = http.request("GET", f"{url}/health")
            taken.append(time.perf_counter() - began)
        assert health is not None
        now = time.time()
        if _document(health).get("status") != "serving":
            return replace(known, is_ours=False)
        ready = _document(http.request("GET", f"{url}/health/ready"))
        listed = http.request("POST", f"{url}/", body=b'{"MaxResults":1}', headers=_LIST)
        # Not where they do no harm: the service would log that it has refused them.
        has_hooks = not known.is_loopback and http.request("GET", f"{url}/_test/clock").status == _OK
    except (urllib3.exceptions.HTTPError, OSError) as problem:
        return replace(known, unreachable=_reason(problem))
    queues = _document(listed).get("QueueUrls") or [""]
    pools = ready.get("pools") or []
    worst = ready if ready.get("code") or not pools else {**pools[0], "reason": f"pool {pools[0].get('pool')}"}
    return replace(
        known,
        ready_status=str(ready.get("status", "")),
        ready_code=str(worst.get("code", "")),
        ready_reason=str(worst.get("reason", "")),
        ready_remedy=str(worst.get("remedy", "")),
        is_open=listed.status == _OK,
        has_test_hooks=has_hooks,
        clock_seconds=_clock(health.headers.get("Date"), now),
        queue_url=str(queues[0]),
        queue_url_problem=_queue_url_problem(http, str(queues[0])) if queues[0] else "",
        proxy=_proxy(health.headers),
        seconds=statistics.median(taken),
    )


def presented_certificate(url: str) -> CertificateFacts | None:
    """Return the certificate that a service presents, whether it can be verified or not; None without TLS."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # an invalid certificate is a finding
    host = parts.hostname or ""
    try:
        with (
            socket.create_connection((host, parts.port or 443), 3) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            found = secured.getpeercert(binary_form=True)
    except OSError:
        return None
    return None if found is None else certificate_facts(x509.load_der_x509_certificate(found), url)


def answers(url: str) -> bool:
    """Return whether a service of this product answers at the URL."""
    try:
        return _document(_pool().request("GET", f"{url}/health")).get("status") == "serving"
    except (urllib3.exceptions.HTTPError, OSError):
        return False


def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(timeout=_SHORT, retries=False, cert_reqs="CERT_NONE")


def _document(answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    try:
        found = orjson.loads(answer.data)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _reason(problem: Exception) -> str:
    """Return why there is no answer, in one line without the names of classes."""
    return _CONNECTION.sub("", str(problem))


def _clock(date: str | None, now: float) -> float | None:
    """Return the time of the service minus ours, in whole seconds as its header has it."""
    if date is None:
        return None
    try:
        return float(round(email.utils.parsedate_to_datetime(date).timestamp() - now))
    except ValueError:
        return None


def _queue_url_problem(http: urllib3.PoolManager, queue_url: str) -> str:
    """Return why a queue URL does not lead to a service like this one; empty if it does."""
    parts = urlsplit(queue_url)
    try:
        answer = http.request("GET", f"{parts.scheme}://{parts.netloc}/health")
    except (urllib3.exceptions.HTTPError, OSError) as problem:
        return _reason(problem)
    return "" if _document(answer).get("status") == "serving" else "another program answers there"


def _proxy(headers: Any) -> str:
    for name in ("Via", "X-Cache", "CF-Ray", "X-Amzn-Trace-Id"):
        if name in headers:
            return f"{name}: {headers[name]}"
    server = headers.get("Server", "")
    known = ("nginx", "apache", "envoy", "caddy", "traefik", "haproxy", "cloudflare", "awselb", "varnish")
    return f"Server: {server}" if server.lower().startswith(known) else ""

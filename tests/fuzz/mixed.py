"""Requests whose parts do not fit together: the path of one dialect, the headers and the body of another."""

from __future__ import annotations

import random
from dataclasses import replace

from tests.fuzz import aws, console, sqs, values, zaqar
from tests.fuzz.case import Case, Memory

_GRAMMARS = (sqs.query, sqs.json_call, sqs.peeked, zaqar.call, aws.cloudwatch, aws.token_service, console.call)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
_PATHS = (
    b"/", b"//", b"/health", b"/health/", b"/health/ready", b"/_test", b"/_test/clock", b"/_test/spy?account=%00",
    b"/_test/waiting", b"/_test/none", b"/_aws", b"/_aws/sqs/messages/", b"/v1", b"/v1.1/", b"/v2/", b"/v3",
    b"/v2//queues", b"/metrics", b"/metrics/", b"/metrics?name[]=x", b"/_localstack/health", b"/_localstack/info",
    b"/_localstack/init", b"/_localstack/init/ready", b"/_localstack/init/x", b"/_localstack/sqs/messages",
    b"/_ministack/health", b"/_ministack/ready", b"/moto-api/reset",
    b"/moto-api/data.json",
    b"/_aws/sqs/messages?QueueUrl=%ff", b"/console", b"/console/", b"/console/api/queues", b"/console/api/%ff",
    b"/service/GraniteServiceVersion20100801", b"/service/GraniteServiceVersion20100801/operation/",
    b"/service/GraniteServiceVersion20100801/operation/ListMetrics/x", b"/favicon.ico", b"/robots.txt",
    b"/000000000000/a", b"/000000000000/a/b", b"/%0a", b"/a%0a/b", b"/a%00b", b"/%ff", b"/%c3%a4", b"/;", b"/a;b=c",
    b"/..",
    b"/v2/../v1", b"/v2/queues/%2e%2e/messages", b"/queue/us-east-1/000000000000/a", b"/us-east-1/000000000000/a",
)  # fmt: skip
#: Headers of every kind, with values that are not what they should be.
_HEADERS = (
    "Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Client-ID", "Content-Encoding",
    "Content-Type", "Cookie", "Date", "If-Match", "If-None-Match", "If-Modified-Since", "Origin", "Range", "Referer",
    "Sec-Fetch-Site", "Sec-Fetch-Mode", "User-Agent", "URL-Signature", "URL-Expires", "URL-Methods", "URL-Paths",
    "X-Amz-Target", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-SHA256", "X-Amzn-Trace-Id",
    "x-amzn-query-mode", "X-Auth-Token", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Project-Id",
    "X-Roles", "X-SQS-Facade-Lane", "X-LocalStack-SQS-Override-Message-Count", "Access-Control-Request-Method",
    "Access-Control-Request-Headers", "X-Forwarded-Prefix", "X-Forwarded-Port", "smithy-protocol",
    "X-Console-Token", "X-Console-Refresh", "traceparent", "tracestate", "baggage", "Forwarded", "Upgrade",
    "X-HTTP-Method-Override",
)  # fmt: skip
_BYTES = (b"\xff\xfe", b"\xc3\xa4", b"\xc3", b"\x80", b",", b",,,", b";", b"=", b'"', b"q=x", b"*", b"a" * 5_000)


def call(source: random.Random, memory: Memory) -> Case:
    """Return a mixture of two requests, perhaps with strange headers and another method."""
    case, other = (source.choice(_GRAMMARS)(source, memory) for _ in range(2))
    match source.randrange(5):
        case 0:
            case = replace(case, path=other.path, query=other.query)
        case 1:
            case = replace(case, headers=other.headers)
        case 2:
            case = replace(case, body=other.body)
        case 3:
            path, _, query = source.choice(_PATHS).partition(b"?")
            case = replace(case, path=path, query=query or case.query)
        case _:
            case = replace(case, headers=case.headers + other.headers)
    if source.random() < 0.3:
        case = replace(case, method=source.choice(_METHODS))
    for _ in range(source.choice((0, 1, 1, 3))):
        text = source.choice(_BYTES) if source.random() < 0.5 else values.text(source).encode("utf-8", "surrogatepass")
        value = bytes(one for one in text if one >= 32 and one != 127).strip()[:8_000]
        case = replace(case, headers=[*case.headers, (source.choice(_HEADERS), value)])
    if case.path.startswith(b"/_test"):  # valid bodies would move clocks and inject faults
        case = replace(case, body=b"[" + case.body[:100], method="GET" if source.random() < 0.5 else case.method)
    # A header that is repeated would be another request over HTTP than in process.
    once = {name.lower(): (name, value) for name, value in case.headers}
    return replace(case, headers=list(once.values()))

"""Measure the CPU time that enforced policies add to one SendMessage in the worker.

    python -m benchmarks.policies [--requests 20000]

The SQS face handles the same request of the same caller in this process, with and without enforced policies in turn.
The store's reply is a constant. The output is microseconds per request.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import orjson

from benchmarks.service import serving
from sqs_facade.face import SqsFace
from zaqar_core.access.policies import Policy
from zaqar_core.access.principals import Principal
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.authorization import Authorizer
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.names import QueueRef
from zaqar_core.web.envelope import Request

OWNER, OTHER = "444455556666", "111122223333"
ARN = f"arn:aws:sqs:us-east-1:{OWNER}:bench"
#: The queue's policy: only over TLS, and one other account may send from its own network.
DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": ARN,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "sqs:SendMessage", "Resource": ARN,
            "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        },
    ],
}  # fmt: skip
_ROUNDS = 9


class _Constant:
    """A router whose store accepts every message at once."""

    def run(self, *_: Any) -> list[int]:
        return [1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20_000)
    requests = parser.parse_args().requests
    with serving("memory") as service:
        path = next(one.laddr for process in service.valkeys for one in process.net_connections("unix") if one.laddr)
        url = f"unix://{path}"
        core = Core(Settings(redis=url, durability="memory"), url)
        try:
            _measure(core, requests)
        finally:
            core.close()
    return 0


def _measure(core: Core, requests: int) -> None:
    cases = {
        "root user, queue without policy": (_root(OWNER), False),
        "root user, queue policy": (_root(OWNER), True),
        "user with variables, queue policy": (_user(OWNER), True),
        "user of another account, queue policy": (_user(OTHER), True),
    }
    print(f"{'':40}{'without':>8}{'with':>8}{'more':>8}")
    for name, (principal, policy) in cases.items():
        calls = (_case(core, principal), _case(core, principal, enforced=True, policy=policy))
        best = [float("inf"), float("inf")]
        for _ in range(_ROUNDS):
            for index, call in enumerate(calls):
                began = time.process_time()
                for _ in range(requests // _ROUNDS):
                    call()
                best[index] = min(best[index], (time.process_time() - began) / (requests // _ROUNDS) * 1e6)
        print(f"{name:40}{best[0]:8.1f}{best[1]:8.1f}{best[1] - best[0]:+8.1f}")


def _root(account: str) -> Principal:
    return Principal(account, f"arn:aws:iam::{account}:root", account)


def _user(account: str) -> Principal:
    allow = {"Effect": "Allow", "Action": "sqs:Send*", "Resource": "arn:aws:sqs:*:*:${aws:username}*"}
    policies = (Policy.parse({"Version": "2012-10-17", "Statement": allow}),)
    return Principal(account, f"arn:aws:iam::{account}:user/bench", "AIDABENCH", "bench", policies=policies)


def _case(core: Core, principal: Principal, *, enforced: bool = False, policy: bool = False) -> Callable[[], None]:
    authorizer = Authorizer() if enforced else None
    if authorizer is not None and policy:
        authorizer.remember(QueueRef(OWNER, "us-east-1", "bench"), "hash", orjson.dumps(DOCUMENT).decode())
    face = SqsFace(core.settings, authorizer=authorizer)
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/", "HTTP_HOST": "localhost", "REMOTE_ADDR": "10.1.2.3",
        "HTTP_X_AMZ_TARGET": "AmazonSQS.SendMessage", "wsgi.url_scheme": "https",
    }  # fmt: skip
    url = f"http://localhost/{OWNER}/bench"
    body = orjson.dumps({"QueueUrl": url, "MessageBody": "x" * 200})
    router: Any = _Constant()

    def call() -> None:
        session = Session(core)
        session.router = router
        reply = face.answer(Request("POST", "/", "", body, environ, principal), session)
        assert reply.status == 200, reply.body

    return call


if __name__ == "__main__":
    raise SystemExit(main())

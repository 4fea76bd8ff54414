"""Measure the CPU time that enforced policies add to one SendMessage in the worker.

    python -m benchmarks.policies [--requests 20000]

The SQS face handles the same request of the same caller in this process, with and without enforced policies in turn.
The store's reply is a constant. The output is microseconds per request. The last row is the whole of access: the
request is signed, and one side has neither credentials nor policies.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from benchmarks import signatures
from benchmarks.service import serving
from sqs_facade.callers import Callers
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
#: The account of the key of signed requests.
SIGNER = "123456789012"
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
    with tempfile.TemporaryDirectory() as folder, serving("memory") as service:
        path = next(one.laddr for process in service.valkeys for one in process.net_connections("unix") if one.laddr)
        url = f"unix://{path}"
        core = Core(Settings(redis=url, durability="memory"), url)
        try:
            _measure(core, requests, Path(folder))
        finally:
            core.close()
    return 0


def _measure(core: Core, requests: int, folder: Path) -> None:
    cases = {
        "root user, queue without policy": (_root(OWNER), False),
        "root user, queue policy": (_root(OWNER), True),
        "user with variables, queue policy": (_user(OWNER), True),
        "user of another account, queue policy": (_user(OTHER), True),
    }
    print(f"{'':40}{'without':>8}{'with':>8}{'more':>8}")
    rows = {
        name: (_case(core, principal), _case(core, principal, enforced=True, policy=policy))
        for name, (principal, policy) in cases.items()
    }
    opened, settings = signatures.gate_in(folder)
    signed = signatures.json_request(200)
    rows["signed request, queue policy"] = (
        _signed_case(core, SqsFace(core.settings), signed),
        _signed_case(core, _guarding(SIGNER, callers=Callers(settings, opened)), signed),
    )
    _compare(rows, requests)


def _compare(rows: dict[str, tuple[Callable[[], None], Callable[[], None]]], requests: int) -> None:
    for name, calls in rows.items():
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
    face = SqsFace(core.settings, authorizer=Authorizer() if enforced else None)
    if policy:
        face = _guarding(OWNER)
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


def _guarding(owner: str, callers: Callers | None = None) -> SqsFace:
    """Return a face that enforces policies, and that has read the one of the queue."""
    authorizer = Authorizer()
    authorizer.remember(QueueRef(owner, "us-east-1", "bench"), "hash", orjson.dumps(DOCUMENT).decode())
    return SqsFace(Settings(), callers=callers, authorizer=authorizer)


def _signed_case(core: Core, face: SqsFace, signed: Request) -> Callable[[], None]:
    environ = {**signed.environ, "REMOTE_ADDR": "10.1.2.3", "wsgi.url_scheme": "https"}
    router: Any = _Constant()

    def call() -> None:
        session = Session(core)
        session.router = router
        reply = face.answer(Request("POST", "/", "", signed.body, environ), session)
        assert reply.status == 200, reply.body

    return call


if __name__ == "__main__":
    raise SystemExit(main())

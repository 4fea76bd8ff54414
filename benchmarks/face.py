"""Measure the CPU time of the SQS face and of the core for one request, without HTTP and without a store.

    python -m benchmarks.face

The replies of the store are prepared, so only Python runs: decoding, validation, ids, digests, records, receipt handles
and encoding. The bodies have 200 bytes. The output is the shortest time of many short runs, in microseconds, which
other load hardly changes.
"""

from __future__ import annotations

import struct
import time
from typing import Any, cast

import orjson

from sqs_facade import receipts
from sqs_facade.face import SqsFace
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.router import Arguments, Router
from zaqar_core.core.secrets import Secrets
from zaqar_core.core.session import Session, Shared
from zaqar_core.core.traffic import Traffic, Uncounted
from zaqar_core.domain.encryption import Keyring
from zaqar_core.domain.ids import MessageIds
from zaqar_core.domain.model import NewMessage, Receipt
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import Compiled, records
from zaqar_core.web.envelope import Request

BODY, SECRET = "x" * 200, b"s" * 32
URL = "http://localhost:9324/000000000000/bench"
SENT_MS, _INCARNATION = 1_700_000_000_000, "0123456789abcdef"
#: MessagePack of a state after one receive: see ``records.State``.
_STATE = b"\x96\xb00123456789abcdef\x01\xcf" + SENT_MS.to_bytes(8) + b"\xa0\x00\x00"
_RUNS, _REQUESTS_PER_RUN = 1_000, 3


class _Replies:
    """The router of a store whose replies are prepared."""

    def __init__(self) -> None:
        self._sequence = 0
        self._taken = {str(count): self._reply(count) for count in (1, 10)}

    def run(self, function: Compiled, ref: QueueRef, arguments: Arguments) -> Any:
        del ref
        if function.name == "send":
            self._sequence += (len(arguments) - 3) // 2
            return self._sequence
        if function.name == "receive":
            is_short_poll = arguments[4] == 0
            return [_INCARNATION.encode(), 0, 0, -1, 0] if is_short_poll else self._taken[str(arguments[0])]
        return len(arguments) - 1

    @staticmethod
    def _reply(count: int) -> bytes:
        packed = records.pack(NewMessage(BODY.encode()), random=b"12345678", own_ttl=False)
        record = str(SENT_MS).encode() + packed
        head = _INCARNATION.encode() + struct.pack(">QQIH", SENT_MS, SENT_MS, 345_600, 0)
        rows = [struct.pack(">QII", number, len(_STATE), len(record)) + _STATE + record for number in range(count)]
        return head + b"".join(rows)


class _Secrets:
    secret, ids, keyring = SECRET, MessageIds(SECRET), Keyring({})


class PreparedCore:
    """What sessions share, without a store."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.secrets = cast(Secrets, _Secrets())
        self.encrypted: set[bytes] = set()
        self.grouped: set[bytes] = set()
        self.router = cast(Router, _Replies())
        self.traffic: Traffic = Uncounted()
        self.waiters = self.started_tasks = self.notifications = self.quotas = None


def main() -> None:
    face, core = SqsFace(Settings()), cast(Shared, PreparedCore())
    handle = receipts.encode(Receipt(b"12345678", 0, 5, b"abcdefgh", SENT_MS), SECRET)
    ids = [str(number) for number in range(10)]
    calls: dict[str, dict[str, Any]] = {
        "SendMessage": {"MessageBody": BODY},
        "SendMessageBatch": {"Entries": [{"Id": one, "MessageBody": BODY} for one in ids]},
        "ReceiveMessage": {},
        "ReceiveMessage of ten": {"MaxNumberOfMessages": 10},
        "ReceiveMessage, empty": {"WaitTimeSeconds": 0},
        "DeleteMessage": {"ReceiptHandle": handle},
        "DeleteMessageBatch": {"Entries": [{"Id": one, "ReceiptHandle": handle} for one in ids]},
    }
    for title, members in calls.items():
        request = new_request(title.partition(",")[0].partition(" ")[0], {"QueueUrl": URL, **members})
        print(f"{title:24}{_microseconds(face, core, request):7.1f} µs")


def new_request(operation: str, members: dict[str, Any]) -> Request:
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "HTTP_HOST": "localhost:9324",
        "HTTP_X_AMZ_TARGET": f"AmazonSQS.{operation}",
        "CONTENT_TYPE": "application/x-amz-json-1.0",
        "wsgi.url_scheme": "http",
    }
    return Request("POST", "/", "", orjson.dumps(members), environ)


def _microseconds(face: SqsFace, core: Shared, request: Request) -> float:
    reply = face.answer(request, Session(core))
    assert reply.status == 200, reply.body
    best = float("inf")
    for _ in range(_RUNS):
        began = time.perf_counter()
        for _ in range(_REQUESTS_PER_RUN):
            face.answer(request, Session(core))
        best = min(best, time.perf_counter() - began)
    return best / _REQUESTS_PER_RUN * 1e6


if __name__ == "__main__":
    main()

"""Measure the CPU time that observing adds to a request: its id, its times, counters and the access log.

    python -m benchmarks.observing [--rounds 400]

The same requests run through the pipeline of the event loop's server, each in a task, with the store's replies prepared
as in ``benchmarks.face``. Ways of observing take turns in one run. The output is how much more the shortest of many
short runs took than the shortest without observers, in microseconds: other load changes the difference little.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

from benchmarks.face import BODY, SECRET, SENT_MS, URL, PreparedCore, new_request
from sqs_facade import face as sqs_face
from sqs_facade import receipts
from sqs_facade.face import SqsFace
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import Receipt
from zaqar_core.eventloop import spawn
from zaqar_core.logs import request_ids
from zaqar_core.logs.lines import Process
from zaqar_core.logs.writer import Writer
from zaqar_core.observability import folders
from zaqar_core.observability.metrics import Metrics
from zaqar_core.web.access_log import AccessLog
from zaqar_core.web.envelope import Face, Reply, Request
from zaqar_core.web.observers import Observer, Observers
from zaqar_core.web.pipeline import Pipeline

_PER_RUN = 20

Respond = Callable[[dict[str, Any], Face, bytes], Reply]


class _Bare(Pipeline):
    """The pipeline without any observation: no clock is read, and the sizes of messages are counted for nothing."""

    def respond(self, environ: dict[str, Any], face: Face, body: bytes) -> Reply:
        request = Request(environ["REQUEST_METHOD"], environ["PATH_INFO"], "", body, environ)
        refusal = self._callers.refusal(environ, verifies_callers=face.verifies_callers)
        assert refusal is None
        return self._answer(request, face)


class _Measured(PreparedCore):
    """A core that counts for itself."""

    def session(self) -> Session:
        """Create a session."""
        return Session(cast(Core, self))


def _ways(settings: Settings, writer: Writer) -> dict[str, Respond]:
    """Return the ways to observe, the first of which is none."""

    def pipeline(kind: type[Pipeline], *, counts: bool = False, is_logged: bool = False) -> Respond:
        core, observers = _Measured(), list[Observer]()
        if counts:
            metrics = Metrics(settings)
            metrics.counting.adopt_thread()
            core.traffic = metrics.counting
            observers.append(metrics.counting)
        if is_logged:
            observers.append(AccessLog(writer, "all", None))
        return kind(cast(Core, core), settings, Observers(observers)).respond

    return {
        "nothing": pipeline(_Bare),
        "no observers": pipeline(Pipeline),
        "counters": pipeline(Pipeline, counts=True),
        "counters and access log": pipeline(Pipeline, counts=True, is_logged=True),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what observing a request costs.")
    parser.add_argument("--rounds", type=int, default=400)
    rounds = parser.parse_args().rounds
    Process.name = "worker"
    handle = receipts.encode(Receipt(b"12345678", 0, 5, b"abcdefgh", SENT_MS), SECRET)
    calls: dict[str, dict[str, Any]] = {
        "SendMessage": {"MessageBody": BODY},
        "ReceiveMessage": {},
        "ReceiveMessage, empty": {"WaitTimeSeconds": 0},
        "DeleteMessage": {"ReceiptHandle": handle},
    }
    with folders.created() as folder, _null_writer() as writer:
        settings = Settings(metrics_dir=folder)
        face, ways = SqsFace(settings), _ways(settings, writer)
        print(f"{'':24}{'nothing':>10}", *(f"{f'+ {way}':>26}" for way in list(ways)[1:]))
        for title, members in calls.items():
            request = new_request(title.partition(",")[0], {"QueueUrl": URL, **members})
            best = _best(ways, face, dict(request.environ), request.body, rounds)
            none = best.pop("nothing")
            print(f"{title:24}{none:7.1f} µs", *(f"{took - none:23.1f} µs" for took in best.values()))


def _best(ways: dict[str, Respond], face: Face, environ: dict[str, Any], body: bytes, rounds: int) -> dict[str, float]:
    """Return the microseconds of a request by each way. Without observation a request has no id in the log either."""
    loop: Any = None  # nothing waits
    set_id = request_ids.set_request_id
    best = dict.fromkeys(ways, float("inf"))
    try:
        for _ in range(rounds):
            for way, respond in ways.items():
                vars(sqs_face)["set_request_id"] = bool if way == "nothing" else set_id
                began = time.perf_counter()
                for _ in range(_PER_RUN):
                    spawn(loop, respond, environ, face, body)
                best[way] = min(best[way], time.perf_counter() - began)
    finally:
        vars(sqs_face)["set_request_id"] = set_id
    return {way: seconds / _PER_RUN * 1e6 for way, seconds in best.items()}


@contextlib.contextmanager
def _null_writer() -> Iterator[Writer]:
    """A writer of log lines that nobody reads."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    writer = Writer(nowhere, lambda _: b"", lambda: None)
    try:
        yield writer
    finally:
        writer.close()
        os.close(nowhere)


if __name__ == "__main__":
    main()

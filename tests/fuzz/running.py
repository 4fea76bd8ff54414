"""Run fuzzed requests and judge the responses: no 5xx, no hang, no growth."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.fuzz import aws, console, frames, mixed, sqs, verified, wire, zaqar
from tests.fuzz.case import Case, Memory
from tests.fuzz.targets import Hung, Target

Grammar = Callable[[random.Random, Memory], Case]

#: The grammars of a service without credentials, each with its share.
GRAMMARS: dict[Grammar, int] = {
    sqs.query: 20,
    sqs.creation: 6,
    sqs.json_call: 16,
    zaqar.call: 17,
    mixed.call: 14,
    aws.cloudwatch: 8,
    console.call: 5,
    sqs.peeked: 4,
    lambda source, _: wire.request(source): 10,
}
#: Those of a service with credentials.
VERIFIED: dict[Grammar, int] = {verified.call: 10}
#: Those of WebSocket connections.
FRAMES: dict[Grammar, int] = {frames.frame: 10}
#: Statuses of 500 and more that are right: a transfer coding or a method (501), and a version of HTTP (505), that the
#: service does not have. Both belong to HTTP, so only malformed requests may get them.
_OF_HTTP = frozenset((501, 505))
#: Between two measurements of memory, which also delete all queues.
STRETCH = 20_000
#: The most that the second half of a run may add to the memory of the first one. Caches are still filling meanwhile.
GROWTH_BYTES = 48 << 20


@dataclass(slots=True)
class Verdict:
    """What a run has seen."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    #: For each defect its number in the run, the request, and what happened.
    defects: list[tuple[int, bytes, str]] = field(default_factory=list)
    slowest_seconds: float = 0.0
    memory_bytes: list[int] = field(default_factory=list)

    @property
    def growth_bytes(self) -> int:
        """How much more memory the second half of the run took than the first one; 0 for a short run."""
        half = len(self.memory_bytes) // 2
        return max(0, max(self.memory_bytes[half:]) - max(self.memory_bytes[:half])) if half >= 2 else 0

    def check(self) -> None:
        """Raise AssertionError unless all is well."""
        assert not self.defects, "\n".join(
            f"request {number}: {what}\n{case[:2000]!r}" for number, case, what in self.defects[:10]
        )
        assert self.growth_bytes <= GROWTH_BYTES, f"memory grew by {self.growth_bytes:,} bytes: {self.memory_bytes}"


def case_of(seed: int, number: int, memory: Memory, grammars: dict[Grammar, int]) -> Case:
    """Return one request of a run. It depends on its number and on what the run has seen so far."""
    source = random.Random(seed * 1_000_003 + number)
    [grammar] = source.choices(list(grammars), list(grammars.values()))
    return grammar(source, memory)


def run(
    targets: Sequence[Target],
    requests: int,
    seed: int,
    *,
    grammars: dict[Grammar, int] = GRAMMARS,
    report: Callable[[str], None] = lambda _: None,
) -> Verdict:
    """Send that many requests, with a thread for each target; all targets are connections to one service."""
    verdict, lock = Verdict(), threading.Lock()
    verdict.memory_bytes.append(targets[0].memory_bytes())
    for start in range(0, requests, STRETCH):
        numbers = iter(range(start, min(requests, start + STRETCH)))
        threads = [
            threading.Thread(target=_send, args=(one, numbers, seed, grammars, verdict, lock)) for one in targets[1:]
        ]
        for thread in threads:
            thread.start()
        _send(targets[0], numbers, seed, grammars, verdict, lock)
        for thread in threads:
            thread.join()
        verdict.memory_bytes.append(targets[0].memory_bytes())
        report(f"{verdict.requests:,} requests, {len(verdict.defects)} defects, {verdict.memory_bytes[-1] >> 20} MiB")
    return verdict


def _send(
    target: Target,
    numbers: object,
    seed: int,
    grammars: dict[Grammar, int],
    verdict: Verdict,
    lock: threading.Lock,
) -> None:
    memory = Memory()
    while True:
        with lock:
            number = next(numbers, None)  # type: ignore[call-overload]
        if number is None:
            return
        case = case_of(seed, number, memory, grammars)
        began, what, status = time.monotonic(), "", 0
        try:
            status, body = target.send(case)
            memory.learn(body)
            if status >= 500 and not (case.raw is not None and status in _OF_HTTP):
                what = f"status {status}: {body[:300]!r}"
            elif status == 0 and case.raw is None:
                what = "the connection was closed without a response"
        except Hung:
            what = "no response"
        except Exception as problem:
            what = f"{type(problem).__name__}: {problem}"
        with lock:
            verdict.requests += 1
            verdict.statuses[status] += 1
            verdict.slowest_seconds = max(verdict.slowest_seconds, time.monotonic() - began)
            if what:
                verdict.defects.append((number, case.request(b"127.0.0.1:9324"), what))

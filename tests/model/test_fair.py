"""Fair queues as a property: whatever the load, nothing is lost or doubled, and a quiet tenant hardly waits.

The noisy tenant goes on sending: by AWS's rule one that sent nothing for five minutes counts as quiet, however long its
backlog is.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.model.drivers import Accepted, Clock, CoreDriver, Received
from tests.model.words import Entry
from zaqar_core.core.session import Session

IS_LONG = int(os.environ.get("MODEL_STEPS", "0")) > 0
BACKLOG = 10_000 if IS_LONG else 2_000
QUIET_TENANTS = 50
#: A tenant is noisy from here on at the latest, if it has most of what is in flight (USERS 5).
NOISY_IN_FLIGHT = 30


@dataclass
class Load:
    """One noisy tenant's backlog, consumers that hold ``window`` messages, quiet tenants that send now and then."""

    driver: CoreDriver
    dice: random.Random
    receive_size: int
    window: int
    #: Of each quiet message that waits: the number of receives when it was sent, and quiet ones before it.
    waiting: dict[str, tuple[int, int]] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    flying: list[Received] = field(default_factory=list)
    receives: int = 0
    #: In receives, beside those that the quiet messages before it fill.
    longest_wait: int = 0

    def send(self, *entries: Entry) -> list[str]:
        ids = [answer.id for answer in self.driver.send("q", entries) if isinstance(answer, Accepted)]
        assert len(ids) == len(entries)
        self.sent |= set(ids)
        return ids

    def receive(self) -> list[Received]:
        found = self.driver.receive("q", self.receive_size, 43_200)
        assert isinstance(found, list)
        self.receives += 1
        for message in found:
            assert message.id in self.sent
            assert message.id not in self.seen, "given twice"
            self.seen.add(message.id)
            if message.id in self.waiting:
                since, before = self.waiting.pop(message.id)
                waited = self.receives - since - before // self.receive_size
                assert waited <= 2
                self.longest_wait = max(self.longest_wait, waited)
        self.flying += found
        return found

    def finish(self, keep: int) -> None:
        """The oldest in flight are done."""
        done, self.flying = self.flying[: max(0, len(self.flying) - keep)], self.flying[-keep:] if keep else []
        for at in range(0, len(done), 10):
            self.driver.delete("q", [message.handle for message in done[at : at + 10]])


@settings(
    max_examples=12 if IS_LONG else max(1, settings().max_examples // 30),
    derandomize=not IS_LONG,
    deadline=None,
    database=None,
    print_blob=True,
    phases=(Phase.generate,),
)
@given(
    seed=st.integers(0, 2**32),
    receive_size=st.sampled_from([1, 5, 10]),
    window=st.integers(40, 400),
    randomness=st.sampled_from([0.05, 0.3, 0.8]),
    burst=st.sampled_from([1, 3, QUIET_TENANTS]),
    step_ms=st.sampled_from([1, 50, 1000]),
)
def check_load(
    session: Session,
    clock: Clock,
    *,
    seed: int,
    receive_size: int,
    window: int,
    randomness: float,
    burst: int,
    step_ms: int,
) -> None:
    driver = CoreDriver(session, clock, max_in_flight=120_000, purge_interval_seconds=0)
    driver.create("q", {})
    load = Load(driver, random.Random(seed), receive_size, window)
    for at in range(0, BACKLOG, 100):
        load.send(*[Entry(b"%d" % (at + more), group="noisy") for more in range(100)])
    while len(load.flying) < NOISY_IN_FLIGHT + receive_size:
        load.receive()
    quiet = 0
    while len(load.seen) < len(load.sent):
        if load.dice.random() < randomness and quiet < 20 * QUIET_TENANTS:
            names = load.dice.sample(range(QUIET_TENANTS), burst)
            ids = load.send(*[Entry(b"quiet", group=f"quiet{name}") for name in names])
            before = len(load.waiting)
            load.waiting |= {one: (load.receives, before + at) for at, one in enumerate(ids)}
            quiet += burst
        if load.receives % 100 == 0:
            load.send(Entry(b"more", group="noisy"))
        assert load.receive(), "messages are there, and none is given"
        load.finish(keep=window)
        driver.advance(step_ms)
    assert load.waiting == {}
    load.finish(keep=0)
    assert driver.counts("q") == (0, 0, 0)
    assert load.receive() == []
    driver.drop("q")
    print(f"{quiet} quiet messages behind {BACKLOG}: {load.longest_wait} receives at most")  # noqa: T201 - seen with -s


def test_a_quiet_tenant_waits_a_few_receives_behind_a_noisy_one(session: Session, clock: Clock) -> None:
    """The bound: the receives that the quiet messages before it fill, and two."""
    settings_before = session.settings
    try:
        check_load(session, clock)
    finally:
        session.settings = settings_before

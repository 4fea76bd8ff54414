"""No exception ends a thread of the background: it is logged, and the next round runs."""

from __future__ import annotations

import itertools
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sqs_facade.declarations.reconciler import Reconciler
from tests.patience import until
from tests.private_valkey import private_valkey
from tests.store.traffic import core_on
from zaqar_core.background.housekeeping import Housekeeping
from zaqar_core.background.sampling import Sampler
from zaqar_core.background.task_runner import TaskRunner
from zaqar_core.background.usage import UsageMeter
from zaqar_core.core.process import Core
from zaqar_core.core.quotas import Quotas
from zaqar_core.core.rounds import Rounds, is_mine
from zaqar_core.domain.errors import StoreFull, StoreUnavailable
from zaqar_core.embedded.attachment import Embedded
from zaqar_core.logs.writer import Writer
from zaqar_core.notifications.notifier import Notifier
from zaqar_core.notifications.worker_pool import WorkerPool
from zaqar_core.observability.metrics import Metrics
from zaqar_core.pools.deployments import Deployments
from zaqar_core.pools.routing import PooledCore
from zaqar_core.rest.confirmations import Confirmations
from zaqar_core.store import sentinel
from zaqar_core.web.audit_log import AuditLog
from zaqar_core.web.bodies import Bodies
from zaqar_core.web.server import server
from zaqar_core.web.server.limits import Limits
from zaqar_core.web.server.server import Server


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with private_valkey() as server:
        yield server.url


@pytest.fixture
def core(url: str) -> Iterator[Core]:
    """A core of its own, since its end ends the threads."""
    with core_on(url) as core:
        yield core
        core.waiters.release_all()


class Planted:
    """A function that fails in a way that nobody has foreseen."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, *_: object, **__: object) -> Any:
        """Fail."""
        self.calls += 1
        raise ZeroDivisionError("planted")


def _in_thread(run: Callable[[], object]) -> None:
    threading.Thread(target=run, daemon=True).start()


def _sentinel(core: Core) -> None:
    watched: Any = SimpleNamespace(addresses=[("localhost", 1)], sentinel_arguments=None)
    sentinel.Watch(watched, lambda: None, lambda: core.waiters.is_released).start()


def _supervision(core: Core) -> None:
    embedded = Embedded.__new__(Embedded)  # without a Valkey of its own
    embedded._released = threading.Event()
    _in_thread(embedded._supervise)

    def end() -> None:
        until(lambda: core.waiters.is_released, "the end of the test")
        embedded._released.set()

    _in_thread(end)


def _bodies(_: Core) -> None:
    found = Bodies(1, Limits())
    found._is_needed.set()
    _in_thread(found._sweep_forever)


def _pools(core: Core) -> None:
    pooled: Any = PooledCore.__new__(PooledCore)
    pooled.__dict__.update(core.__dict__, deployments=Deployments(core.settings, core.store, core.waiters))
    _in_thread(pooled._watch)


#: What starts a thread, what makes it quick, and what it calls in each round.
Loop = tuple[Callable[[Core], object], dict[str, object], str]
_STORE, _BACKGROUND = "zaqar_core.store", "zaqar_core.background"
_SOON = 0.001
_LOOPS: dict[str, Loop] = {
    "housekeeping": (
        lambda core: Housekeeping(core).start(),
        {f"{_BACKGROUND}.housekeeping.ROUND_SECONDS": _SOON},
        f"{_BACKGROUND}.housekeeping.Housekeeping.round",
    ),
    "removal of libraries": (
        lambda core: Housekeeping(core).start(),
        {
            f"{_BACKGROUND}.housekeeping.ROUND_SECONDS": _SOON,
            f"{_BACKGROUND}.housekeeping.LIBRARIES_SECONDS": 0.0,
            f"{_BACKGROUND}.housekeeping.Housekeeping.round": lambda _: None,
        },
        f"{_STORE}.libraries.tidy",
    ),
    "usage": (
        lambda core: UsageMeter(core, Quotas(1, 1)).start(),
        {f"{_BACKGROUND}.usage.READ_SECONDS": _SOON},
        f"{_BACKGROUND}.usage.UsageMeter.round",
    ),
    "samples": (
        lambda core: Sampler(core).start(),
        {f"{_BACKGROUND}.sampling._seconds_to_round": lambda _: _SOON},
        f"{_BACKGROUND}.sampling.Sampler.round",
    ),
    "counts": (
        lambda core: Sampler(core).start(),
        {f"{_BACKGROUND}.sampling.ADD_SECONDS": _SOON},
        f"{_BACKGROUND}.sampling.Sampler.add",
    ),
    "move tasks": (
        lambda core: TaskRunner(core).start(),
        {f"{_BACKGROUND}.task_runner.SCAN_SECONDS": (_SOON, _SOON)},
        "zaqar_core.core.move_tasks.enlisted",
    ),
    "pools": (
        _pools,
        {"zaqar_core.pools.routing.REFRESH_SECONDS": (_SOON, _SOON)},
        "zaqar_core.pools.deployments.Deployments.refresh",
    ),
    "notifications": (
        lambda core: Notifier(core, {}, Confirmations(core.settings)).start(),
        {"zaqar_core.notifications.notifier.STORE_RETRY_SECONDS": _SOON},
        "zaqar_core.notifications.notifier.Notifier.round",
    ),
    "declarations": (
        lambda core: Reconciler(core, Path("none")).start(),
        {"sqs_facade.declarations.reconciler.LOOK_SECONDS": _SOON},
        "sqs_facade.declarations.reconciler.Reconciler.round",
    ),
    "rechecks": (
        lambda core: _in_thread(core.waiters._recheck),
        {f"{_STORE}.wakeups._RECHECK_TICK_SECONDS": _SOON},
        f"{_STORE}.rechecks.Rechecks.wake_due",
    ),
    "wake-ups": (
        lambda core: core.waiters._subscriber.interrupt(),
        {f"{_STORE}.subscriber._FAULT_PAUSE_SECONDS": _SOON},
        f"{_STORE}.subscriber.Subscriber._subscribe",
    ),
    "fail-overs": (_sentinel, {f"{_STORE}.sentinel._PAUSE_SECONDS": _SOON}, f"{_STORE}.sentinel._arguments"),
    "the embedded Valkey": (
        _supervision,
        {"zaqar_core.embedded.attachment._WATCH_SECONDS": _SOON},
        "zaqar_core.embedded.attachment.Embedded._look",
    ),
    "slow bodies": (_bodies, {"zaqar_core.web.bodies._SWEEP_SECONDS": _SOON}, "zaqar_core.web.bodies.Bodies._sweep"),
    "states of a process": (
        lambda core: Metrics(core.settings).publish_regularly(),
        {"zaqar_core.observability.metrics._INTERVAL_SECONDS": _SOON},
        "zaqar_core.observability.metrics.Metrics.publish",
    ),
}


@pytest.mark.parametrize("loop", _LOOPS.values(), ids=_LOOPS)
def test_a_thread_goes_on_after_an_exception(
    core: Core, loop: Loop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    start, quick, step = loop
    planted = Planted()
    for name, value in quick.items():
        monkeypatch.setattr(name, value)
    monkeypatch.setattr(step, planted)
    start(core)
    until(lambda: planted.calls > 2, "it is called again and again")
    assert "ZeroDivisionError: planted" in caplog.text
    core.waiters.release_all()


def test_the_clock_of_a_server_goes_on_after_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_TICK_SECONDS", _SOON)
    monkeypatch.setattr(server, "_SWEEP_TICKS", 2)
    application: Any = SimpleNamespace(share=None)
    planted = Planted()

    def sweep(found: Server) -> None:
        if planted.calls == 2:
            found.loop.stop()
        planted()

    one = Server(application, on_sweep=sweep)
    one._tick()
    one.loop.run_forever()
    one.loop.close()
    assert planted.calls == 3


def test_a_thread_of_deliveries_goes_on_after_an_exception() -> None:
    done: list[str] = []

    def work(job: str) -> None:
        if job == "bad":
            raise ZeroDivisionError("planted")
        done.append(job)

    pool = WorkerPool(work, threads=1)
    pool.submit("here", "bad")
    pool.ended("here", None)
    pool.submit("here", "good")
    until(lambda: done, "the next one is delivered")


def test_a_record_that_cannot_be_written_does_not_end_the_audit_log(tmp_path: Path) -> None:
    log = AuditLog(str(tmp_path / "audit"))
    log.put({"what": object()})
    log.put({"what": "good"})
    log._thread.start()
    log.close()
    assert {"what": "good"} in [json.loads(line) for line in (tmp_path / "audit").read_text().splitlines()]
    assert log.lost == 1


def test_the_thread_of_the_log_goes_on_after_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[Writer.__module__], "_CLOSE_SECONDS", _SOON)
    reading, writing = os.pipe()
    calls = itertools.count()

    def due() -> float | None:
        if not next(calls):
            raise ZeroDivisionError("planted")
        return None

    found = Writer(writing, lambda _: b"", due)
    found.put(b"line\n")
    assert os.read(reading, 100) == b"line\n"
    found.close()
    os.close(reading)
    os.close(writing)


def test_a_round_that_fails_is_logged_and_the_next_one_runs(core: Core, caplog: pytest.LogCaptureFixture) -> None:
    rounds = Rounds(core, logging.getLogger("sqs_facade.any"), "cannot do it")
    planted = Planted()
    assert not rounds.run(planted)
    assert "ZeroDivisionError: planted" in caplog.text
    assert "cannot do it, will retry" in caplog.text
    assert rounds.run(lambda: None)


@pytest.mark.parametrize(
    ("problem", "is_logged"),
    [
        (StoreUnavailable("away"), True),
        (StoreUnavailable("away", is_disconnected=True), False),
        (StoreFull("full"), False),
    ],
)
def test_an_outage_is_logged_unless_the_store_does_that(
    core: Core, caplog: pytest.LogCaptureFixture, problem: StoreUnavailable, is_logged: bool
) -> None:
    def fail() -> None:
        raise problem

    assert not Rounds(core, logging.getLogger("sqs_facade.any"), "cannot do it").run(fail)
    assert ("cannot do it, will retry: away" in caplog.text) == is_logged


def test_one_process_has_a_lease_at_a_time(core: Core) -> None:
    taken = [is_mine(core.session(), b"sf1:{any}:lease", 10_000) for _ in range(2)]
    assert taken == [True, False]

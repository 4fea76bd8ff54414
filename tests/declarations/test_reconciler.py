"""The worker's side: one process applies a version at a time, and readiness says what is wrong until it is applied."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sqs_facade.declarations import source
from sqs_facade.declarations.handover import Handover, Reader
from sqs_facade.declarations.model import Declarations, Declared
from sqs_facade.declarations.reconciler import Reconciler
from sqs_facade.declarations.source import Source
from tests.patience import until
from tests.private_valkey import private_valkey
from zaqar_core.configuration.errors import SettingsInvalid
from zaqar_core.configuration.settings import Settings
from zaqar_core.core import queues
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.model import QueueSettings
from zaqar_core.domain.names import QueueRef
from zaqar_core.store import declared


@pytest.fixture
def handover() -> Iterator[Handover]:
    found = Handover()
    yield found
    found.remove()


@pytest.fixture
def worker(core: Core, handover: Handover) -> Iterator[Callable[[], Reconciler]]:
    """Creates reconcilers of processes that share the store. Their threads are not started."""
    before = list(core.when_emptied)
    yield lambda: Reconciler(core, handover.file)
    core.when_emptied[:] = before


@pytest.fixture
def ref() -> QueueRef:
    return QueueRef(str(uuid.uuid4().int)[:12], "us-east-1", "orders")


def one(ref: QueueRef, **attributes: str) -> Declarations:
    return Declarations((Declared(ref=ref, table=f"queue.{ref.name}", attributes=attributes),))


def test_a_worker_is_ready_when_the_queues_exist(
    worker: Callable[[], Reconciler], handover: Handover, ref: QueueRef, session: Session
) -> None:
    handover.write(one(ref))
    first = worker()
    assert first.problem == "the declared queues have not been created yet"
    first.round()
    assert first.problem == ""
    assert queues.get(session, ref)


def test_a_worker_without_declared_queues_is_ready_at_once(
    worker: Callable[[], Reconciler], handover: Handover
) -> None:
    handover.write(Declarations())
    found = worker()
    assert found.problem == ""
    found._start_over()
    assert found.problem == ""


def test_a_version_is_applied_once(
    worker: Callable[[], Reconciler], handover: Handover, ref: QueueRef, session: Session
) -> None:
    """A worker that starts later does not undo what was changed meanwhile."""
    handover.write(one(ref))
    worker().round()
    queues.delete(session, ref)
    later = worker()
    later.round()
    assert later.problem == ""
    assert queues.number(session, ref.project, ref.region) == 0


def test_a_new_version_is_applied(
    worker: Callable[[], Reconciler], handover: Handover, ref: QueueRef, session: Session
) -> None:
    handover.write(one(ref))
    found = worker()
    found.round()
    handover.write(one(ref, VisibilityTimeout="7"))
    found.round()
    assert queues.get(session, ref).settings.visibility_timeout_seconds == 7


def test_a_worker_waits_while_another_process_applies_declarations(
    worker: Callable[[], Reconciler], handover: Handover, ref: QueueRef, session: Session
) -> None:
    handover.write(one(ref))
    found = worker()
    assert declared.hold(session.store, "another", 10_000)
    found.round()
    assert found.problem
    assert queues.number(session, ref.project, ref.region) == 0
    declared.release(session.store, "another")
    found._due = 0.0
    found.round()
    assert found.problem == ""


def test_two_services_apply_the_same_file_one_after_the_other(
    core: Core, worker: Callable[[], Reconciler], session: Session, ref: QueueRef, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = tuple(Declared(ref=ref.sibling(f"q{at}"), table=f"queue.q{at}") for at in range(40))
    caplog.set_level(logging.INFO, "sqs_facade")
    files = Handover(), Handover()
    for file in files:
        file.write(Declarations(wanted))
    services = [Reconciler(core, file.file) for file in files]

    def run(one: Reconciler) -> None:
        while one.problem:
            one.round()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(run, services))
    assert queues.number(session, ref.project, ref.region) == 40
    assert [(one.levelname, one.message) for one in caplog.records if one.name == "sqs_facade.declarations"] == [
        ("INFO", "declared queues: 40 created, 0 changed")
    ]
    for file in files:
        file.remove()


def test_readiness_names_a_queue_that_cannot_be_as_declared(
    worker: Callable[[], Reconciler],
    handover: Handover,
    ref: QueueRef,
    session: Session,
    caplog: pytest.LogCaptureFixture,
) -> None:
    policy = f'{{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:{ref.project}:dead","maxReceiveCount":1}}'
    handover.write(one(ref, RedrivePolicy=policy))
    workers = worker(), worker()
    for found in workers:
        found.round()
        assert found.problem.startswith("the declared queues cannot be applied: queue.orders: Value")
        assert found.problem.endswith("Dead letter target does not exist.")
    lines = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert len(lines) == 1, "both processes say the same"
    queues.create(session, ref.sibling("dead"), QueueSettings(), creator="sqs")
    for found in workers:
        found._due = 0.0
        found.round()
        assert found.problem == ""


@pytest.mark.slow
def test_a_store_that_is_gone_is_logged_once_and_used_when_it_is_back(
    handover: Handover, ref: QueueRef, caplog: pytest.LogCaptureFixture
) -> None:
    handover.write(one(ref))
    with private_valkey() as server:
        core = Core(Settings(redis=server.url, durability="memory", store_timeout_seconds=1), server.url)
        found = Reconciler(core, handover.file)
        server.kill()
        for _ in range(3):
            found._due = 0.0
            found.round()
        assert found.problem.startswith("the declared queues cannot be applied: ")
        lines = [one.message for one in caplog.records if one.name in ("sqs_facade.declarations", "sqs_facade.store")]
        assert len(lines) == 1
        assert lines[0].startswith("the store is gone: ")
        server.start()
        found.start()
        until(lambda: not found.problem, "the declared queues")
        assert queues.get(core.session(), ref)
        core.close()


def test_declarations_are_applied_again_when_the_store_has_lost_its_data(
    worker: Callable[[], Reconciler], handover: Handover, ref: QueueRef, session: Session
) -> None:
    handover.write(one(ref))
    found = worker()
    found.round()
    queues.delete(session, ref)
    for key in session.store.command("KEYS", "sf1:{declared}:*"):
        session.store.command("DEL", key)
    found._start_over()
    assert found.problem.startswith("the store has lost its data")
    found.round()
    assert found.problem == ""
    assert queues.get(session, ref)


def test_a_wrong_file_leaves_the_version_and_logs_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = tmp_path / "facade.toml"
    config.write_text("[queue.a]\n")
    found = Source(config, Settings())
    assert found.file is not None
    reader = Reader(found.file)
    assert reader.newer() is not None
    for text, line in (
        ("[queue.a]\nx = 1\ny = 2\n", f"{config}:2: queue.a.x is not a key of a queue (and 1 more)"),
        (
            "[queue.a",
            f"{config} is not valid TOML: Expected ']' at the end of a table declaration (at end of document)",
        ),
    ):
        config.write_text(text)
        caplog.clear()
        assert found.on_hangup()
        assert [one.message for one in caplog.records if one.name == "sqs_facade.declarations"] == [
            f"SIGHUP: the declared queues stay as they were: {line}"
        ]
        assert reader.newer() is None
    config.write_text("[queue.a]\n[queue.b]\n")
    caplog.clear()
    with caplog.at_level(logging.INFO, "sqs_facade"):
        assert found.on_hangup()
    assert [(one.levelname, one.message) for one in caplog.records if one.name == "sqs_facade.declarations"] == [
        ("INFO", f"SIGHUP: read {config} again: 2 declared queues")
    ]
    version = reader.newer()
    assert version is not None
    assert [each.table for each in version.declarations.queues] == ["queue.a", "queue.b"]
    found.close()
    assert not found.file.parent.exists()


def test_sighup_of_a_closed_terminal_stops_the_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for before, now, goes_on in ((True, False, False), (True, True, True), (False, False, True)):
        monkeypatch.setattr(source, "_has_terminal", lambda before=before: before)
        found = Source(None, Settings())
        monkeypatch.setattr(source, "_has_terminal", lambda now=now: now)
        assert found.on_hangup() is goes_on


def test_a_wrong_file_is_refused_at_the_start(tmp_path: Path) -> None:
    config = tmp_path / "facade.toml"
    config.write_text("[queue.a]\nx = 1\n")
    with pytest.raises(SettingsInvalid, match=r"queue\.a\.x is not a key"):
        Source(config, Settings())


def test_the_file_for_workers_is_private(handover: Handover, ref: QueueRef) -> None:
    handover.write(one(ref))
    assert handover.file.parent.stat().st_mode & 0o077 == 0

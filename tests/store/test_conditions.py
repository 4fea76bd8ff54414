"""The condition of a store: each state appears with a code and a remedy, is logged once, and goes after the repair."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

import pytest

from tests.private_valkey import PrivateValkey, private_valkey
from tests.store.traffic import core_on
from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.full_disk import MAXMEMORY
from zaqar_core.pools.routing import PooledCore
from zaqar_core.store import catalogue, links, server_facts
from zaqar_core.store.conditions import FIT, STATES, Condition, Pace, Record, StoreCondition, gone, worst
from zaqar_core.store.connection import Link
from zaqar_core.store.inspection import INTERVAL_SECONDS, PROBLEM_INTERVAL_SECONDS, Inspector, Terms
from zaqar_core.web import readiness

DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
#: A setting of the server, its wrong value and its right one, and the condition that follows.
WRONG = [
    ("maxmemory", "100kb", "0", "full", "frees"),
    ("maxmemory", str(MAXMEMORY), "0", "disk-full", "frees"),
    ("maxmemory-policy", "allkeys-lru", "noeviction", "misconfigured", "reads"),
    ("appendfsync", "everysec", "always", "misconfigured", "reads"),
    ("no-appendfsync-on-rewrite", "yes", "no", "misconfigured", "reads"),
    ("min-replicas-to-write", "1", "0", "read-only", "reads"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateValkey]:
    with private_valkey(*DURABLE) as server:
        yield server


@pytest.fixture(scope="module")
def core(server: PrivateValkey) -> Iterator[Core]:
    with core_on(server.url, "fsync") as core:
        core._watch_of_store.stop()
        yield core


def configure(server: PrivateValkey, name: str, value: str) -> None:
    with server.client() as client:
        client.config_set(name, value)


def condition(core: Core) -> Condition:
    [found] = core.store_conditions()
    return found.condition


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.message for one in caplog.records if one.name == "sqs_facade.store"]


@pytest.mark.parametrize(("name", "wrong", "right", "state", "accepts"), WRONG)
def test_a_wrong_setting_is_a_condition_until_it_is_mended(
    server: PrivateValkey, core: Core, caplog: pytest.LogCaptureFixture, name: str, wrong: str, right: str, state: str,
    accepts: str,
) -> None:  # fmt: skip
    core.store.watch()
    assert condition(core) == FIT
    configure(server, name, wrong)
    try:
        assert [core.store.watch() for _ in range(3)] == [False] * 3
        found = condition(core)
        assert (found.state, found.code, found.accepts) == (state, f"store-{state}", accepts)
        assert found.reason
        assert found.remedy
        assert found.setting == (name if state == "misconfigured" else "")
    finally:
        configure(server, name, right)
    assert core.store.watch()
    assert condition(core) == FIT
    begin, end = lines(caplog)
    assert found.reason[:20] in begin
    assert found.remedy in begin
    assert "is mended" in end


def test_a_server_that_is_gone_is_a_condition_until_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    with private_valkey(*DURABLE) as server, core_on(server.url, "fsync") as core:
        core._watch_of_store.stop()
        core.store.watch()
        server.kill()
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                core.store.watch()
        [found] = core.store_conditions()
        assert (found.condition.code, found.condition.accepts) == ("store-gone", "nothing")
        assert found.facts["appendfsync"] == "always"
        server.start()
        assert core.store.watch()
        assert condition(core) == FIT
        gone, back = lines(caplog)
        assert gone.startswith("the store is gone: ")
        assert back.startswith("the store is back after ")


def test_a_wrong_server_that_is_gone_is_not_called_mended(caplog: pytest.LogCaptureFixture) -> None:
    record = Record("the store")
    for one in (Condition("full", "frees", "its memory is used up"), gone("connection refused")):
        record.set(one)
    [line] = lines(caplog)
    assert line.startswith("the store: its memory is used up; ")


def test_a_server_that_was_restarted_between_two_inspections_is_no_condition(caplog: pytest.LogCaptureFixture) -> None:
    with private_valkey(*DURABLE) as server, core_on(server.url, "fsync") as core:
        core._watch_of_store.stop()
        core.store.watch()
        server.kill()
        server.start()
        assert core.store.watch()
        assert condition(core) == FIT
        assert [line.partition(":")[0].partition(" after")[0] for line in lines(caplog)] == [
            "the store is gone", "the store is back",
        ]  # fmt: skip


def test_regular_inspections_need_no_free_connection(server: PrivateValkey) -> None:
    with core_on(server.url, "fsync") as core:
        core._watch_of_store.stop()
        taken = [core.store._links._take() for _ in range(core.settings.store_connections)]
        assert core.store.watch()
        assert len(taken) == core.settings.store_connections


@pytest.mark.parametrize("use", ["watch", "inspect"])
def test_a_connection_that_opens_while_the_store_is_closed_does_not_stay(
    server: PrivateValkey, monkeypatch: pytest.MonkeyPatch, use: str
) -> None:
    opened: list[Link] = []
    real = Link.open

    with core_on(server.url, "fsync") as used:
        used._watch_of_store.stop()
        links = used.store._links
        links._generation.ended()  # every connection is replaced
        links._open.clear()

        def closing(link: Link, patience_seconds: float) -> None:
            real(link, patience_seconds)
            opened.append(link)
            links.close()

        monkeypatch.setattr(Link, "open", closing)
        with contextlib.suppress(StoreUnavailable):
            getattr(used.store, use)()
        assert opened
        assert not any(link.is_open for link in opened)


def test_round_trips_of_a_slow_server_are_a_condition(server: PrivateValkey, caplog: pytest.LogCaptureFixture) -> None:
    """Three in a row above the bound begin it, and two below it end it."""
    took = [0.01]
    looks = itertools.count()

    terms = Terms("fsync")
    terms.is_in_service = True
    inspector, link = Inspector(terms, "the store", lambda: None, lambda: next(looks) * took[0]), Link(server.url, 5)
    link.open()
    try:
        seen = []
        for took[0] in (0.01, 0.3, 0.3, 0.01, 0.3, 0.3, 0.3, 0.01, 0.3, 0.01, 0.01):
            looks = itertools.count()
            inspector.inspect(link.exchange, is_regular=True)
            seen.append(inspector.record.condition.state)
        assert seen == ["fit"] * 6 + ["slow"] * 4 + ["fit"]
        inspector.inspect(link.exchange)
        assert inspector.record.round_trip_seconds == pytest.approx(0.01)
    finally:
        link.close()
    assert len(lines(caplog)) == 2
    assert "0.30 s" in lines(caplog)[0]


@pytest.mark.parametrize("seconds", [0.26, 0.49, 0.51, 0.99, 1.01, 1.99])
def test_each_slow_server_is_noticed_within_five_seconds(seconds: float) -> None:
    """By the intervals of the inspections: this test does not wait for them."""
    pace, passed = Pace(), INTERVAL_SECONDS
    while pace.condition() == FIT:
        passed += seconds
        pace.note(seconds)
        assert not pace.is_settled
        passed += PROBLEM_INTERVAL_SECONDS
    assert passed - PROBLEM_INTERVAL_SECONDS < 5
    assert pace.condition().is_ready


def test_a_server_that_hangs_is_noticed_within_five_seconds() -> None:
    assert INTERVAL_SECONDS + links._WATCH_SECONDS < 5


def test_a_slow_store_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture, core: Core) -> None:
    record = core.store._links._inspector.record  # type: ignore[union-attr]
    for _ in range(4):
        record.set(Condition("slow", reason="slow"))
        record.set(FIT)
    assert len(lines(caplog)) == 2


def test_a_server_that_loads_its_data_is_a_condition() -> None:
    found = server_facts.loading({"loading": "1", "loading_loaded_perc": "12.00"})
    assert found is not None
    assert (found.code, found.is_ready) == ("store-loading", False)
    assert server_facts.loading({"loading": "0"}) is None


def test_a_user_without_info_is_named(server: PrivateValkey) -> None:
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "limited", "on", ">secret", "~*", "&*", "+@all")
    with core_on(server.url.replace("unix://", "unix://limited:secret@"), "fsync") as core:
        core._watch_of_store.stop()
        with server.client() as client:
            client.execute_command("ACL", "SETUSER", "limited", "-info")
        with pytest.raises(StoreUnavailable):
            core.store.watch()
        assert condition(core).setting == "acl"
        assert "+info" in condition(core).remedy


def test_a_pool_has_a_condition_of_its_own() -> None:
    with private_valkey(*DURABLE) as server, private_valkey(*DURABLE) as other:
        core = PooledCore(Settings(redis=server.url, durability="fsync", pooling=True, store_connections=4), server.url)
        try:
            catalogue.put_pool(core.store, "p", catalogue.PoolRow(other.url, 1), "other", "", None)
            core.deployments.refresh(core.store)
            pool = core.deployments.named(core.store, "p")
            pool.store().watch()
            configure(other, "maxmemory", "100kb")
            pool.store().watch()
            found = {one.pool: one.condition.state for one in core.store_conditions()}
            assert found == {"": "fit", "p": "full"}
            document, status = readiness.report(core)
            assert (document["status"], status) == ("ready", 200)
            assert [(one["pool"], one["code"]) for one in document["pools"]] == [("p", "store-full")]
        finally:
            core.close()


def test_the_worst_of_several_servers_counts() -> None:
    found = [StoreCondition("", str(at), Condition(state), 0.0) for at, state in enumerate(STATES)]
    assert worst(found).state == "gone"
    assert worst(found[:3]).state == "full"
    assert worst([]) == FIT

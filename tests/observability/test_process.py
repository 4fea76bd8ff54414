"""States and totals of a process: what other parts of it keep is copied to the page."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any

import trustme

from tests.observability.conftest import Measured, Page
from tests.patience import until
from zaqar_core.configuration.settings import Settings
from zaqar_core.observability import counting
from zaqar_core.observability.counter_file import CounterFiles
from zaqar_core.observability.counting import ProcessCounters
from zaqar_core.observability.metrics import Metrics
from zaqar_core.observability.scraping import Collected, Scraper
from zaqar_core.web.server.counters import Counters
from zaqar_core.web.tls import Tls


def _page(measured: Measured, metrics: Metrics) -> Page:
    """Return the page of processes whose metrics these are, without queues."""
    scraper = Scraper(measured.core, metrics, Settings())
    found = Collected(readers=metrics.files.readers())
    return Page("".join(scraper.write(found, is_open=False)))


def test_the_counters_of_servers_are_summed_and_go_on_after_a_restart(measured: Measured, tmp_path: Path) -> None:
    settings = Settings(metrics_dir=tmp_path)
    first, second = Metrics(settings), Metrics(settings)
    for metrics, lag in ((first, 0.25), (second, 0.5)):
        counters = Counters(accepted=3, in_flight=2, waits=1, lag_seconds=lag)
        counters.refused["overloaded"] = 4
        server: Any = SimpleNamespace(counters=counters, open_connections=5)
        metrics.publish(server)
        metrics.publish(server)
    page = _page(measured, first)
    assert page.value("connections_accepted_total") == 6
    assert page.value("requests_refused_total", reason="overloaded") == 8
    assert page.value("requests_in_flight") == 4
    assert page.value("requests_waiting") == 2
    assert page.value("connections") == 10
    assert page.value("processes") == 2
    assert page.value("event_loop_lag_seconds") == 0.5


def test_totals_of_a_process_that_ended_stay_and_its_states_do_not(
    measured: Measured, tmp_path: Path, monkeypatch: Any
) -> None:
    ended = ProcessCounters(CounterFiles(tmp_path).claim(), Lock())
    ended.publish({("accepted", ""): 7}, {"in_flight": 3, "processes": 1})
    monkeypatch.setattr(ProcessCounters, "STALE_SECONDS", -1.0)
    page = _page(measured, Metrics(Settings(metrics_dir=tmp_path)))
    assert page.value("connections_accepted_total") == 7
    assert not page.has("requests_in_flight")


def test_states_from_before_the_machine_started_are_not_shown(
    measured: Measured, tmp_path: Path, monkeypatch: Any
) -> None:
    later = time.monotonic() + 1000  # its clock had run for longer
    with monkeypatch.context() as before:
        before.setattr(counting, "time", SimpleNamespace(monotonic=lambda: later))
        ProcessCounters(CounterFiles(tmp_path).claim(), Lock()).publish({}, {"in_flight": 3, "processes": 1})
    assert not _page(measured, Metrics(Settings(metrics_dir=tmp_path))).has("requests_in_flight")


def test_the_end_of_the_certificate_is_shown_and_follows_the_file(measured: Measured, tmp_path: Path) -> None:
    authority, file = trustme.CA(), tmp_path / "certificate.pem"

    def issue(end: datetime) -> None:
        issued = authority.issue_cert("localhost", not_after=end)
        file.write_bytes(issued.private_key_and_cert_chain_pem.bytes())

    first, second = (datetime(year, 1, 1, tzinfo=UTC) for year in (2031, 2032))
    issue(first)
    secured = Tls(Settings(tls_certificate=file))
    metrics = Metrics(Settings())
    metrics.certificate_expiry = lambda: secured.expires
    assert _page(measured, metrics).value("tls_certificate_expiry_timestamp_seconds") == first.timestamp()
    issue(second)
    secured.check()
    assert _page(measured, metrics).value("tls_certificate_expiry_timestamp_seconds") == second.timestamp()


def test_round_trips_to_the_store_are_counted(measured: Measured) -> None:
    before = measured.page()
    measured.sqs("ListQueues")
    until(
        lambda: measured.page().value("store_round_trips_total") > before.value("store_round_trips_total"),
        "they are counted",
    )
    assert measured.page().value("store_connections_opened_total") > 0


def test_what_the_store_reports_of_itself_is_shown(measured: Measured) -> None:
    measured.core.store.inspect()
    page = measured.page()
    assert page.value("store_memory_bytes", server="main") > 0
    assert page.has("store_memory_limit_bytes", server="main")
    assert page.has("store_aof_last_write_ok", server="main")
    assert page.value("store_writable") == 1
    assert page.value("build_info") == 1
    assert page.value("scrape_duration_seconds") > 0

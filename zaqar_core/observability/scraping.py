"""Scrapes: collect what the page shows, and write it. Scrapes at the same time share one collection."""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from importlib import metadata
from itertools import chain
from operator import attrgetter

from zaqar_core.configuration.settings import Settings
from zaqar_core.core.process import Core
from zaqar_core.core.session import Session
from zaqar_core.domain.batches import batched
from zaqar_core.domain.errors import StoreUnavailable
from zaqar_core.domain.names import QueueRef
from zaqar_core.eventloop import Pauses, Signal
from zaqar_core.observability import counting, definitions, page, queue_rows
from zaqar_core.observability.counter_file import CounterReader, total
from zaqar_core.observability.counting import LATENCIES, ProcessCounters, counters_of, key, queue_key
from zaqar_core.observability.definitions import Metric
from zaqar_core.observability.metrics import Metrics
from zaqar_core.observability.page import Sample
from zaqar_core.observability.queue_pass import Found, QueuePass, order
from zaqar_core.store.conditions import FIT, Condition, StoreCondition, gone, worst

#: Queues whose counters are read, and whose lines are written, before other tasks may run.
_AT_ONCE = 50
#: All pauses while counters are read.
_PAUSES_SECONDS = 0.1
#: Between two looks for counters of queues that no longer exist.
_SWEEP_SECONDS = 60.0
#: A scrape that waits for the collection of another one gives up after this.
_PATIENCE_SECONDS = 60.0
_NONE = [0] * queue_rows.COUNTERS

#: What is shown of a queue's state, by the attribute of Gauges and Sums. Ages are in milliseconds there.
_GAUGES: tuple[tuple[Metric, str], ...] = (
    (definitions.QUEUE_VISIBLE, "visible"),
    (definitions.QUEUE_IN_FLIGHT, "in_flight"),
    (definitions.QUEUE_DELAYED, "delayed"),
    (definitions.QUEUE_AGE, "oldest_age_ms"),
    (definitions.QUEUE_OUTBOX, "outbox"),
    (definitions.QUEUE_RETRIES, "retries"),
)
#: Metrics of queues that have subscriptions; others would only have zeros.
_OF_NOTIFICATIONS = frozenset((definitions.QUEUE_OUTBOX, definitions.QUEUE_RETRIES))


@dataclass(slots=True)
class Collected:
    """What one scrape found. Without ``queues`` the store did not answer."""

    queues: Found | None = None
    #: The worst condition of the main store's servers.
    condition: Condition = FIT
    stores: Sequence[StoreCondition] = ()
    seconds: float = 0.0
    #: The counters of each queue of ``queues``, and those of all others.
    counted: dict[QueueRef, list[int]] = field(default_factory=dict)
    counted_others: list[int] = field(default_factory=list)
    readers: Sequence[CounterReader] = ()
    pools: Mapping[str, bool] = field(default_factory=dict)


class Scraper:
    """Collects and writes the metrics of one node. One instance serves all threads and tasks of a process."""

    def __init__(self, core: Core, metrics: Metrics, settings: Settings) -> None:
        self._core = core
        self._metrics = metrics
        self._has_aliases = settings.metrics_aliases
        self._pass = QueuePass(settings.metrics_queues)
        #: The collection that runs now, and those that wait for it.
        self._running: list[Signal] | None = None
        self._lock = threading.Lock()
        self._last = Collected()
        self._swept = time.monotonic()
        versions = (metadata.version("sqs-facade"), platform.python_version())
        self._build = page.labels(definitions.BUILD.labels, versions)

    def collect(self, session: Session) -> Collected:
        """Collect the metrics, or wait for the collection that runs and share it."""
        with self._lock:
            running = self._running
            if running is None:
                waiting = self._running = []
            else:
                signal = Signal()
                running.append(signal)
        if running is not None:
            signal.wait(_PATIENCE_SECONDS)
            return self._last
        try:
            self._last = self._collected(session)
            return self._last
        finally:
            with self._lock:
                self._running = None
            for one in waiting:
                one.wake()

    def _collected(self, session: Session) -> Collected:
        stores = self._core.store_conditions()
        found = Collected(condition=worst([one for one in stores if not one.pool]), stores=stores)
        if not self._metrics.has_server:
            self._metrics.publish()
        pauses = Pauses(_PAUSES_SECONDS)
        before = self._counted_before(pauses)
        began = time.monotonic()
        # While the store is known to be down, a scrape must not wait for it.
        if found.condition.accepts != "nothing":
            try:
                found.queues = self._pass.run(session)
            except StoreUnavailable as problem:
                found.condition = gone(problem.reason)
        found.seconds = time.monotonic() - began
        found.pools = self._core.router.pools_up()
        found.readers = readers = self._metrics.readers()
        if found.queues is None:
            return found
        shown: set[bytes] = set()
        for refs in batched(found.queues.shown, _AT_ONCE):
            for ref in refs:
                row = queue_key(ref)
                shown.add(row)
                found.counted[ref] = total(readers, row)[: queue_rows.COUNTERS] or _NONE
            pauses.step()
        if found.queues.others is not None:
            found.counted_others = _counted_others(readers, shown, pauses)
        self._forget_deleted(found.queues, before, pauses)
        return found

    # -- Counters of deleted queues ------------------------------------------------------------------------------------

    def _counted_before(self, pauses: Pauses) -> dict[QueueRef, list[int]]:
        """Return what was counted for queues before the pass: now and then for all, else for those shown last."""
        now = time.monotonic()
        if now - self._swept < _SWEEP_SECONDS:
            return self._last.counted
        self._swept = now
        found: dict[QueueRef, list[int]] = {}
        readers = self._metrics.readers()
        for reader in readers:
            for rows in batched(list(reader.rows.get(counting.QUEUE, ())), _AT_ONCE):
                for row in rows:
                    ref = QueueRef(*counting.parts(row)[1])
                    if ref != counting.ROWLESS and ref not in found:
                        counted = counters_of(readers, ref)
                        if any(counted):
                            found[ref] = counted
                pauses.step()
        return found

    def _forget_deleted(self, found: Found, before: dict[QueueRef, list[int]], pauses: Pauses) -> None:
        """Begin again at 0 for queues that another node has deleted, as far as the pass would have found them."""
        last = next(reversed(found.shown), None)
        end = None if last is None else order(last)
        for rows in batched(list(before.items()), _AT_ONCE):
            for ref, counted in rows:
                if ref not in found.shown and (found.others is None or (end is not None and order(ref) < end)):
                    self._metrics.counting.forget_counted(ref, counted)
            pauses.step()

    # -- The page ------------------------------------------------------------------------------------------------------

    def write(self, found: Collected, *, is_open: bool) -> Iterator[str]:
        """Write the page in short parts, some of them empty; ``is_open`` for OpenMetrics."""
        if found.queues is not None:
            yield from self._queues(found, found.queues, is_open=is_open)
        yield from self._processes(found.readers, is_open=is_open)
        yield from self._stores(found, is_open=is_open)
        if self._metrics.certificate_expiry is not None:
            yield _family(definitions.CERTIFICATE, [("", self._metrics.certificate_expiry())], is_open=is_open)
        yield _family(definitions.BUILD, [(self._build, 1)], is_open=is_open)
        yield _family(definitions.SCRAPE_SECONDS, [("", round(found.seconds, 6))], is_open=is_open)
        if is_open:
            yield "# EOF\n"

    def _queues(self, found: Collected, queues: Found, *, is_open: bool) -> Iterator[str]:
        shown: list[str] = []
        for refs in batched(queues.shown, _AT_ONCE):
            shown += [page.labels(definitions.OF_QUEUE, (ref.project, ref.region, ref.name)) for ref in refs]
            yield ""
        rest = page.labels(definitions.OF_QUEUE, ("", "", definitions.OTHERS))
        sums = queues.others
        for metric, attribute in _GAUGES:
            samples = _gauges(queues, shown, metric, attribute)
            if sums is not None:
                samples = chain(samples, [(rest, _value(sums, metric, attribute))])
            yield from _in_parts(metric, samples, is_open=is_open)
        counters = [(metric, event) for event, metric in definitions.QUEUE_EVENTS.items()]
        counters += [(metric, queue_rows.SIZES + event) for event, metric in definitions.QUEUE_SIZES.items()]
        rows = [*zip(shown, found.counted.values(), strict=True)]
        if sums is not None and found.counted_others:
            rows.append((rest, found.counted_others))
        for metric, index in counters:
            yield page.head(metric, is_open=is_open)
            for some in batched(rows, _AT_ONCE):
                yield page.samples(metric, [(text, row[index]) for text, row in some])
        yield from _in_parts(definitions.QUEUE_INFO, _infos(queues), is_open=is_open)
        number = 0 if sums is None else sums.queues
        yield _family(definitions.QUEUES, [("", len(shown) + number)], is_open=is_open)
        yield _family(definitions.QUEUES_SUMMED, [("", number)], is_open=is_open)
        if self._has_aliases:
            yield from _aliases(queues, is_open=is_open)

    def _processes(self, readers: Sequence[CounterReader], *, is_open: bool) -> Iterator[str]:
        rows = _by_kind(readers)
        yield from _operations(readers, is_open=is_open)
        errors = [
            (page.labels(definitions.ERRORS.labels, (dialect, operation, code, status)), numbers[0])
            for (dialect, operation, code, status), numbers in sorted(rows.get(counting.ERROR, {}).items())
            if numbers[0]
        ]
        yield _family(definitions.ERRORS, errors, is_open=is_open)
        totals: dict[str, list[Sample]] = {}
        for (name, label), numbers in sorted(rows.get(counting.TOTAL, {}).items()):
            metric = definitions.TOTALS[name]
            totals.setdefault(name, []).append((page.labels(metric.labels, (label,)), numbers[0]))
        for name, metric in definitions.TOTALS.items():
            yield _family(metric, totals.get(name, []), is_open=is_open)
        states = _states(readers)
        for name, metric in definitions.STATES.items():
            if name in states:
                yield _family(metric, [("", states[name])], is_open=is_open)

    def _stores(self, found: Collected, *, is_open: bool) -> Iterator[str]:
        now = found.condition
        yield _family(definitions.STORE_UP, [("", int(now.accepts != "nothing"))], is_open=is_open)
        yield _family(definitions.STORE_WRITABLE, [("", int(now.accepts == "all"))], is_open=is_open)
        yield _family(definitions.STORE_FULL, [("", int(now.state in ("full", "disk-full")))], is_open=is_open)
        conditions = [
            (page.labels(definitions.STORE_CONDITION.labels, (one.pool, _server(one), one.condition.state)), 1)
            for one in found.stores
        ]
        yield _family(definitions.STORE_CONDITION, conditions, is_open=is_open)
        for metric, name in _FACTS:
            samples = [
                (page.labels(metric.labels, (_server(one),)), number)
                for one in found.stores
                if not one.pool and (number := _number(one.facts, name)) is not None
            ]
            yield _family(metric, samples, is_open=is_open)
        pools = [(page.labels(definitions.POOL_UP.labels, (name,)), int(up)) for name, up in found.pools.items()]
        yield _family(definitions.POOL_UP, pools, is_open=is_open)


_ALIAS_LABELS = ("account", "queue_name", "dimension_QueueName", "queue")
_FACTS = (
    (definitions.STORE_MEMORY, "used_memory"),
    (definitions.STORE_MEMORY_LIMIT, "maxmemory"),
    (definitions.STORE_AOF, "aof_current_size"),
    (definitions.STORE_AOF_OK, "aof_last_write_status"),
    (definitions.STORE_AOF_FSYNC, "aof_pending_bio_fsync"),
    (definitions.STORE_AOF_DELAYED, "aof_delayed_fsync"),
    (definitions.STORE_REPLICAS, "connected_slaves"),
)


def _counted_others(readers: Sequence[CounterReader], shown: Set[bytes], pauses: Pauses) -> list[int]:
    """Return the sums of what was counted for queues whose rows are not among ``shown``."""
    sums = _NONE
    for reader in readers:
        known = reader.rows.get(counting.QUEUE, {})
        for rows in batched(list(known), _AT_ONCE):
            counted = [reader.read(known[row])[: queue_rows.COUNTERS] for row in rows if row not in shown]
            sums = [*map(sum, zip(sums, *counted, strict=True))]
            pauses.step()
    return [max(one, 0) for one in sums]


def _server(one: StoreCondition) -> str:
    return one.node or "main"


def _number(facts: Mapping[str, str], name: str) -> int | None:
    text = facts.get(name)
    if text is None:
        return None
    return int(text) if text.isdigit() else int(text == "ok")


def _family(metric: Metric, samples: Sequence[Sample], *, is_open: bool) -> str:
    return page.head(metric, is_open=is_open) + page.samples(metric, samples) if samples else ""


def _value(one: object, metric: Metric, attribute: str) -> int | float:
    number: int = getattr(one, attribute)
    return number / 1000 if metric is definitions.QUEUE_AGE else number


def _in_parts(metric: Metric, samples: Iterable[Sample], *, is_open: bool) -> Iterator[str]:
    yield page.head(metric, is_open=is_open)
    for some in batched(samples, _AT_ONCE):
        yield page.samples(metric, some)


def _gauges(queues: Found, shown: Sequence[str], metric: Metric, attribute: str) -> Iterator[Sample]:
    """Iterate over the samples of a metric. ``shown`` are the labels of the queues."""
    read, is_optional = attrgetter(attribute), metric in _OF_NOTIFICATIONS
    for text, one in zip(shown, queues.shown.values(), strict=True):
        if one is not None and not (is_optional and not one.is_subscribed):
            number = read(one)
            yield text, number / 1000 if metric is definitions.QUEUE_AGE else number


def _infos(queues: Found) -> Iterator[Sample]:
    for ref, one in queues.shown.items():
        if one is not None:
            kind = "fifo" if ref.is_fifo else "standard"
            values = (ref.project, ref.region, ref.name, kind, one.dead_letter_queue)
            yield page.labels(definitions.QUEUE_INFO.labels, values), 1


def _aliases(queues: Found, *, is_open: bool) -> Iterator[str]:
    attributes = dict(_GAUGES)
    shown: list[str] = []
    for refs in batched(queues.shown, _AT_ONCE):
        shown += [page.labels(_ALIAS_LABELS, (ref.project, ref.name, ref.name, ref.name)) for ref in refs]
        yield ""
    for alias in definitions.aliases():
        yield page.head(alias.metric, alias.name, is_open=is_open)
        for some in batched(_gauges(queues, shown, alias.metric, attributes[alias.metric]), _AT_ONCE):
            yield page.lines(alias.name, some)


def _by_kind(readers: Sequence[CounterReader]) -> dict[bytes, dict[tuple[str, ...], list[int]]]:
    """Return the sums of all rows but those of queues, by kind and parts of the key."""
    found: dict[bytes, dict[tuple[str, ...], list[int]]] = {}
    for kind in (counting.ERROR, counting.TOTAL):
        found[kind] = {tuple(counting.parts(row)[1]): total(readers, row) for row in _named(readers, kind)}
    return found


def _named(readers: Sequence[CounterReader], kind: bytes) -> set[bytes]:
    return {row for reader in readers for row in reader.rows.get(kind, ())}


def _operations(readers: Sequence[CounterReader], *, is_open: bool) -> Iterator[str]:
    rows = {tuple(counting.parts(row)[1]): row for row in _named(readers, counting.OPERATION)}
    waited: list[Sample] = []
    yield page.head(definitions.LATENCY, is_open=is_open)
    for names in sorted(rows):
        times, buckets = counting.times_and_buckets(readers, rows[names])
        if not any(buckets):
            continue
        text = page.labels(definitions.OF_OPERATION, names)
        yield page.histogram(definitions.LATENCY, text, LATENCIES, buckets, round(times[counting.SERVICE], 6))
        if times[counting.WAITED]:
            waited.append((text, round(times[counting.WAITED], 6)))
    yield _family(definitions.WAITED, waited, is_open=is_open)


def _states(readers: Sequence[CounterReader]) -> dict[str, int | float]:
    now_ms, stale_ms = int(time.monotonic() * 1000), int(ProcessCounters.STALE_SECONDS * 1000)
    found: dict[str, int | float] = {}
    for name in definitions.STATES:
        numbers = [counters for reader in readers if (counters := reader.counters(key(counting.STATE, name)))]
        # A state with a later time is from before the machine started: its clock begins at 0 then.
        values = [value for written_ms, value in numbers if abs(now_ms - written_ms) <= stale_ms]
        if values:
            value = max(values) if name in definitions.GREATEST else sum(values)
            found[name] = value / 1e6 if name in definitions.MICROSECONDS else value
    return found

"""The tables of a comparison: medians over the rounds, and ratios to the fastest peer. Without I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Sample:
    """One phase of one round: requests per second, CPU per request, latency, errors, and the number of requests."""

    rate: float
    front_us: float
    store_us: float
    p99_ms: float
    errors: int
    requests: int = 0


#: By server, then by phase: a sample of each round.
Samples = Mapping[str, Mapping[str, Sequence[Sample]]]


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of the table, and whether the greatest is the best one."""

    heading: str
    phase: str
    figure: Callable[[Sample], float]
    greatest_is_best: bool = True
    digits: int = 0

    def of(self, phases: Mapping[str, Sequence[Sample]]) -> float | None:
        """Return the median over the rounds, or None if the server has not run this phase."""
        samples = phases.get(self.phase)
        return median(self.figure(one) for one in samples) if samples else None


COLUMNS = (
    Column("send/s", "send", lambda one: one.rate),
    Column("CPU µs/send", "send", lambda one: one.front_us + one.store_us, greatest_is_best=False),
    Column("p99 ms", "send", lambda one: one.p99_ms, greatest_is_best=False, digits=1),
    Column("cycle/s", "cycle", lambda one: one.rate),
    Column("batches of 10/s", "batch", lambda one: one.rate),
    Column("empty receive/s", "empty", lambda one: one.rate),
)
_OPERATIONS = ("send", "receive", "delete")
_FRONT = Column("front", "send", lambda one: one.front_us)
_STORE = Column("store", "send", lambda one: one.store_us)


def medians(samples: Samples) -> str:
    """Return the table of medians, one row per server."""
    rows = []
    for server, phases in samples.items():
        cells = [_number(column.of(phases), column.digits) for column in COLUMNS]
        store = _STORE.of(phases)
        if store:
            cells[1] = f"{_number(_FRONT.of(phases), 0)} + {_number(store, 0)}"
        rows.append([server, *cells])
    return markdown(["server", *(column.heading for column in COLUMNS)], rows)


def ratios(samples: Samples, peers: Sequence[str]) -> str:
    """Return the table of ratios to the best peer of each column. The last row names that peer."""
    best: list[tuple[float, str] | None] = []
    for column in COLUMNS:
        figures = [(figure, peer) for peer in peers if (figure := column.of(samples[peer]))]
        choose = max if column.greatest_is_best else min
        best.append(choose(figures) if figures else None)
    rows = []
    for server, phases in samples.items():
        pairs = zip((column.of(phases) for column in COLUMNS), best, strict=True)
        rows.append([server, *(_quotient(figure, one[0] if one else None) for figure, one in pairs)])
    rows.append(["the best peer", *(one[1] if one else "" for one in best)])
    return markdown(["ratio to the best peer", *(column.heading for column in COLUMNS)], rows)


def cpu_ratios(samples: Samples, *, facades: Sequence[str], bare: str | None, functions: Mapping[str, str]) -> str:
    """Return what requests of this service cost as multiples of the yardsticks.

    ``bare`` is the row of the HTTP server that does nothing, and ``functions`` names for each of ``facades`` the row of
    the function in its Valkey. The last column says what a send costs beside busy loops as a multiple of one alone.
    """
    rows = []
    for facade in facades:
        phases = samples[facade]
        cells = []
        for figure, yardstick in ((_FRONT, bare), (_STORE, functions.get(facade))):
            unit = figure.of(samples[yardstick]) if yardstick else None
            cells += [_quotient(Column("", phase, figure.figure).of(phases), unit) for phase in _OPERATIONS]
        busy, alone = (Column("", phase, COLUMNS[1].figure).of(phases) for phase in ("busy send", "send"))
        rows.append([facade, *cells, _quotient(busy, alone)])
    fronts, stores = ([f"{part}: {phase}" for phase in _OPERATIONS] for part in ("front", "Valkey"))
    return markdown(["CPU as a multiple of the yardstick", *fronts, *stores, "beside busy loops"], rows)


def errors(samples: Samples) -> list[str]:
    """Return a line for each server and phase with answers that were errors."""
    lines = []
    for server, phases in samples.items():
        for phase, rounds in phases.items():
            if count := sum(one.errors for one in rounds):
                lines.append(f"{server}: {count} errors in the phase {phase}")
    return lines


def markdown(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose columns are aligned also as plain text."""
    widths = [max(len(row[at]) for row in (heading, *rows)) for at in range(len(heading))]
    lines = [_line(heading, widths), "|" + "|".join("-" * (width + 2) for width in widths) + "|"]
    return "\n".join(lines + [_line(row, widths) for row in rows])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = cells
    padded = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
    return "| " + " | ".join(padded) + " |"


def _number(figure: float | None, digits: int) -> str:
    return "" if figure is None else f"{figure:,.{digits}f}"


def _quotient(figure: float | None, unit: float | None) -> str:
    return "" if figure is None or not unit else f"{figure / unit:.2f}"

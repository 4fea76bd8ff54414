"""Report for terminals: a table of operations and targets, then every difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .judging import Verdict, who_is_right
from .running import Outcome


def targets(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the names of the targets in the order of their runs."""
    return list(dict.fromkeys(outcome.target for outcome in outcomes))


def cells(outcomes: Sequence[Outcome]) -> dict[str, dict[str, tuple[int, int]]]:
    """Return, by operation and target, how many scenarios behave as on AWS and how many ran."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for outcome in sorted(outcomes, key=lambda one: one.scenario.operation):
        if outcome.status != "skipped":
            row = found.setdefault(outcome.scenario.operation, {})
            same, ran = row.get(outcome.target, (0, 0))
            row[outcome.target] = (same + (outcome.status == "same"), ran + 1)
    return found


def lines(verdict: Verdict) -> Iterator[str]:
    """Yield the lines of the report."""
    outcomes = verdict.outcomes
    names = targets(outcomes)
    yield from _matrix(cells(outcomes), names)
    for outcome in outcomes:
        if outcome.status == "different":
            yield ""
            yield from _difference(outcome, verdict)
    yield ""
    for name in names:
        yield _summary(name, [outcome for outcome in outcomes if outcome.target == name], verdict)
    if verdict.problems:
        yield ""
        yield from verdict.problems


def _matrix(found: dict[str, dict[str, tuple[int, int]]], names: list[str]) -> Iterator[str]:
    totals = {
        name: tuple(map(sum, zip(*(row.get(name, (0, 0)) for row in found.values()), strict=True))) for name in names
    }
    rows = [[operation, *(_cell(row.get(name)) for name in names)] for operation, row in found.items()]
    rows = [["operation", *names], *rows, ["all", *(_cell((totals[name][0], totals[name][1])) for name in names)]]
    widths = [max(len(row[at]) for row in rows) for at in range(len(names) + 1)]
    for row in rows:
        first, *rest = (
            text.ljust(width) if at == 0 else text.rjust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([first, *rest]).rstrip()


def _cell(cell: tuple[int, int] | None) -> str:
    return "-" if cell is None else f"{cell[0]}/{cell[1]}"


def _difference(outcome: Outcome, verdict: Verdict) -> Iterator[str]:
    scenario = outcome.scenario
    yield f"{outcome.target}: {scenario.name} ({scenario.operation}): {scenario.title}"
    yield f"    {outcome.difference}"
    yield f"    right: {who_is_right(outcome)}"
    if verdict.is_accepted(outcome):
        entry = verdict.accepted[scenario.name]
        yield f"    accepted: {entry.reason} ({entry.source})"


def _summary(name: str, outcomes: list[Outcome], verdict: Verdict) -> str:
    by_status = {
        status: [one for one in outcomes if one.status == status] for status in ("same", "different", "skipped")
    }
    count = {status: len(found) for status, found in by_status.items()}
    accepted = sum(verdict.is_accepted(one) for one in by_status["different"])
    differs = f"{count['different']} differ{f' ({accepted} accepted)' if accepted else ''}"
    reasons = sorted({one.reason for one in by_status["skipped"]})
    skipped = f", {count['skipped']} not run ({'; '.join(reasons)})" if reasons else ""
    return f"{name}: {count['same']} as on AWS, {differs}{skipped}"

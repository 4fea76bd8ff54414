"""Reports in JSON and HTML. Both have the same content."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any, Final

from .comparing import brief
from .judging import Verdict, who_is_right
from .running import Outcome
from .table import cells, targets


def document(verdict: Verdict) -> dict[str, Any]:
    """Return verdict, table and outcomes as JSON values, with the first difference of each differing outcome."""
    outcomes = verdict.outcomes
    return {
        "is_good": verdict.is_good,
        "problems": list(verdict.problems),
        "targets": targets(outcomes),
        "operations": {
            operation: {name: {"same": same, "ran": ran} for name, (same, ran) in row.items()}
            for operation, row in cells(outcomes).items()
        },
        "outcomes": [_outcome(outcome, verdict) for outcome in outcomes],
    }


def _outcome(outcome: Outcome, verdict: Verdict) -> dict[str, Any]:
    scenario = outcome.scenario
    found: dict[str, Any] = {
        "scenario": scenario.name,
        "title": scenario.title,
        "operation": scenario.operation,
        "source": scenario.source,
        "target": outcome.target,
        "status": outcome.status,
        "seconds": round(outcome.seconds, 3),
    }
    if outcome.status == "skipped":
        found["reason"] = outcome.reason
    elif outcome.difference:
        found["difference"] = {
            "path": outcome.difference.path,
            "expected": outcome.difference.expected,
            "got": outcome.difference.got,
        }
        found["right"] = who_is_right(outcome)
        found["observed"] = outcome.observed
        if verdict.is_accepted(outcome):
            found["accepted"] = verdict.accepted[scenario.name].reason
    return found


_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1d2433;background:#fff}
table{border-collapse:collapse;width:100%;margin:1rem 0 2rem}th,td{padding:.3rem .6rem;border-bottom:1px solid #dde2ea;
text-align:left;vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}.all{background:#e8f5ec}
.some{background:#fdf3d7}.none{background:#fbe3e1}code{font-size:.9em;overflow-wrap:anywhere}details{margin:.3rem 0}
summary{cursor:pointer}.bad{color:#a3180d}.good{color:#176a36}small{color:#5b6577}
@media(prefers-color-scheme:dark){body{background:#14181f;color:#e4e8ef}th,td{border-color:#333b48}.all{background:#173a25}
.some{background:#463a13}.none{background:#4a1d1a}small{color:#9aa5b8}.bad{color:#ff8f85}.good{color:#7fd8a0}}
"""


def page(verdict: Verdict) -> str:
    """Return one HTML page without external resources."""
    return "\n".join(_page(verdict)) + "\n"


def _page(verdict: Verdict) -> Iterator[str]:
    names = targets(verdict.outcomes)
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>SQS, behaviour by behaviour</title><style>{_STYLE}</style></head><body>"
    yield "<h1>SQS, behaviour by behaviour</h1>"
    yield "<p>Each cell shows how many of the scenarios that ran behave as on AWS.</p>"
    if verdict.is_good and any(outcome.is_of_facade for outcome in verdict.outcomes):
        yield '<p class="good">sqs-facade behaves as AWS, except for accepted differences.</p>'
    yield from (f'<p class="bad">{html.escape(problem)}</p>' for problem in verdict.problems)
    yield f"<table><tr><th>operation</th>{''.join(f'<th>{html.escape(name)}</th>' for name in names)}</tr>"
    for operation, row in cells(verdict.outcomes).items():
        yield f"<tr><td>{operation}</td>{''.join(_cell(row.get(name)) for name in names)}</tr>"
    yield "</table>"
    for name in names:
        yield f"<h2>{html.escape(name)}</h2>"
        differing = [one for one in verdict.outcomes if one.target == name and one.difference]
        if not differing:
            yield "<p>No difference.</p>"
        for outcome in differing:
            yield from _details(outcome, verdict)


def _cell(cell: tuple[int, int] | None) -> str:
    if cell is None:
        return '<td class="n">-</td>'
    same, ran = cell
    kind = "all" if same == ran else "some" if same else "none"
    return f'<td class="n {kind}">{same}/{ran}</td>'


def _details(outcome: Outcome, verdict: Verdict) -> Iterator[str]:
    scenario = outcome.scenario
    yield f"<details><summary>{html.escape(scenario.title)} <small>{scenario.name}</small></summary><table>"
    rows = [
        ("first difference", str(outcome.difference)),
        ("right", who_is_right(outcome)),
        ("observed", brief(outcome.observed)),
    ]
    if verdict.is_accepted(outcome):
        rows.append(("accepted", verdict.accepted[scenario.name].reason))
    for head, text in rows:
        yield f"<tr><th>{head}</th><td><code>{html.escape(text)}</code></td></tr>"
    yield "</table></details>"

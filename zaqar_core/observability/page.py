"""Write the text formats of Prometheus and OpenMetrics.

A page of 1,000 queues has 17,000 samples, which are written in a few milliseconds, in steps: see decision 0052.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zaqar_core.observability.definitions import Metric

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})

Value = int | float
#: The text of labels with braces, or "", and a value.
Sample = tuple[str, Value]


def labels(names: Sequence[str], values: Sequence[str]) -> str:
    """Return labels as the page has them. Bytes that are not text are shown as replacement characters."""
    if not names:
        return ""
    return "{" + ",".join(f'{name}="{escaped(value)}"' for name, value in zip(names, values, strict=True)) + "}"


def escaped(value: str) -> str:
    """Return the value of a label between its quotation marks."""
    if value.isascii() and '"' not in value and "\\" not in value and "\n" not in value:
        return value
    return value.translate(_ESCAPES).encode("utf-8", "replace").decode()


def head(metric: Metric, name: str = "", *, is_open: bool) -> str:
    """Return the lines before the samples of a family. ``name`` is that of an alias."""
    kind: str = metric.kind
    name = name or (metric.name if is_open or metric.kind != "counter" else metric.sample)
    if kind == "info":
        name, kind = (name, "info") if is_open else (f"{name}_info", "gauge")
    help_text = metric.text.translate(_HELP_ESCAPES)
    return f"# HELP {name} {help_text}\n# TYPE {name} {kind}\n"


def samples(metric: Metric, found: Iterable[Sample]) -> str:
    """Return the lines of the samples of a counter, gauge or info."""
    name = f"{metric.name}_info" if metric.kind == "info" else metric.sample
    return lines(name, found)


def lines(name: str, found: Iterable[Sample]) -> str:
    """Return one line for each sample."""
    return "".join([f"{name}{text} {value}\n" for text, value in found])


def histogram(metric: Metric, names: str, bounds: Sequence[float], counts: Sequence[int], total: float) -> str:
    """Return the lines of one histogram. ``names`` are its labels with braces; ``counts`` those of each bucket."""
    inner = names[1:-1]
    found, number = [], 0
    for bound, count in zip((*bounds, "+Inf"), counts, strict=True):
        number += count
        found.append(f'{metric.name}_bucket{{{inner},le="{bound}"}} {number}\n')
    found.append(f"{metric.name}_sum{names} {total}\n{metric.name}_count{names} {number}\n")
    return "".join(found)

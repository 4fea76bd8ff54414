"""ListMetrics: the metrics of the caller's queues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqs_facade.cloudwatch import metrics, tokens
from sqs_facade.cloudwatch.calls import Call
from sqs_facade.cloudwatch.errors import CloudWatchError, Kind, missing
from sqs_facade.cloudwatch.metrics import Metric
from sqs_facade.cloudwatch.protocols import Tree
from sqs_facade.cloudwatch.shapes import Dimension, ListMetrics
from zaqar_core.core import queues
from zaqar_core.domain import limits


def list_metrics(call: Call, parameters: ListMetrics) -> Tree:
    """Return a page of metrics. One round trip for some hundreds of queues."""
    if parameters.recently_active not in (None, "PT3H"):
        value = parameters.recently_active[:64]
        raise CloudWatchError(Kind.INVALID_VALUE, f"The value {value} for parameter RecentlyActive must be PT3H.")
    after, first = tokens.read(parameters.next_token, parameters) if parameters.next_token else ("", 0)
    filters = parameters.dimensions or []
    if len(filters) > limits.METRIC_FILTERS:
        problem = f"The collection Dimensions must not have more than {limits.METRIC_FILTERS} members."
        raise CloudWatchError(Kind.INVALID_VALUE, problem)
    found: list[Tree] = []
    answer: Tree = {"Metrics": found}
    owner = call.caller.account
    is_other = parameters.namespace not in (None, metrics.NAMESPACE) or parameters.owning_account not in (None, owner)
    if not is_other:
        for name, number, metric in _after(call, _names(filters), after, first, parameters.metric_name):
            if len(found) == limits.METRICS_PAGE:
                answer["NextToken"] = tokens.write(parameters, name, number)
                break
            dimensions = [{"Name": metrics.DIMENSION, "Value": name}]
            found.append({"Namespace": metrics.NAMESPACE, "MetricName": metric.name, "Dimensions": dimensions})
    if parameters.include_linked_accounts:
        answer["OwningAccounts"] = [owner] * len(found)
    return answer


def _names(filters: Sequence[Dimension]) -> set[str] | None:
    """Return the queues that the filters allow, None for all."""
    allowed: set[str] | None = None
    for number, one in enumerate(filters, 1):
        if not one.name:
            raise missing(f"Dimensions.member.{number}.Name")
        if one.name != metrics.DIMENSION:
            return set()
        if one.value is not None:
            allowed = {one.value} if allowed is None else allowed & {one.value}
    return allowed


def _after(
    call: Call, allowed: set[str] | None, start: str, first: int, metric_name: str | None
) -> Iterator[tuple[str, int, Metric]]:
    """Yield the metrics from that queue and that metric of it on: name of the queue, number and metric.

    The queue may have been deleted since; then those of the next queue follow.
    """
    for name in _queues(call, allowed, start):
        found = [metric for metric in metrics.METRICS.values() if metric_name in (None, metric.name)]
        for number, metric in enumerate(found):
            if name != start or number >= first:
                yield name, number, metric


def _queues(call: Call, allowed: set[str] | None, start: str) -> Iterator[str]:
    """Yield the names of the caller's queues from ``start`` on, in byte order."""
    account, region = call.caller
    if allowed is not None:
        known = call.samples(sorted(name for name in allowed if name >= start))
        yield from known
        return
    if start and call.samples([start]):
        yield start
    page = [start]
    while page:
        page = queues.names(call.session, account, region, after=page[-1], limit=limits.METRICS_PAGE)
        yield from page

"""What an operation receives, and how it finds the queue of a metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqs_facade import addresses
from sqs_facade.addresses import Caller
from sqs_facade.cloudwatch import metrics
from sqs_facade.cloudwatch.metrics import Metric
from sqs_facade.cloudwatch.shapes import Dimension
from zaqar_core.core import samples
from zaqar_core.core.samples import Samples
from zaqar_core.core.session import Session
from zaqar_core.domain.names import QueueRef


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the core's session, and the caller, whose queues it can ask about."""

    session: Session
    caller: Caller

    def samples(self, names: Sequence[str]) -> dict[str, Samples]:
        """Return the samples of the caller's queues by name, without those that do not exist."""
        known = [name for name in dict.fromkeys(names) if addresses.is_addressed(name)]
        refs = [QueueRef(self.caller.account, self.caller.region, name) for name in known]
        found = samples.read(self.session, refs)
        return {name: one for name, one in zip(known, found, strict=True) if one is not None}


@dataclass(frozen=True, slots=True)
class Asked:
    """A metric of a queue."""

    metric: Metric
    queue: str


def asked(
    namespace: str | None, name: str | None, dimensions: Sequence[Dimension] | None, unit: str | None
) -> Asked | None:
    """Return the metric; None if no queue has such a metric, with these dimensions and in this unit."""
    metric = metrics.METRICS.get(name or "")
    if namespace != metrics.NAMESPACE or metric is None or unit not in (None, metric.unit):
        return None
    match dimensions:
        case [Dimension(name=metrics.DIMENSION, value=str(queue))]:
            return Asked(metric, queue)
    return None

"""The Metrics Insights query that autoscalers use: one statistic of one metric of one queue.

For example ``SELECT MAX("ApproximateNumberOfMessagesVisible") FROM "AWS/SQS" WHERE QueueName = 'orders'``. All other
expressions (metric math, SEARCH, GROUP BY, queries over many queues) are refused.
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: Functions of Metrics Insights -> statistics.
_FUNCTIONS = {"AVG": "Average", "COUNT": "SampleCount", "MAX": "Maximum", "MIN": "Minimum", "SUM": "Sum"}
_SELECT = re.compile(
    r"""
    \s*SELECT\s+(?P<function>[A-Z]+)\s*\(\s*(?:"(?P<quoted>[^"]+)"|(?P<metric>\w+))\s*\)
    \s+FROM\s+(?:"(?P<namespace>[^"]+)"|SCHEMA\s*\(\s*"(?P<schema>[^"]+)"\s*,\s*"?QueueName"?\s*\))
    \s+WHERE\s+(?:"QueueName"|QueueName)\s*=\s*'(?P<queue>[^']+)'
    (?:\s+LIMIT\s+[0-9]+)?\s*
    """,
    re.VERBOSE | re.IGNORECASE,
)


class Selection(NamedTuple):
    """What a query selects."""

    statistic: str
    metric: str
    namespace: str
    queue: str


def read(expression: str) -> Selection | None:
    """Return what the query selects; None for an expression of another kind."""
    found = _SELECT.fullmatch(expression)
    if found is None or (statistic := _FUNCTIONS.get(found["function"].upper())) is None:
        return None
    namespace = found["namespace"] or found["schema"]
    return Selection(statistic, found["quoted"] or found["metric"], namespace, found["queue"])

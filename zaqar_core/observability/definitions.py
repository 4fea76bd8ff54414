"""The table of all metrics: names, labels, units, and the names that CloudWatch and other exporters have for them.

Names follow the rules of Prometheus: base units, ``_total`` for counters. The aliases are names that dashboards for SQS
know; the setting ``metrics_aliases`` adds them. docs/metrics.md is generated from this table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zaqar_core.core.traffic import Event

PREFIX = "sqs_facade_"
Kind = Literal["counter", "gauge", "histogram", "info"]

#: The labels of a queue. An account is a project of Zaqar.
OF_QUEUE = ("account", "region", "queue")
OF_OPERATION = ("dialect", "operation")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family. ``name`` has no ``_total``; the page adds it to counters."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    #: The metric of CloudWatch with the same meaning.
    cloudwatch: str = ""
    #: The base of the aliases ``aws_sqs_<base>_average`` and the like. Counters have none: CloudWatch's are sums of a
    #: period, and a total under their names would mislead.
    alias: str = ""
    #: The same metric in sqs-exporter.
    exporter: str = ""

    @property
    def text(self) -> str:
        """The help text of the page."""
        return f"{self.help} CloudWatch: {self.cloudwatch}." if self.cloudwatch else self.help

    @property
    def sample(self) -> str:
        """The name of its samples: counters end in ``_total``."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


_found: list[Metric] = []


def _add(
    kind: Kind,
    name: str,
    help_text: str,
    labels: tuple[str, ...] = (),
    *,
    cloudwatch: str = "",
    alias: str = "",
    exporter: str = "",
) -> Metric:
    metric = Metric(PREFIX + name, kind, help_text, labels, cloudwatch, alias, exporter)
    _found.append(metric)
    return metric


# -- Queues: the state in the store ------------------------------------------------------------------------------------
QUEUE_VISIBLE = _add(
    "gauge", "queue_messages_visible", "Messages that can be received now.", OF_QUEUE,
    cloudwatch="ApproximateNumberOfMessagesVisible", alias="approximate_number_of_messages_visible",
    exporter="sqs_messages_visible",
)  # fmt: skip
QUEUE_IN_FLIGHT = _add(
    "gauge", "queue_messages_in_flight", "Messages that a consumer has received and not deleted yet.", OF_QUEUE,
    cloudwatch="ApproximateNumberOfMessagesNotVisible", alias="approximate_number_of_messages_not_visible",
    exporter="sqs_messages_not_visible",
)  # fmt: skip
QUEUE_DELAYED = _add(
    "gauge", "queue_messages_delayed", "Messages whose delay has not ended.", OF_QUEUE,
    cloudwatch="ApproximateNumberOfMessagesDelayed", alias="approximate_number_of_messages_delayed",
    exporter="sqs_messages_delayed",
)  # fmt: skip
QUEUE_AGE = _add(
    "gauge", "queue_oldest_message_age_seconds",
    "Age of the oldest message that is visible or in flight, 0 without one. In a standard queue it passes over "
    "messages that were received three times or more; the age of a dead letter begins with its move.", OF_QUEUE,
    cloudwatch="ApproximateAgeOfOldestMessage", alias="approximate_age_of_oldest_message",
)  # fmt: skip
QUEUE_OUTBOX = _add(
    "gauge", "queue_notifications_pending", "Messages whose notifications are not all delivered.", OF_QUEUE
)
QUEUE_RETRIES = _add("gauge", "queue_notifications_retrying", "Notifications that failed and wait for another try.",
                     OF_QUEUE)  # fmt: skip
QUEUE_INFO = _add(
    "info", "queue", "1 for each queue: its kind (standard or fifo) and its dead-letter queue.",
    (*OF_QUEUE, "kind", "dead_letter_queue"),
)  # fmt: skip
QUEUES = _add("gauge", "queues", "Queues. Those that are summed are counted in turns, over some scrapes.")
QUEUES_SUMMED = _add(
    "gauge", "queues_summed", "Queues beyond metrics_queues: the row of the queue {others} is their sum."
)

# -- Queues: what happened at this node --------------------------------------------------------------------------------
QUEUE_EVENTS: dict[int, Metric] = {
    Event.SENT: _add(
        "counter", "queue_messages_sent", "Messages that clients have sent. Moves do not count.", OF_QUEUE,
        cloudwatch="NumberOfMessagesSent",
    ),
    Event.RECEIVED: _add(
        "counter", "queue_messages_received", "Messages that clients have received, each time.", OF_QUEUE,
        cloudwatch="NumberOfMessagesReceived",
    ),
    Event.EMPTY_RECEIVE: _add(
        "counter", "queue_empty_receives", "Receives and claims that returned no message.", OF_QUEUE,
        cloudwatch="NumberOfEmptyReceives",
    ),
    Event.DELETED: _add(
        "counter", "queue_messages_deleted", "Deletions of messages by clients that succeeded.", OF_QUEUE,
        cloudwatch="NumberOfMessagesDeleted",
    ),
    Event.DEAD_LETTERED: _add(
        "counter", "queue_messages_dead_lettered", "Messages that were moved to the queue's dead-letter queue.",
        OF_QUEUE,
    ),
    Event.REDRIVEN: _add(
        "counter", "queue_messages_redriven", "Messages that a move task has moved from this dead-letter queue.",
        OF_QUEUE,
    ),
    Event.NOTIFIED: _add("counter", "queue_notifications_delivered", "Notifications that were delivered.", OF_QUEUE),
    Event.NOTIFICATION_RETRIED: _add(
        "counter", "queue_notifications_retried", "Deliveries of notifications that failed and are tried again.",
        OF_QUEUE,
    ),
    Event.NOTIFICATION_FAILED: _add(
        "counter", "queue_notifications_failed", "Notifications that failed for good.", OF_QUEUE
    ),
}  # fmt: skip
QUEUE_SIZES: dict[int, Metric] = {
    Event.SENT: _add(
        "counter", "queue_sent_bytes", "Bytes of the messages that clients have sent.", OF_QUEUE,
        cloudwatch="SentMessageSize (its sum)",
    ),
    Event.RECEIVED: _add("counter", "queue_received_bytes", "Bytes of the bodies that clients have received.",
                         OF_QUEUE),
}  # fmt: skip

# -- Requests ----------------------------------------------------------------------------------------------------------
LATENCY = _add(
    "histogram", "request_duration_seconds",
    "Time from the moment when a request could run to its reply, without the wait of a long poll.", OF_OPERATION,
)  # fmt: skip
ERRORS = _add(
    "counter", "request_errors", "Requests that got an error, by its code and HTTP status.",
    (*OF_OPERATION, "code", "status"),
)  # fmt: skip
WAITED = _add("counter", "request_wait_seconds", "Time for which receives waited for messages.", OF_OPERATION)

# -- Processes: totals of this node, and states of its live processes --------------------------------------------------
#: By the name of the total, and the label that it has.
TOTALS: dict[str, Metric] = {
    "accepted": _add("counter", "connections_accepted", "Connections that were accepted."),
    "accepting_paused": _add("counter", "accepting_paused", "Times at which a worker accepted no connections."),
    "refused": _add("counter", "requests_refused", "Requests that the HTTP server refused, by reason.", ("reason",)),
    "shed": _add(
        "counter", "connections_shed", "Connections that were closed to make room or in their deadline.", ("reason",)
    ),
    "abandoned": _add("counter", "requests_abandoned", "Requests whose client left before their turn."),
    "waits_shed": _add("counter", "waits_shed", "Receives that could not wait: max_waits receives waited already."),
    "received_bytes": _add("counter", "network_received_bytes", "Bytes that clients have sent."),
    "sent_bytes": _add("counter", "network_sent_bytes", "Bytes that were sent to clients."),
    "long_turns": _add("counter", "event_loop_long_turns", "Turns of the event loop that took over 50 ms."),
    "round_trips": _add("counter", "store_round_trips", "Round trips to the stores."),
    "store_failures": _add("counter", "store_failures", "Round trips to the stores that failed."),
    "store_connections": _add("counter", "store_connections_opened", "Connections to the stores that were opened."),
    "credentials_reloads": _add(
        "counter", "credentials_reloads", "Times at which the credentials file was read again, by outcome.",
        ("outcome",),
    ),
    "audit_dropped": _add("counter", "audit_lines_dropped", "Lines of the audit log that were lost."),
}  # fmt: skip
#: By the name of the state. The page sums them over the processes, or takes the greatest.
STATES: dict[str, Metric] = {
    "connections": _add("gauge", "connections", "Open connections of clients."),
    "in_flight": _add("gauge", "requests_in_flight", "Requests that run, those that wait for messages aside."),
    "queued": _add("gauge", "requests_queued", "Requests that wait for their turn."),
    "waits": _add("gauge", "requests_waiting", "Requests that wait for messages or for another service."),
    "bodies": _add("gauge", "bodies_being_read", "Bodies of requests that have arrived in part."),
    "buffered_bytes": _add("gauge", "buffered_bytes", "Bytes of bodies of requests in memory."),
    "unsent_bytes": _add("gauge", "unsent_bytes", "Bytes that slow clients have not read."),
    "loop_lag": _add(
        "gauge", "event_loop_lag_seconds", "Longest time in the last half minute for which an event loop was blocked."
    ),
    "processes": _add("gauge", "processes", "Processes whose counters are in this page."),
}  # fmt: skip
#: States of which the page shows the greatest.
GREATEST = frozenset({"loop_lag"})
#: States that are kept in microseconds.
MICROSECONDS = frozenset({"loop_lag"})

# -- Stores ------------------------------------------------------------------------------------------------------------
STORE_UP = _add("gauge", "store_up", "1 while the main store answers.")
STORE_WRITABLE = _add(
    "gauge", "store_writable", "1 while the main store accepts messages: it keeps the durability and is not full."
)
STORE_FULL = _add("gauge", "store_full", "1 while a memory limit or a full disk keeps the store from new messages.")
_OF_SERVER = ("server",)
STORE_MEMORY = _add("gauge", "store_memory_bytes", "Memory that a server of the main store uses.", _OF_SERVER)
STORE_MEMORY_LIMIT = _add(
    "gauge", "store_memory_limit_bytes", "Memory limit of the server (maxmemory), 0 without one.", _OF_SERVER
)
STORE_AOF = _add("gauge", "store_aof_bytes", "Size of the append-only file.", _OF_SERVER)
STORE_AOF_OK = _add(
    "gauge", "store_aof_last_write_ok", "1 if the last write to the append-only file succeeded.", _OF_SERVER
)
STORE_AOF_FSYNC = _add(
    "gauge", "store_aof_pending_fsyncs", "Syncs of the append-only file that wait for the disk.", _OF_SERVER
)
STORE_AOF_DELAYED = _add(
    "counter", "store_aof_delayed_fsyncs", "Syncs of the append-only file that were late.", _OF_SERVER
)
STORE_REPLICAS = _add("gauge", "store_replicas", "Connected replicas of the server.", _OF_SERVER)
POOL_UP = _add("gauge", "pool_up", "1 while a pool that this process uses answers.", ("pool",))

# -- The service -------------------------------------------------------------------------------------------------------
CERTIFICATE = _add(
    "gauge", "tls_certificate_expiry_timestamp_seconds", "When the service's own certificate ends, in Unix time."
)
BUILD = _add("info", "build", "1: the versions of the service and of Python.", ("version", "python"))
SCRAPE_SECONDS = _add("gauge", "scrape_duration_seconds", "Time that reading the queues took for this page.")

#: All of them in the order of the page.
METRICS: tuple[Metric, ...] = tuple(_found)

#: The name of the queue in the row of all queues that are not shown: no queue can have it.
OTHERS = "{others}"


@dataclass(frozen=True, slots=True)
class Alias:
    """Another name of a metric of queues. ``statistic`` is CloudWatch's; its value is the present one or the total."""

    name: str
    metric: Metric


def aliases() -> tuple[Alias, ...]:
    """Return the names by which dashboards for SQS know the metrics of queues."""
    found: list[Alias] = []
    for metric in METRICS:
        if metric.alias:
            found += [Alias(f"aws_sqs_{metric.alias}_{word}", metric) for word in ("average", "maximum", "sum")]
        if metric.exporter:
            found.append(Alias(metric.exporter, metric))
    return tuple(found)

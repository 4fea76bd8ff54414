"""What a process counts of its connections to all stores."""

from __future__ import annotations


class Statistics:
    """Totals since the start of the process. Threads that count at the same moment may lose one."""

    __slots__ = ("connections", "failures", "round_trips")

    def __init__(self) -> None:
        self.round_trips = 0
        #: Exchanges that failed, with those that were not sent.
        self.failures = 0
        #: Connections that were opened.
        self.connections = 0


STATISTICS = Statistics()

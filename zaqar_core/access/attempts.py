"""Bound the failed attempts of clients that nobody knows, by their address."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network

#: Failed attempts of one address in a second, at each worker.
MOST_FAILURES = 50
#: Addresses in the table of a second. Those beyond it are not counted.
_MOST_ADDRESSES = 10_000
#: Bits of an IPv6 address that are counted: a host often has all addresses of such a network.
_NETWORK_BITS = 64


class FailedAttempts:
    """Failed attempts of the current second. One instance serves all threads: a lost count does no harm."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._second = 0
        self._failures: dict[str, int] = {}

    def are_too_many(self, address: str) -> bool:
        """Return whether the client has to wait for the next second."""
        return self._of_this_second().get(_network(address), 0) >= MOST_FAILURES

    def add(self, address: str) -> None:
        """Count a failed attempt."""
        failures, network = self._of_this_second(), _network(address)
        if network in failures or len(failures) < _MOST_ADDRESSES:
            failures[network] = failures.get(network, 0) + 1

    def _of_this_second(self) -> dict[str, int]:
        second = int(self._clock())
        if second != self._second:
            self._second, self._failures = second, {}
        return self._failures


def _network(address: str) -> str:
    """Return the part of an address that is counted."""
    if ":" not in address:
        return address
    try:
        found = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(found.ipv4_mapped or IPv6Network((found, _NETWORK_BITS), strict=False))

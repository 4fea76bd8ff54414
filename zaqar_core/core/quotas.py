"""Quotas of accounts: how many bytes all queues of an account may hold, and how many messages may be in flight.

One process of all services on a store measures the queues every few seconds: see ``background.usage``. Every process
reads the sums and refuses sends or receives by them, so a request costs no more than a look into a set. An account can
exceed its quotas by what it does until the next measurement.
"""

from __future__ import annotations

from collections.abc import Mapping

from zaqar_core.configuration.settings import Settings
from zaqar_core.domain.errors import AccountFull, AccountInFlightLimitReached


class Quotas:
    """The quotas of one process, and which accounts have used them up. None: no quota."""

    def __init__(self, most_bytes: int | None, most_in_flight: int | None) -> None:
        self._most_bytes = most_bytes
        self._most_in_flight = most_in_flight
        self._full: frozenset[str] = frozenset()
        self._busy: frozenset[str] = frozenset()

    @staticmethod
    def configured(settings: Settings) -> Quotas | None:
        """Return the quotas that the settings have, None without any."""
        most_bytes, most_in_flight = settings.max_bytes_per_account, settings.max_in_flight_per_account
        return None if most_bytes is most_in_flight is None else Quotas(most_bytes, most_in_flight)

    def require_room(self, account: str) -> None:
        """Require that the account may store more messages. Raises AccountFull."""
        if account in self._full:
            assert self._most_bytes is not None
            raise AccountFull(self._most_bytes)

    def require_few_in_flight(self, account: str) -> None:
        """Require that more messages of the account may be in flight. Raises AccountInFlightLimitReached."""
        if account in self._busy:
            assert self._most_in_flight is not None
            raise AccountInFlightLimitReached(self._most_in_flight)

    def update(self, held: Mapping[str, int], in_flight: Mapping[str, int]) -> None:
        """Take over the sums of all accounts: bytes of messages, and messages in flight."""
        self._full = _over(held, self._most_bytes)
        self._busy = _over(in_flight, self._most_in_flight)


def _over(sums: Mapping[str, int], most: int | None) -> frozenset[str]:
    return frozenset() if most is None else frozenset(account for account, one in sums.items() if one >= most)

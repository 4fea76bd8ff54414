"""The outages of one server, as this process sees them: one line when the server is gone, and one when it is back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from zaqar_core.store.conditions import GONE_REMEDY
from zaqar_core.store.inspection import Terms

_log = logging.getLogger("sqs_facade.store")
#: Outages that begin so soon after one that was logged are only counted, unless they last.
_QUIET_SECONDS = 60.0


class Outages:
    """Thread-safe. Both methods are called again and again while nothing changes."""

    __slots__ = ("_counted", "_is_closed", "_is_logged", "_lock", "_logged_at", "_name", "_now", "_since", "_terms")

    def __init__(self, name: str, terms: Terms | None, now: Callable[[], float] = time.monotonic) -> None:
        """``name`` is for the operator. Nothing is logged before the deployment of ``terms`` is in service."""
        self._name = name
        self._terms = terms
        self._now = now
        self._lock = threading.Lock()
        self._since: float | None = None
        #: Whether the beginning of the present outage was logged.
        self._is_logged = False
        self._logged_at = -_QUIET_SECONDS
        #: Outages that were not logged.
        self._counted = 0
        self._is_closed = False

    def close(self) -> None:
        """Log nothing any more: the connections are closed on purpose."""
        self._is_closed = True

    def begin(self, reason: str) -> None:
        """Take note that a connection was lost, or could not be opened."""
        if self._terms is None or not self._terms.is_in_service or self._is_closed:
            return
        with self._lock:
            now = self._now()
            if self._since is None:
                self._since, self._is_logged = now, False
            if self._is_logged or now < self._logged_at + _QUIET_SECONDS:
                return
            self._is_logged, self._logged_at = True, now
            counted, self._counted = self._counted, 0
        before = f" ({counted} more outages in the minute before)" if counted else ""
        _log.error(
            "%s is gone: %s; requests that need it fail until it is back; to mend it: %s%s",
            self._name, reason, GONE_REMEDY, before,
        )  # fmt: skip

    def end(self) -> None:
        """Take note that a connection was opened."""
        if self._since is None:
            return
        with self._lock:
            since, self._since = self._since, None
            if since is None:
                return
            if not self._is_logged:
                self._counted += 1
                return
        _log.warning("%s is back after %.1f s", self._name, self._now() - since)

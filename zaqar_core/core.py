"""What a face holds while it answers one request: the settings, and one execution slot of the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from zaqar_core.settings import Settings
from zaqar_core.store import Slots, Store


class Session:
    """One request's hold of one execution slot (a Redis connection).

    The whole time a face parses, runs and writes it holds a slot; only :meth:`asleep` gives it back for a while.
    """

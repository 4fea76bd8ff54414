"""The versions of the API: one row each. Handlers ask the row, never the version's number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """One version. ``prefix`` begins every path, href and Location of it; ``updated`` is ISO 8601."""

    id: str
    prefix: str
    status: str
    updated: str


V2 = Dialect(id="2", prefix="/v2", status="CURRENT", updated="2014-9-24T04:06:47Z")

#: All versions that are served, oldest first.
DIALECTS = (V2,)

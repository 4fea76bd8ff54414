"""The cause of a log record: records of one cause are written once a minute."""

from __future__ import annotations

from typing import Any

#: The attributes of a record with its cause, and with the time for which more records of the cause are counted only.
CAUSE, QUIET_SECONDS = "_cause", "_quiet_seconds"
#: For what an operator can mend, and may have good reasons to leave as it is.
REMEDY_QUIET_SECONDS = 3600.0
#: The ``extra`` of a log call whose every record is written: the response to what an operator has done.
EACH: dict[str, Any] = {QUIET_SECONDS: 0.0}


def cause(*parts: object, quiet_seconds: float | None = None) -> dict[str, Any]:
    """Return the ``extra`` of a log call with the cause of the record.

    Without it, the cause is the text, or the place where the exception was raised. Give it where the text contains what
    differs each time, such as the name of a queue. ``quiet_seconds`` takes the place of one minute.
    """
    found: dict[str, Any] = {CAUSE: parts}
    if quiet_seconds is not None:
        found[QUIET_SECONDS] = quiet_seconds
    return found

"""The log of a process: lines for people or JSON, written by a thread, each cause once a minute at most.

Modules log by :mod:`logging`, under names that begin with ``sqs_facade``. After :func:`set_up` their records, and those
of libraries, are written as docs/logging.md describes.
"""

from zaqar_core.logs.cause import cause
from zaqar_core.logs.setup import announcement, close, console, is_json, set_up, writer

__all__ = ["announcement", "cause", "close", "console", "is_json", "set_up", "writer"]

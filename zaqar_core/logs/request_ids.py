"""The id of the request that the current task or thread runs, for the lines that it logs."""

from __future__ import annotations

from contextvars import ContextVar

#: Each task has a context of its own, and a thread sets it anew for each request.
_current: ContextVar[str] = ContextVar("request_id", default="")

#: Set the id of the request that begins.
set_request_id = _current.set
#: Return the id of the current request, "" outside of requests.
current_request_id = _current.get

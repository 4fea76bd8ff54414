"""How the calls of functions are joined that tasks make in one turn of the event loop: see ``store.joined_calls``.

The arguments and replies are those of ``store/lua/functions``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zaqar_core.core.router import Arguments
from zaqar_core.store.joined_calls import Joining, Terms

#: Larger messages are sent by themselves: a joined call would save little of their cost.
_MOST_MESSAGE_BYTES = 16 * 1024
#: The index of the first message in the arguments of a send, and how many arguments one message has.
_FIRST, _STRIDE = 3, 2


class _Sends(Joining):
    """Sends and posts of one message each."""

    own_failures = frozenset({"POSTTOOLONG"})

    def admits(self, arguments: Arguments) -> bool:
        if len(arguments) != _FIRST + _STRIDE:
            return False
        record = arguments[_FIRST]
        return isinstance(record, bytes) and len(record) <= _MOST_MESSAGE_BYTES

    def terms(self, arguments: Arguments) -> Terms:
        mode, _, limit, record, _ = arguments
        assert isinstance(record, bytes)
        return (mode, limit), 1, len(record)

    def join(self, calls: Sequence[Arguments]) -> Arguments:
        joined = list(calls[0])
        joined[1] = -max(1, *(int(call[1]) for call in calls))  # each message is a post of its own
        for call in calls[1:]:
            joined += call[_FIRST:]
        return joined

    def divide(self, calls: Sequence[Arguments], reply: Any) -> Sequence[Any]:
        if isinstance(reply, int):
            return range(reply - len(calls) + 1, reply + 1)
        return [outcome if outcome > 0 else [outcome] for outcome in reply]


SENDS = _Sends()

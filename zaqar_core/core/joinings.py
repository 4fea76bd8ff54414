"""How the calls of functions are joined that tasks make in one turn of the event loop: see ``store.joined_calls``.

The arguments and replies are those of ``store/lua/functions``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from zaqar_core.core import stored_messages
from zaqar_core.core.router import Arguments
from zaqar_core.store.joined_calls import JoinableCall, Joining, Retry, Terms

#: Larger messages are sent by themselves: a joined call would save little of their cost.
_MOST_MESSAGE_BYTES = 16 * 1024
#: The index of the first message in the arguments of a send, and how many arguments one message has.
_FIRST, _STRIDE = 3, 2
#: The indexes of a receive's waiter, of the incarnation at its first call, and of how it leaves.
_WAITER, _BEGAN, _LEAVING = 3, 4, 5
#: The wait, in ms, of a joined call for receives that wait. It has no waiter, so it does not wait; but it does not fail
#: at the limit of messages in flight either.
_NO_WAITER = 1
#: The index of the ttl and the grace in the arguments of a claim. Before them are the limit, the id and the nonce.
_TIMES = 3


class _Sends(Joining):
    """Sends and posts of one message each."""

    own_failures = frozenset({"POSTTOOLONG"})

    def terms(self, arguments: Arguments) -> Terms | None:
        if len(arguments) != _FIRST + _STRIDE:
            return None
        mode, _, limit, record, _ = arguments
        size_bytes = len(record)  # type: ignore[arg-type] # it is bytes
        return None if size_bytes > _MOST_MESSAGE_BYTES else ((mode, limit), 1, size_bytes)

    def join(self, calls: Sequence[JoinableCall]) -> Arguments:
        joined = list(calls[0].arguments)
        joined[1] = -max(1, *[int(call.arguments[1]) for call in calls])  # each message is a post of its own
        for call in calls[1:]:
            joined += call.arguments[_FIRST:]
        return joined

    def divide(self, calls: Sequence[JoinableCall], reply: Any) -> Sequence[Any]:
        if isinstance(reply, int):
            return range(reply - len(calls) + 1, reply + 1)
        return [outcome if outcome > 0 else [outcome] for outcome in reply]


class _Receives(Joining):
    """Receives that do not wait, and the first calls of those that wait.

    The joined call does not wait. A receive that waits and gets no message from it is sent by itself, to register its
    waiter.
    """

    def terms(self, arguments: Arguments) -> Terms | None:
        maximum, rest = _maximum(arguments[0])
        if rest is None:
            return None
        if len(arguments) == _WAITER:
            return (rest, arguments[2]), maximum, 0
        if arguments[_BEGAN] or arguments[_LEAVING]:
            return None
        return (rest, None), maximum, 0

    def join(self, calls: Sequence[JoinableCall]) -> Arguments:
        numbers, nonce, wait, *waiting = calls[0].arguments
        maximum, rest = _maximum(numbers)
        assert rest is not None
        total = sum([call.terms[1] for call in calls])
        return [b"%d %b %d" % (total, rest, maximum), nonce, _NO_WAITER if waiting else wait]

    def divide(self, calls: Sequence[JoinableCall], reply: Any) -> Sequence[Any]:
        waits = len(calls[0].arguments) > _WAITER
        if isinstance(reply, bytes):
            found = stored_messages.divided(reply, [call.terms[1] for call in calls])
            retry = Retry.ALONE if waits else Retry.ONCE_MORE
            return [retry if part is None else part for part in found]
        incarnation, intents, wait, due, again = reply
        others = len(calls) - 1
        if not waits:
            return [reply, *[[incarnation, 0, wait, due, again]] * others]
        # The first one finishes the moves that were begun, and tries again.
        return [[incarnation, intents, wait, due, 1] if intents else Retry.ALONE, *[Retry.ALONE] * others]


@lru_cache(maxsize=4096)
def _maximum(numbers: bytes | str | int) -> tuple[int, bytes | None]:
    """Split the first argument of a receive: how many messages it takes at most, and the other numbers.

    These are None if the messages stay visible: such receives are not joined, since all receive the same messages.
    """
    assert isinstance(numbers, bytes)
    maximum, rest = numbers.split(b" ", 1)
    return int(maximum), None if rest.startswith(b"0 ") else rest


class _Deletions(Joining):
    """Deletions by receipt. The reply is how many messages were asked for."""

    def terms(self, arguments: Arguments) -> Terms | None:
        return arguments[0], len(arguments) - 1, 0

    def join(self, calls: Sequence[JoinableCall]) -> Arguments:
        return [calls[0].arguments[0], *[sequence for call in calls for sequence in call.arguments[1:]]]

    def divide(self, calls: Sequence[JoinableCall], reply: Any) -> Sequence[Any]:
        del reply
        return [call.terms[1] for call in calls]


class _Claims(Joining):
    """Claims with the same limit, ttl and grace."""

    def terms(self, arguments: Arguments) -> Terms | None:
        most, _, _, *times = arguments
        return (most, *times), int(most), 0

    def join(self, calls: Sequence[JoinableCall]) -> Arguments:
        return [*calls[0].arguments, *[one for call in calls[1:] for one in call.arguments[1:_TIMES]]]

    def divide(self, calls: Sequence[JoinableCall], reply: Any) -> Sequence[Any]:
        left = len(calls) - len(reply)
        is_again = left and reply[-1][1]  # where replies are missing, the last one has no messages
        return [*reply, *[Retry.ONCE_MORE if is_again else [0, 0]] * left]


class _DeletionsById(Joining):
    """Deletions of one message each by its id. The reply is how many existed."""

    own_failures = frozenset({"CLAIMED", "NOCLAIM", "NOTCLAIMED", "OTHERCLAIM"})

    def terms(self, arguments: Arguments) -> Terms | None:
        return ("one", 1, 0) if arguments[0] == "one" else None

    def join(self, calls: Sequence[JoinableCall]) -> Arguments:
        return ["one", *[one for call in calls for one in call.arguments[1:]]]

    def divide(self, calls: Sequence[JoinableCall], reply: Any) -> Sequence[Any]:
        del calls
        existed: list[int] = reply
        return existed


SENDS, RECEIVES, DELETIONS = _Sends(), _Receives(), _Deletions()
CLAIMS, DELETIONS_BY_ID = _Claims(), _DeletionsById()

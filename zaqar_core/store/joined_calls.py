"""Joined calls: calls of one function on one queue, made by tasks in the same turn of the event loop, sent as one call.

A call of ten messages costs the server a half to a third of ten calls of one. The calls of a turn do not depend on each
other, since each task waits for its reply before it goes on; so they may run in any order. A joined call has the effect
of its calls one after the other, in the order in which they were made.

A function whose calls can be joined has a :class:`Joining`, which is declared beside the code that calls it. A link
joins what goes out in one write by :func:`joined`; everything else treats a call as if it was sent by itself, and a
call that has no other one beside it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

import hiredis
import msgspec

from zaqar_core.store.connection import pack

if TYPE_CHECKING:
    from zaqar_core.store.scripts import Compiled

Arguments = Sequence[bytes | str | int]
#: Bounds of a joined call, since other connections wait while the server executes it: messages that it sends, takes or
#: deletes, and their bytes.
MOST_MESSAGES, MOST_BYTES = 32, 64 * 1024
_log = logging.getLogger("sqs_facade.store")


class Retry(Enum):
    """In place of the reply of a call for which the joined one did nothing."""

    #: Make the call again, but the third time by itself.
    ONCE_MORE = 1
    #: Make the call by itself.
    ALONE = 2


class JoinableCall(msgspec.Struct, gc=False):
    """A call that is not packed yet, since others may join it. ``policy``: see ``Store.run``."""

    script: Compiled
    key: bytes
    policy: bytes
    arguments: Arguments
    #: Bytes of the messages in the expected reply.
    expected_bytes: int = 0

    @property
    def joining(self) -> Joining:
        """How it is joined."""
        joining = self.script.joining
        assert joining is not None
        return joining

    def pack(self) -> bytes:
        """Pack this call by itself."""
        return pack_call(self.script, self.key, self.arguments, self.policy)


#: Packed commands, or a call that others may join.
Commands = bytes | JoinableCall
#: Commands, a function that takes the list of their replies or the text of a problem, and the number of replies.
Exchange = tuple[Commands, Callable[[Any], object], int]
#: What calls must have in common to be joined; how many messages one of them sends, takes or deletes, and their bytes.
Terms = tuple[tuple[bytes | str | int, ...], int, int]


class Joining(Protocol):
    """How calls of one function are joined. ``calls`` are the arguments of several, in order."""

    #: Errors that a joined call gets because of some of its calls; nothing was done then. Each call is sent by itself
    #: after these, and gets any other error, which is that of all.
    own_failures: frozenset[str] = frozenset()

    def admits(self, arguments: Arguments) -> bool:
        """Return whether others may join the call. It must be small: it is not packed before it is sent."""

    def terms(self, arguments: Arguments) -> Terms:
        """Return the terms of such a call."""

    def join(self, calls: Sequence[Arguments]) -> Arguments:
        """Return the arguments of the joined call."""

    def divide(self, calls: Sequence[Arguments], reply: Any) -> Sequence[Any]:
        """Return what each call would have got by itself, or a Retry. The reply is no error."""


def alone(commands: Commands) -> bytes:
    """Return the packed form of commands that no others join."""
    return commands if isinstance(commands, bytes) else commands.pack()


def pack_call(script: Compiled, key: bytes, arguments: Arguments, policy: bytes = b"") -> bytes:
    """Pack one call of a function. ``policy``: see ``Store.run``."""
    if policy:
        return pack((b"FCALL", script.address, 2, key, policy, *arguments))
    return pack((b"FCALL", script.address, 1, key, *arguments))


def joined(exchanges: Sequence[Exchange]) -> Sequence[Exchange]:
    """Join what can be joined of the exchanges of one write. A joined call has the place of its first one."""
    by_queue: dict[tuple[bytes, bytes, bytes], list[int]] = {}
    for index, (call, _, _) in enumerate(exchanges):
        if isinstance(call, JoinableCall):
            by_queue.setdefault((call.script.address, call.key, call.policy), []).append(index)
    found: list[Exchange | None] = list(exchanges)
    for indexes in by_queue.values():
        if len(indexes) > 1:
            _join(found, indexes)
    return [one for one in found if one is not None]


def _join(exchanges: list[Exchange | None], indexes: Sequence[int]) -> None:
    """Put joined calls in the places of the calls with these indexes, which are of one function on one queue."""
    #: The last call with these terms, to which others are added while it has room.
    last: dict[object, _JoinedCall] = {}
    joined_calls: list[_JoinedCall] = []
    for index in indexes:
        exchange = exchanges[index]
        assert exchange is not None
        call = exchange[0]
        assert isinstance(call, JoinableCall)
        common, messages, size_bytes = call.joining.terms(call.arguments)
        size_bytes += call.expected_bytes
        found = last.get(common)
        if found is None or not found.has_room(messages, size_bytes):
            found = last[common] = _JoinedCall(index, call)
            joined_calls.append(found)
        found.add(call, exchange[1], messages, size_bytes)
        exchanges[index] = None
    for found in joined_calls:
        exchanges[found.index] = found.exchange()


class _JoinedCall:
    """Calls that become one. ``index`` is the place of the first one."""

    __slots__ = ("_calls", "_first", "_messages", "_resumes", "_size_bytes", "index")

    def __init__(self, index: int, first: JoinableCall) -> None:
        self.index = index
        self._first = first
        self._calls: list[Arguments] = []
        self._resumes: list[Callable[[Any], object]] = []
        self._messages = self._size_bytes = 0

    def has_room(self, messages: int, size_bytes: int) -> bool:
        """Return whether a call of that size may be added."""
        return self._messages + messages <= MOST_MESSAGES and self._size_bytes + size_bytes <= MOST_BYTES

    def add(self, call: JoinableCall, resume: Callable[[Any], object], messages: int, size_bytes: int) -> None:
        """Add a call, and what resumes its task."""
        self._calls.append(call.arguments)
        self._resumes.append(resume)
        self._messages += messages
        self._size_bytes += size_bytes

    def exchange(self) -> Exchange:
        """Return the exchange of all calls."""
        first = self._first
        if len(self._calls) == 1:
            return first, self._resumes[0], 1
        arguments = first.joining.join(self._calls)
        return pack_call(first.script, first.key, arguments, first.policy), self._resume, 1

    def _resume(self, found: Any) -> None:
        for resume, part in zip(self._resumes, self._parts(found), strict=True):
            resume(part)

    def _parts(self, found: Any) -> Sequence[Any]:
        """Return what each task gets. All get the text of a problem."""
        if not isinstance(found, list):
            return [found] * len(self._calls)
        if isinstance(found[0], hiredis.ReplyError):
            word = str(found[0]).removeprefix("ERR ").partition(" ")[0]
            is_own = word in self._first.joining.own_failures
            return [[Retry.ALONE] if is_own else found] * len(self._calls)
        try:
            parts = self._first.joining.divide(self._calls, found[0])
            return [[part] for _, part in zip(self._calls, parts, strict=True)]
        except Exception:  # whatever it is, all tasks must go on
            _log.exception("the reply of a joined call of %s cannot be divided", self._first.script.name)
            return ["a reply cannot be read"] * len(self._calls)

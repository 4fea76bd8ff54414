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
from collections.abc import Callable, Iterator, Sequence
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


#: What calls must have in common to be joined; how many messages one of them sends, takes or deletes, and their bytes.
Terms = tuple[object, int, int]


class JoinableCall(msgspec.Struct, gc=False):
    """A call that is not packed yet, since others may join it. ``policy``: see ``Store.run``."""

    script: Compiled
    key: bytes
    policy: bytes
    arguments: Arguments
    terms: Terms
    #: Bytes of the messages in the expected reply.
    expected_bytes: int = 0

    def pack(self) -> bytes:
        """Pack this call by itself."""
        return pack_call(self.script, self.key, self.arguments, self.policy)


#: Packed commands, or a call that others may join.
Commands = bytes | JoinableCall
#: Commands, a function that takes the list of their replies or the text of a problem, and the number of replies.
Exchange = tuple[Commands, Callable[[Any], object], int]


class Joining(Protocol):
    """How calls of one function are joined. ``calls`` are several with equal terms, in order."""

    #: Errors that a joined call gets because of some of its calls; nothing was done then. Each call is sent by itself
    #: after these, and gets any other error, which is that of all.
    own_failures: frozenset[str] = frozenset()

    def terms(self, arguments: Arguments) -> Terms | None:
        """Return the terms of a call, None if no other may join it. Such a call may be large."""

    def join(self, calls: Sequence[JoinableCall]) -> Arguments:
        """Return the arguments of the joined call."""

    def divide(self, calls: Sequence[JoinableCall], reply: Any) -> Sequence[Any]:
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
    found: list[Exchange | _JoinedCall] = []
    #: The place of the last call of its kind, which others join while there is room.
    places: dict[object, int] = {}
    for exchange in exchanges:
        call = exchange[0]
        if isinstance(call, JoinableCall):
            kind = (call.script.address, call.key, call.policy, call.terms[0])
            place = places.get(kind)
            if place is not None:
                first = found[place]
                if not isinstance(first, _JoinedCall):
                    first = found[place] = _JoinedCall(first)
                if first.add(call, exchange[1]):
                    continue
            places[kind] = len(found)
        found.append(exchange)
    return [one.exchange() if isinstance(one, _JoinedCall) else one for one in found]


class _JoinedCall:
    """Calls that become one."""

    __slots__ = ("_calls", "_joining", "_messages", "_resumes", "_size_bytes")

    def __init__(self, first: Exchange) -> None:
        call = first[0]
        assert isinstance(call, JoinableCall)
        joining = call.script.joining
        assert joining is not None
        self._joining = joining
        self._calls = [call]
        self._resumes = [first[1]]
        _, self._messages, size_bytes = call.terms
        self._size_bytes = size_bytes + call.expected_bytes

    def add(self, call: JoinableCall, resume: Callable[[Any], object]) -> bool:
        """Add a call, and what resumes its task; return False if there is no room."""
        _, messages, size_bytes = call.terms
        messages += self._messages
        size_bytes += call.expected_bytes + self._size_bytes
        if messages > MOST_MESSAGES or size_bytes > MOST_BYTES:
            return False
        self._messages, self._size_bytes = messages, size_bytes
        self._calls.append(call)
        self._resumes.append(resume)
        return True

    def exchange(self) -> Exchange:
        """Return the exchange of all calls."""
        calls, resumes = self._calls, self._resumes
        first = calls[0]
        if len(calls) == 1:
            return first, resumes[0], 1
        packed = pack_call(first.script, first.key, self._joining.join(calls), first.policy)
        return packed, self._resume, 1

    def _resume(self, found: Any) -> None:
        _resume_all(zip(self._resumes, self._parts(found), strict=True))

    def _parts(self, found: Any) -> Sequence[Any]:
        """Return what each task gets. All get the text of a problem."""
        if not isinstance(found, list):
            return [found] * len(self._calls)
        if isinstance(found[0], hiredis.ReplyError):
            word = str(found[0]).removeprefix("ERR ").partition(" ")[0]
            return [[Retry.ALONE] if word in self._joining.own_failures else found] * len(self._calls)
        try:
            parts = self._joining.divide(self._calls, found[0])
            return [[part] for _, part in zip(self._calls, parts, strict=True)]
        except Exception:  # whatever it is, all tasks must go on
            _log.exception("the reply of a joined call of %s cannot be divided", self._calls[0].script.name)
            return ["a reply cannot be read"] * len(self._calls)


def _resume_all(tasks: Iterator[tuple[Callable[[Any], object], Any]]) -> None:
    """Resume the tasks, each with its part. One that ends with an error does not keep the others from going on."""
    for resume, part in tasks:
        try:
            resume(part)
        except BaseException:
            _resume_all(tasks)
            raise

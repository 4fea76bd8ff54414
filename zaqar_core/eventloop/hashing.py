"""Digests of large texts, which would block the event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol, TypeVar

from zaqar_core.eventloop.tasks import Threads

P = ParamSpec("P")
T = TypeVar("T")

#: Larger texts are hashed in another thread, which does not hold the interpreter meanwhile. MD5 of so many bytes takes
#: about 0.4 ms, a call of a thread 0.1 ms.
_LARGE_BYTES = 256 * 1024
_threads = Threads(2, "hashing")


class _Hash(Protocol):
    def hexdigest(self) -> str: ...


def hash_text(length: int, function: Callable[P, T], *arguments: P.args, **options: P.kwargs) -> T:
    """Return the result of a function that hashes so many bytes. While it hashes many, other tasks run."""
    if length > _LARGE_BYTES:
        return _threads.run(function, *arguments, **options)
    return function(*arguments, **options)


def hexdigest(algorithm: Callable[[bytes], _Hash], text: bytes) -> str:
    """Return the digest of a text, in hexadecimal. While a large text is hashed, other tasks run."""
    if len(text) > _LARGE_BYTES:
        return _threads.run(_hexdigest, algorithm, text)
    return algorithm(text).hexdigest()


def _hexdigest(algorithm: Callable[[bytes], _Hash], text: bytes) -> str:
    return algorithm(text).hexdigest()

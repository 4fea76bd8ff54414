"""Long iterations in lists of a bounded length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(things: Iterable[T], length: int) -> Iterator[list[T]]:
    """Iterate over lists of ``length`` things; the last one may be shorter. Each is read when it is asked for."""
    rest = iter(things)
    while some := list(islice(rest, length)):
        yield some

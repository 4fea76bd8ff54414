"""Operations of several steps: what the refusal of a later step means for the whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from zaqar_core.domain.errors import StoreFull, StoreUnavailable, StoreUnfit


@contextmanager
def later_step() -> Iterator[None]:
    """Run a step of an operation that has changed something before.

    A store that refuses it as full or unfit has changed nothing by this step, but the operation has: no response may
    say that nothing was stored or changed. Raises StoreUnavailable, whose outcome is unknown, in their place.
    """
    try:
        yield
    except (StoreFull, StoreUnfit) as problem:
        raise StoreUnavailable(problem.reason) from None

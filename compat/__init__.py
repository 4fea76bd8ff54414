"""For people who come with a test suite: a service for tests, a pytest plugin, a bridge from moto."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compat.embedded import Facade, facade

__all__ = ["Facade", "facade"]


def __getattr__(name: str) -> Any:
    # Every run of pytest imports this package for its plugin, also where no test asks for it.
    if name in __all__:
        from compat import embedded

        return getattr(embedded, name)
    raise AttributeError(name)

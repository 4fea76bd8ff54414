"""For people who come with a test suite: a service for tests, a pytest plugin, a bridge from moto.

The package is ``sqs_facade.compat``. In a checkout its folder stands beside ``sqs_facade``.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .embedded import Facade, facade

__all__ = ["Facade", "facade"]

if __name__ == "compat":
    # ``python -m compat`` in a checkout. The package takes the place of this module: no file is loaded twice.
    sys.modules[__name__] = importlib.import_module("sqs_facade.compat")


def __getattr__(name: str) -> Any:
    # Every run of pytest imports this package for its plugin, also where no test asks for it.
    if name in __all__:
        from . import embedded

        return getattr(embedded, name)
    raise AttributeError(name)

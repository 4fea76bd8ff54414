"""Tools for test suites: a service for tests, a pytest plugin, a bridge from moto, and a comparison of SQS services.

The package is ``sqs_facade.compat``. In a checkout its folder is beside ``sqs_facade``.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .service import Facade, facade

__all__ = ["Facade", "facade"]

if __name__ == "compat":
    # ``python -m compat`` in a checkout: replace this module by the package, so that no file is loaded twice.
    sys.modules[__name__] = importlib.import_module("sqs_facade.compat")


def __getattr__(name: str) -> Any:
    # Imported on first use: every run of pytest imports this package for its plugin, even if no test uses it.
    if name in __all__:
        from . import service

        return getattr(service, name)
    raise AttributeError(name)

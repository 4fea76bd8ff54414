"""Hand on the WSGI application in a checkout: ``wsgi:app`` is ``sqs_facade.wsgi:app``, the name in an installation."""

from __future__ import annotations

from typing import Any

from sqs_facade.wsgi import create_app

__all__ = ["app", "create_app"]  # noqa: F822 - __getattr__ has app


def __getattr__(name: str) -> Any:
    if name == "app":
        from sqs_facade.wsgi import app

        return app
    raise AttributeError(name)

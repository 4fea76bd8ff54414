"""For a checkout: ``gunicorn wsgi:app`` is ``gunicorn sqs_facade.wsgi:app``, which installed users write."""

from __future__ import annotations

from typing import Any

from sqs_facade.wsgi import create_app

__all__ = ["app", "create_app"]  # noqa: F822 - __getattr__ has app


def __getattr__(name: str) -> Any:
    if name == "app":
        from sqs_facade.wsgi import app

        return app
    raise AttributeError(name)

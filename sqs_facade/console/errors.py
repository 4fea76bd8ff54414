"""Errors of the console's own. Those of operations are SQS's, in the same words."""

from __future__ import annotations


class ConsoleError(Exception):
    """An error response: its status, a code for the page, and a text for the person who reads it."""

    def __init__(self, status: int, code: str, message: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_seconds = retry_after_seconds


def sign_in_required() -> ConsoleError:
    """Build the error for a request without a session, or with one that has ended."""
    return ConsoleError(401, "SignInRequired", "Sign in with an access key. A session that you had has ended.")


def not_found() -> ConsoleError:
    """Build the error for a path that does not exist."""
    return ConsoleError(404, "NotFound", "The console has no such page.")

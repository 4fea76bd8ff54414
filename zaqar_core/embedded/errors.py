"""The one error of the embedded Valkey."""

from __future__ import annotations


class EmbeddedError(Exception):
    """The embedded Valkey cannot be used. The text is one line for the operator."""

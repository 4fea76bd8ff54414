"""Errors of this package."""

from __future__ import annotations


class PolicyInvalid(ValueError):
    """Raised when a policy document cannot be read. The text says why, and is meant for its author."""

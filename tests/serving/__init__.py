"""Serving, as processes."""

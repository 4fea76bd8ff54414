"""Declared queues: what a file says, and what the store then has."""

"""The operations, one module per topic. Importing a module registers its operations."""

from __future__ import annotations


def load_all() -> None:
    """Register every operation."""
    from sqs_facade.operations import move_tasks, permissions, queue_attributes, queues, receiving, sending, tags

    del move_tasks, permissions, queues, receiving, sending, queue_attributes, tags

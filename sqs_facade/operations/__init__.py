"""One small file per theme; importing them enters the operations into the registry."""

from __future__ import annotations


def load_all() -> None:
    """Every operation is in the registry."""
    from sqs_facade.operations import move_tasks, permissions, queue_attributes, queues, receiving, sending, tags

    del move_tasks, permissions, queues, receiving, sending, queue_attributes, tags

"""What the service speaks of: queues, messages, limits, names, ids and errors. Nothing here does I/O."""

"""The domain: queues, messages, limits, names, ids and errors. No module here does I/O."""

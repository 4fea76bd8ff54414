"""The operations on queues and messages. Each is one atomic function in the store."""

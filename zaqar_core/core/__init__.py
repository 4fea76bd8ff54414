"""Operations on queues and messages. Each one runs an atomic function in the store."""

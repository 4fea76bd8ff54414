"""Pools: queues spread over several Redis deployments, and the flavors that group them."""

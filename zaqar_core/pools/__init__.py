"""Pools: Redis deployments over which queues are spread, and the flavors that group pools."""

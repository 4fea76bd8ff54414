"""Metrics: what each process counts, how the processes of a node add it up, and the page that Prometheus reads."""

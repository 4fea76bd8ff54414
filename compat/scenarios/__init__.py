"""The scenarios, one module per theme. A scenario is declared by ``compat.scenario.scenario``."""

"""The scenarios, one module per theme. A scenario is declared by ``sqs_facade.compat.scenario.scenario``."""
